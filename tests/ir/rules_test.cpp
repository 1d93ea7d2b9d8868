// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every rule of the language is checked by the parser, with message, line and column, and by the verifier.
#include <doctest/doctest.h>

#include <set>

#include "ir/error.h"
#include "ir/op_row.h"
#include "ir/parse.h"
#include "ir/verify.h"
#include "tests/ir/rule_cases.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

std::string error_of(const std::string& text, const std::string& file) {
  try {
    parse(text, file);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string internal_error_of(const Module& module) {
  try {
    verify(module, "after the pass");
  } catch (const InternalError& error) {
    return error.what();
  }
  return "no error";
}

// A function of 257 guards, one of regions 65 deep.
std::string many_guards() {
  std::string text = "func @f(%x: f32[B]) -> () where require 1 <= B";
  for (int i = 0; i < 256; ++i) text += ", require 1 <= B";
  return text + " { return }";
}
std::string deep_regions() {
  std::string text = "func @f(%x: f32[B]) -> () {\n", end;
  for (int i = 0; i < 65; ++i) text += "%y = fusion use(%x = %x) {\n", end += "yield (%x) }\n";
  return text + end + "return }";
}

}  // namespace

TEST_CASE("each wrong text says what is wrong, and where") {
  const auto cases = written_cases();
  CHECK(cases.size() >= 150);
  for (const TextCase& wrong : cases) CHECK(error_of(wrong.text, wrong.file) == wrong.message);
}

TEST_CASE("element-wise ops refuse operands that differ and types that they do not take") {
  for (const TextCase& wrong : elementwise_cases()) {
    CAPTURE(wrong.text);
    CHECK(error_of(wrong.text, wrong.file) == wrong.message);
  }
}

TEST_CASE("limits on guards and nesting hold") {
  CHECK(error_of(many_guards(), "f") == "f:1:4129: error: func_c4: a function has more than 256 guards");
  CHECK(error_of(deep_regions(), "f") == "f:66:6: error: graph_c3: regions nest deeper than 64");
}

TEST_CASE("the verifier finds what is broken in memory and names the context") {
  CHECK(internal_error_of(parse(kIntact, "intact")) == "no error");
  for (const MemoryCase& broken : memory_cases()) {
    CAPTURE(broken.label);
    Module module = parse(kIntact, "intact");
    broken.break_it(module);
    const std::string message = internal_error_of(module);
    CAPTURE(message);
    CHECK(message.starts_with("after the pass: "));
    CHECK(message.find(": " + broken.label + ": ") != std::string::npos);
  }
}

TEST_CASE("every rule and every constraint of every row has a case that breaks it") {
  std::set<std::string> broken = {cited_rule(error_of(many_guards(), "f")),
                                  cited_rule(error_of(deep_regions(), "f"))};
  for (const auto& cases : {written_cases(), elementwise_cases()})
    for (const TextCase& one : cases) broken.insert(cited_rule(one.message));
  for (const MemoryCase& one : memory_cases()) broken.insert(one.label);

  for (const Rule& rule : rules()) CHECK_MESSAGE(broken.contains(std::string(rule.label)), rule.label);
  for (const OpRow* row : all_rows())
    for (size_t i = 1; i <= row->constraints.size(); ++i) {
      const std::string label = row->name + "_c" + std::to_string(i);
      const bool element_math = row->is_elementwise() && !row->declared_results;
      const bool lone_operand =
          element_math && i == 1 && row->operands.size() == 1;  // nothing to differ from
      const bool takes_all = element_math && i == 2 && row->math.takes(i1) && row->math.takes(f32);
      const bool compares_all = !row->math_by_word.empty() && i == 2;
      if (!lone_operand && !takes_all && !compares_all) CHECK_MESSAGE(broken.contains(label), label);
    }
}
