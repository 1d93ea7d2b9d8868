// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any bytes may be parsed: they give a module that verifies, or one short message, in little time and stack.
#include <doctest/doctest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/builder.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "tests/ir/rule_cases.h"
#include "tests/ir/small_stack.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

// Empty if the text parses, verifies and keeps its text once printed; else the message. An InternalError or a
// crash fails the test.
std::string outcome(const std::string& text) {
  Module module;
  try {
    module = parse(text, "f");
  } catch (const Error& error) {
    return error.what();
  }
  verify(module, "after parsing");
  const std::string printed = print(module);
  CHECK(print(parse(printed, "printed")) == printed);
  return {};
}

void check_one_line(const std::string& message) {
  CHECK(message.size() < 1000);
  CHECK(message.find_first_of(std::string_view("\n\0", 2)) == std::string::npos);
}

// Texts that between them use all of the grammar.
std::vector<std::string> samples() {
  std::vector<std::string> texts = {kIntact};
  for (const char* path : {"tests/ir/round-trip.rondo", "tests/ir/every-op.rondo"}) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    texts.push_back(print(parse(text.str(), path)));
  }
  return texts;
}

std::string repeated(const std::string& part, int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("a text cut anywhere, or with one byte changed, gives a message or a module that verifies") {
  const std::clock_t start = std::clock();
  size_t accepted = 0, refused = 0;
  const auto try_text = [&](const std::string& text) {
    const std::string message = outcome(text);
    check_one_line(message);
    ++(message.empty() ? accepted : refused);
  };
  for (const std::string& text : samples()) {
    CHECK(outcome(text).empty());
    uint32_t random = 1;
    for (size_t i = 0; i < text.size(); ++i) {
      try_text(text.substr(0, i));
      try_text(std::string(text).erase(i, 1));
      try_text(std::string(text).insert(i, 1, text[i]));
      random = random * 1664525 + 1013904223;
      std::string flipped = text, other = text;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << (random >> 29)));
      other[i] = "%@()[]{}:,=+-*0\"\\\n\xff."[(random >> 20) % 20];
      try_text(flipped);
      try_text(other);
    }
  }
  CHECK(accepted > 1000);
  CHECK(refused > 10000);
  CHECK((std::clock() - start) / CLOCKS_PER_SEC < 120);
}

TEST_CASE("strange bytes are named, escaped") {
  using namespace std::string_literals;
  CHECK(outcome("func @f\0"s) == "f:1:8: error: '\\x00' begins nothing that is known here");
  CHECK(outcome("func @f\xff") == "f:1:8: error: the byte '\\xff' is not valid UTF-8");
  CHECK(outcome("// \xc3\x28") == "f:1:4: error: the byte '\\xc3' is not valid UTF-8");
  CHECK(outcome("// \xed\xa0\x80") == "f:1:4: error: the byte '\\xed' is not valid UTF-8");
  CHECK(outcome("// a \0"s) == "f:1:6: error: '\\x00' begins nothing that is known here");
  CHECK(outcome("func @\xc3\xa4") == "f:1:6: error: expected a name after '@'");
  CHECK(outcome("\xc3\xa4") == "f:1:1: error: '\xc3\xa4' begins nothing that is known here");
  CHECK(outcome("\xef\xbb\xbf"
                "func") == "f:1:1: error: the text begins with a byte order mark; save it without one");
  CHECK(outcome("func @f() -> () where require 1 <= 1 loc(\"\xf8\":1) { return }") ==
        "f:1:43: error: the byte '\\xf8' is not valid UTF-8");
  CHECK(outcome("func @f(%x: f32[] loc(\"a\\x00b\":1)) -> () { return }") ==
        "f:1:23: error: expected the name of a file");
  CHECK(outcome("").empty());
  CHECK(outcome("rondo 0.1\r\n\r\nfunc @f() -> () {\r\n  return\r\n}\r\n").empty());
  CHECK(outcome("func @f() -> () {") ==
        "f:1:18: error: expected an op or 'return', found the end of the text");
}

