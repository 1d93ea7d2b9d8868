// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the classifier learns from: short texts and their labels.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace classify {

struct Title {
  std::string text;  ///< ASCII letters in lower case
  int label = 0;     ///< an index into Titles::labels
};

/// Titles to train on and to test with, both sorted by the bytes of their texts, which are all different. A
/// title is for testing if 10 divides its FNV-1a hash (64 bits).
struct Titles {
  Titles(std::vector<std::string> labels, const std::map<std::string, int>& label_of_text);

  std::vector<std::string> labels;
  std::vector<Title> train, test;
};

/// With ASCII letters in lower case.
std::string lower_case(std::string_view text);

/// Without blanks (space, tab, CR) at both ends.
std::string_view trim(std::string_view text);

}  // namespace classify
