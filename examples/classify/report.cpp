// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/report.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "runtime/text.h"

namespace classify {

std::size_t correct_answers(const std::vector<Title>& titles, const std::vector<Answer>& answers) {
  std::size_t correct = 0;
  for (std::size_t i = 0; i < titles.size(); ++i) correct += best_of(answers[i]) == titles[i].label ? 1 : 0;
  return correct;
}

namespace {

void print_confusions(const std::vector<std::string>& names, const std::vector<Title>& titles,
                      const std::vector<Answer>& answers) {
  constexpr std::size_t kShown = 8;
  std::map<std::pair<int, int>, int> counts;
  for (std::size_t i = 0; i < titles.size(); ++i)
    if (best_of(answers[i]) != titles[i].label) ++counts[{titles[i].label, best_of(answers[i])}];
  std::vector<std::pair<std::pair<int, int>, int>> pairs(counts.begin(), counts.end());
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (!pairs.empty()) std::printf("\nmost confused:\n");
  for (std::size_t i = 0; i < std::min(kShown, pairs.size()); ++i) {
    const auto& [labels, count] = pairs[i];
    std::printf("  %3d  %-10s taken for %s\n", count, names[labels.first].c_str(),
                names[labels.second].c_str());
  }
}

// `title` in `columns`, cut or padded; whatever bytes the data held.
std::string in_columns(const std::string& title, std::size_t columns) {
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  std::string out;
  std::size_t used = 0;
  for (char c : rondo::runtime::printable(title)) {
    if (begins_character(c) && used++ == columns) return out;
    out += c;
  }
  return out + std::string(columns - used, ' ');
}

// Titles from all over the test set: each tenth of it gives its first.
void print_examples(const std::vector<std::string>& names, const std::vector<Title>& titles,
                    const std::vector<Answer>& answers) {
  constexpr std::size_t kShown = 10;
  std::printf("\nten titles: label, guesses and their probabilities\n");
  for (std::size_t k = 0; k < std::min(kShown, titles.size()); ++k) {
    const std::size_t i = k * titles.size() / kShown;
    std::vector<int> order(names.size());
    for (std::size_t s = 0; s < order.size(); ++s) order[s] = static_cast<int>(s);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return answers[i][a] > answers[i][b]; });
    std::printf("  %s %-10s", in_columns(titles[i].text, 60).c_str(), names[titles[i].label].c_str());
    for (std::size_t guess = 0; guess < std::min<std::size_t>(3, order.size()); ++guess)
      std::printf("  %s %.0f %%", names[order[guess]].c_str(), 100 * answers[i][order[guess]]);
    std::printf("\n");
  }
}

}  // namespace

void print_report(const std::vector<std::string>& labels, const std::vector<Title>& titles,
                  const std::vector<Answer>& answers) {
  if (titles.empty()) {
    std::printf("\nno title is for testing\n");
    return;
  }
  print_confusions(labels, titles, answers);
  print_examples(labels, titles, answers);
  std::printf(
      "\ntest accuracy %.1f %% (%zu of %zu titles)\n",
      100.0 * static_cast<double>(correct_answers(titles, answers)) / static_cast<double>(titles.size()),
      correct_answers(titles, answers), titles.size());
}

}  // namespace classify
