// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Titles as numbers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "examples/classify/titles.h"

namespace classify {

/// The title's words, runs of [a-z0-9+]: the first 100.
std::vector<std::string_view> words_of(std::string_view title);

/// Numbers the words that are seen at least twice in the training titles: 0 is padding, 1 an unknown word,
/// then the words by falling frequency, equally frequent ones by their bytes.
class Vocabulary {
 public:
  static constexpr std::int32_t kPadding = 0, kUnknown = 1;

  static Vocabulary of(std::span<const Title> train);
  /// With the words that words() gave, in their order.
  explicit Vocabulary(std::vector<std::string> words);

  /// Number of ids, padding and unknown among them.
  std::int64_t size() const { return static_cast<std::int64_t>(words_.size()) + 2; }
  /// The words of ids 2, 3, ...
  const std::vector<std::string>& words() const { return words_; }
  /// The ids of the title's words.
  std::vector<std::int32_t> ids(std::string_view title) const;

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::int32_t, std::less<>> ids_;
};

/// A title as the model sees it.
struct Sample {
  std::vector<std::int32_t> words;
  std::int32_t label;
};

std::vector<Sample> samples_of(const std::vector<Title>& titles, const Vocabulary& vocabulary);

}  // namespace classify
