// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a trained classifier does on titles that it has not seen.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "examples/classify/titles.h"

namespace classify {

/// The model's answer to one title: the probability of each section.
using Answer = std::array<float, kSections.size()>;

/// The section that is most probable, the first of equals.
int best_of(const Answer& answer);

/// How many of the titles' labels are the most probable answer.
std::size_t correct_answers(const std::vector<Title>& titles, const std::vector<Answer>& answers);

/// Prints the accuracy, the pairs of sections that are taken for one another most often, and ten titles.
void print_report(const std::vector<Title>& titles, const std::vector<Answer>& answers);

}  // namespace classify