TEST_CASE("what is too long or too deep is refused with a short message") {
  const int million = 1000000;
  const std::string head = "func @f(%x: f32[B]) -> () {\n";
  const std::pair<std::string, std::string> cases[] = {
      {"func @" + repeated("a", million),
       "f:1:6: error: the name '@" + repeated("a", 59) + "..' has 1000000 bytes"},
      {"func @f(%" + repeated("a", million), "f:1:9: error: the name '%"},
      {"func @f(%x: f32[" + repeated("a", 300), "f:1:17: error: the name 'a"},
      {"func @f(%x: f32[" + repeated("a", 100), "f:1:17: error: a dim symbol has more than 64 characters"},
      {head + repeated("(", million), "f:2:1: error: expected an op or 'return', found '('"},
      {"func @f(%x: f32[" + repeated("9", million), "f:1:17: error: the number '9"},
      {head + "%y = add %x, 0." + repeated("1", million), "f:2:14: error: the number '0.1"},
      {head + "%y = mul %x, 1e" + repeated("9", 300), "f:2:14: error: expected a number of type f32"},
      {"func @f(%x: f32[" + repeated("[", million), "f:1:17: error: expected a size"},
      {"func @f(%x: f32[" + repeated("T*", million), "f:1:81: error: a size multiplies more than 32 symbols"},
      {head + repeated("%y = fusion use(%x = %x) {\n", 10000),
       "f:66:6: error: graph_c3: regions nest deeper"},
      {head + "return " + repeated("%x, ", million), "f:2:4000008: error: expected a value"},
      {head + "%y = concat " + repeated("%x, ", million), "f:2:4000013: error: expected a value"},
      {head + "%y = transpose %x perm([" + repeated("0,", 100000) + "0])",
       "f:2:6: error: transpose_c1: perm([0,0"},
      {"func @f(%x: f32[B] loc(\"a\":1 via " + repeated("\"p\",", million),
       "f:1:434: error: a place names more than"},
      {"\"" + repeated("a", million), "f:1:1: error: the string that begins here does not end on its line"},
      {repeated("\n", million) + "!", "f:1000001:1: error: '!' begins nothing"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string message = outcome(text);
    check_one_line(message);
    CHECK(message.substr(0, expected.size()) == expected);
  }
}

TEST_CASE("products of sizes stay small") {
  std::string sum = "a1";
  for (int i = 2; i <= 60; ++i) sum += "+a" + std::to_string(i);
  std::string symbols;
  for (int i = 1; i <= 60; ++i) symbols += ",a" + std::to_string(i);
  std::string params;
  for (int i = 1; i <= 60; ++i) params += ", %a" + std::to_string(i) + ": f32[a" + std::to_string(i) + "]";
  const std::string text = "func @f(%x: f32[" + sum + "," + sum + "]" + params + ") -> () {\n  return\n}\n";
  const std::string message = outcome(text);
  check_one_line(message);
  CHECK(message.starts_with("f:1:13: error: type_c3: f32[a1+a10+"));
  CHECK(message.ends_with("has too many elements: a size has more than 64 terms"));
}

TEST_CASE("a chain of a million ops is built, printed, parsed, verified and destroyed on a small stack") {
  test::on_small_stack([] {
    Module module;
    Function* chain = module.add(std::make_unique<Function>("chain"));
    Value* x = chain->add_param(f32[{Dim("B")}], "x");
    Builder b(chain->body, Loc("mine.cpp", 14));
    for (int i = 0; i < test::kLongChain; ++i) x = b.neg(x);
    chain->body.results = {x};
    const std::string text = print(module);
    const Module parsed = parse(text, "chain");
    verify(parsed, "after parsing");
    CHECK(parsed.functions[0]->body.ops.size() == test::kLongChain);
    CHECK(print(parsed) == text);
  });
}

TEST_CASE("an op with a hundred thousand operands is printed and parsed") {
  const std::string text = "rondo 0.1\n\nfunc @f(%x: f32[B]) -> (f32[100000*B]) {\n  %0 = concat %x" +
                           repeated(", %x", 99999) + " dim(0) : f32[100000*B]\n  return %0\n}\n";
  CHECK(print(parse(text, "f")) == text);
}
