// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/titles.h"

#include <cstdint>
#include <utility>

namespace classify {

namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

}  // namespace

Titles::Titles(std::vector<std::string> labels, const std::map<std::string, int>& label_of_text)
    : labels(std::move(labels)) {
  for (const auto& [text, label] : label_of_text)
    (fnv1a(text) % 10 == 0 ? test : train).push_back({text, label});
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace classify
