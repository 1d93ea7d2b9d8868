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
