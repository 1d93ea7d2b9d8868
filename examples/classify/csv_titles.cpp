// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/csv_titles.h"

#include <rondo/csv.h>

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/failure.h"
#include "runtime/text.h"

namespace classify {

namespace {

constexpr std::int64_t kMostNotes = 5;
constexpr std::size_t kMostLabels = 1000;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_heading(const rondo::CsvRow& row) {
  const std::string label = lower_case(trim(row.fields[0]));
  return label == "class" || label == "class index" || label == "label";
}

// It goes to the terminal, so line breaks and other control characters become blanks.
std::string text_of(const rondo::CsvRow& row) {
  std::string text;
  for (std::size_t i = 1; i < row.fields.size(); ++i) text += (i > 1 ? " " : "") + lower_case(row.fields[i]);
  std::ranges::replace_if(text, is_control, ' ');
  return std::string(trim(text));
}

std::string problem_of(const rondo::CsvRow& row, const std::string& label, const std::string& text) {
  if (row.fields.size() < 2) return "expected a label and a text, found one field";
  if (label.empty()) return "the label is empty";
  if (label.find('\n') != label.npos || rondo::runtime::printable(label) != label)
    return "the label holds a control character";
  return text.empty() ? "there is no text" : "";
}

}  // namespace

Titles read_csv_titles(const std::string& path, const std::function<void(const std::string&)>& note) {
  const std::string name = rondo::runtime::quoted(path);
  std::map<std::string, std::string> label_of_text;
  std::map<std::string, int> numbers;  // of labels
  std::int64_t bad = 0;
  bool first = true;
  rondo::CsvReader reader(path);
  while (const auto row = reader.next()) {
    std::string problem = row->problem;
    if (problem.empty()) {
      if (std::exchange(first, false) && is_heading(*row)) continue;
      const std::string label(trim(row->fields[0])), text = text_of(*row);
      problem = problem_of(*row, label, text);
      if (problem.empty() && label_of_text.emplace(text, label).second) numbers[label] = 0;
    }
    if (!problem.empty() && ++bad <= kMostNotes)
      note(name + ": line " + std::to_string(row->line) + ": " + problem + "; the row is left out");
  }
  if (bad > kMostNotes) note(name + ": " + std::to_string(bad) + " rows are left out in all");

  if (numbers.size() < 2 || numbers.size() > kMostLabels)
    throw rondo::runtime::Failure(name + " has " + std::to_string(numbers.size()) +
                                  " labels, expected 2 to " + std::to_string(kMostLabels) +
                                  ": a row has its label, then one or more columns of text");
  std::vector<std::string> labels;
  for (auto& [label, number] : numbers) {
    number = static_cast<int>(labels.size());
    labels.push_back(label);
  }
  std::map<std::string, int> number_of_text;
  for (const auto& [text, label] : label_of_text) number_of_text.emplace(text, numbers.at(label));
  Titles titles(std::move(labels), number_of_text);
  if (titles.train.empty())
    throw rondo::runtime::Failure(name + " gives no title to train on: all " +
                                  std::to_string(titles.test.size()) + " fall to testing");
  return titles;
}

}  // namespace classify
