// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/vocabulary.h"

#include <algorithm>
#include <utility>

namespace classify {

namespace {

constexpr std::size_t kMostWords = 100;

}  // namespace

std::vector<std::string_view> words_of(std::string_view title) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789+";
  std::vector<std::string_view> words;
  std::size_t end = 0;
  while (words.size() < kMostWords) {
    std::size_t first = title.find_first_of(kLetters, end);
    if (first == std::string_view::npos) break;
    end = std::min(title.find_first_not_of(kLetters, first), title.size());
    words.push_back(title.substr(first, end - first));
  }
  return words;
}

Vocabulary Vocabulary::of(std::span<const Title> train) {
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (const Title& title : train)
    for (std::string_view word : words_of(title.text)) ++counts[std::string(word)];
  std::vector<std::pair<std::int64_t, std::string>>
      frequent;  // count negated, so that sorting puts the most first
  for (auto& [word, count] : counts)
    if (count >= 2) frequent.emplace_back(-count, word);
  std::ranges::sort(frequent);
  std::vector<std::string> words;
  for (auto& entry : frequent) words.push_back(std::move(entry.second));
  return Vocabulary(std::move(words));
}

Vocabulary::Vocabulary(std::vector<std::string> words) : words_(std::move(words)) {
  std::int32_t next = kUnknown;
  for (const std::string& word : words_) ids_.emplace(word, ++next);
}

std::vector<std::int32_t> Vocabulary::ids(std::string_view title) const {
  std::vector<std::int32_t> ids;
  for (std::string_view word : words_of(title)) {
    auto known = ids_.find(word);
    ids.push_back(known == ids_.end() ? kUnknown : known->second);
  }
  return ids;
}

std::vector<Sample> samples_of(const std::vector<Title>& titles, const Vocabulary& vocabulary) {
  std::vector<Sample> samples;
  for (const Title& title : titles) samples.push_back({vocabulary.ids(title.text), title.label});
  return samples;
}

}  // namespace classify
