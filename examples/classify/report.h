// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a trained classifier does on titles that it has not seen.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "examples/classify/predict.h"
#include "examples/classify/titles.h"

namespace classify {

/// How many of the titles' labels are the most probable answer.
std::size_t correct_answers(const std::vector<Title>& titles, const std::vector<Answer>& answers);

/// Prints the accuracy, the pairs of labels that are taken for one another most often, and ten titles.
void print_report(const std::vector<std::string>& labels, const std::vector<Title>& titles,
                  const std::vector<Answer>& answers);

}  // namespace classify
