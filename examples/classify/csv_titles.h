// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts and labels of the user's own.
#pragma once

#include <functional>
#include <string>

#include "examples/classify/titles.h"

namespace classify {

/// Titles of a CSV file in the form of AG News: each row has its label, then one or more columns of text, such as
/// title and description, which are joined. A first row whose label is "class", "class index" or "label" is a
/// heading. Of equal texts the first counts. Rows that are bad are left out: the first five are told to `note`,
/// and then how many there were. Labels are numbered by their bytes. Throws rondo::Error if the file can't be
/// read, and rondo::runtime::Failure unless it gives a title to train on and 2 to 1000 labels.
Titles read_csv_titles(const std::string& path, const std::function<void(const std::string&)>& note);

}  // namespace classify
