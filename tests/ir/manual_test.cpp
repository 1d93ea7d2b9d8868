// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/manual.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "ir/op_row.h"
#include "ir/parse.h"
#include "ir/print.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

std::string read(const char* path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("docs/ir.md has the rules and ops that the code has (else run scripts/update-manual.sh)") {
  const std::string page = read("docs/ir.md");
  const size_t generated = page.find("## Rules of all functions\n");
  REQUIRE(generated != std::string::npos);
  CHECK(page.substr(generated) == op_manual());
}

TEST_CASE("the program on the first page of docs/ir.md is printed as it stands there") {
  const std::string page = read("docs/ir.md"), fence = "```\n";
  const size_t first = page.find(fence) + fence.size();
  const std::string program = page.substr(first, page.find(fence, first) - first);
  CHECK(print(parse(program, "docs/ir.md")) == program);
}

TEST_CASE("tests/ir/every-op.rondo has every op, and prints as the same bytes once read back") {
  const std::string path = "tests/ir/every-op.rondo";
  const Module module = parse(read(path.c_str()), path);
  std::set<const OpRow*> seen;
  for (const auto& function : module.functions)
    for_each_op(function->body, [&](const Op& op) { seen.insert(op.row); });
  for (const OpRow* row : all_rows()) CHECK_MESSAGE(seen.contains(row), row->name);
  CHECK(print(parse(print(module), "printed")) == print(module));
}

TEST_CASE("the list of ops names every op") {
  const std::string list = "\n" + op_list();
  for (const OpRow* row : all_rows())
    CHECK_MESSAGE(list.find("\n" + row->name + " ") != std::string::npos, row->name);
}

TEST_CASE("an explained op has all that its row says") {
  CHECK(explain_op("rsqrt") ==
        "rsqrt %x\n"
        "    1 / sqrt(x), two roundings\n\n"
        "family        Element by element\n"
        "operands      %x\n"
        "types         f32, by a formula in primitive ops\n"
        "              f64, by a formula in primitive ops\n"
        "              bf16, by a formula in primitive ops\n"
        "constraints   rsqrt_c1  operands have the same type\n"
        "              rsqrt_c2  the element type is one that the arithmetic takes\n"
        "derivative    its partials, by %x\n"
        "error         at most 1.5 ulp in f32\n"
        "smooth        %x in [0.2, 4.0]\n");
  for (const OpRow* row : all_rows()) {
    const std::string text = explain_op(row->name);
    for (size_t i = 0; i < row->constraints.size(); ++i)
      CHECK(text.find(" " + row->name + "_c" + std::to_string(i + 1) + "  " + row->constraints[i] + "\n") !=
            std::string::npos);
    for (const OperandSpec& operand : row->operands)
      CHECK(text.find(" %" + operand.name) != std::string::npos);
    for (const AttrSpec& attr : row->attrs)
      CHECK((text.find(" " + attr.name) != std::string::npos || attr.name == "length"));
    CHECK((text.find("\nflags ") != std::string::npos) ==
          (row->declared_results || row->cheap || row->keeps_elements || row->updates >= 0));
    CHECK(text.find("\nderivative ") != std::string::npos);
  }
}

TEST_CASE("an op that there is not is answered with the nearest names") {
  const auto message_of = [](const std::string& name) -> std::string {
    try {
      return explain_op(name);
    } catch (const Error& error) {
      return error.what();
    }
  };
  CHECK(message_of("tahn").starts_with("there is no op 'tahn'; the nearest names are tanh, "));
  CHECK(
      message_of("reducesum").starts_with("there is no op 'reducesum'; the nearest names are reduce_sum, "));
  CHECK(message_of("").starts_with("there is no op ''; "));
  CHECK(message_of(std::string(1 << 20, '\n')).size() < 300);
}
