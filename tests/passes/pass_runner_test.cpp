// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/pass_runner.h"

#include <doctest/doctest.h>

#include "backends/reference/interpreter.h"
#include "ir/error.h"
#include "ir/parse.h"

using namespace rondo;
using namespace rondo::passes;
using namespace std::string_literals;

namespace {

constexpr const char* kText = "func @f(%x: f32[B]) -> (f32[B]) {\n  %y = neg %x : f32[B]\n  return %y\n}\n";

std::string internal_error_of(bool (*pass)(ir::Function&)) {
  ir::Module module = ir::parse(kText, "f");
  PassRunner runner({.verify_each = true});
  try {
    runner.run("broken-pass", *module.functions[0], pass);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a pass that breaks the function is named, with the function as it was") {
  const std::string before = std::string("\nbefore the pass the function was:\n") + kText;
  CHECK(internal_error_of([](ir::Function& f) {
          f.body.ops[0]->results[0]->type = f64[{Dim("B")}];
          return true;
        }) ==
        "pass broken-pass: after it: @f: op_c3: result 0 is f64[B], expected f32[B]\n%y = neg %x : f64[B]"s +
            before);
  CHECK(internal_error_of([](ir::Function&) -> bool { throw InternalError("an invariant does not hold"); }) ==
        "pass broken-pass: an invariant does not hold" + before);
  CHECK(internal_error_of([](ir::Function&) -> bool { throw std::out_of_range("at"); }) ==
        "pass broken-pass: at" + before);
}

TEST_CASE("what the user can mend goes through a pass unchanged") {
  ir::Module module = ir::parse(kText, "f");
  PassRunner runner;
  const auto fails = [](ir::Function&) -> bool { throw Error("mine.cpp:3: too many ops"); };
  CHECK_THROWS_WITH_AS(runner.run("unroll", *module.functions[0], fails), "mine.cpp:3: too many ops", Error);
}

TEST_CASE("a pass says whether it changed the function") {
  ir::Module module = ir::parse(kText, "f");
  ir::Function& f = *module.functions[0];
  PassRunner runner({.verify_each = true});
  const Pass* pass = find_pass("remove-dead-code");
  REQUIRE(pass != nullptr);
  CHECK_FALSE(runner.run(*pass, f));
  f.body.results = {f.body.param(0)};
  CHECK(runner.run(*pass, f));
  CHECK(f.body.ops.empty());
  CHECK(find_pass("remove_dead_code") == nullptr);
}

TEST_CASE("a function from elsewhere is verified as if a pass had made it") {
  ir::Module module = ir::parse(kText, "f");
  const PassRunner runner({.verify_each = true});
  runner.observe("trace", *module.functions[0]);
  module.functions[0]->body.ops[0]->results[0]->type = f64[{Dim("B")}];
  CHECK_THROWS_WITH_AS(
      runner.observe("trace", *module.functions[0]),
      "trace: after it: @f: op_c3: result 0 is f64[B], expected f32[B]\n%y = neg %x : f64[B]", InternalError);
}

TEST_CASE("so is what a backend is given, where that is the default") {
  if (!PassRunner::verifies_by_default()) return;
  ir::Module module = ir::parse(kText, "f");
  CHECK_NOTHROW(reference::interpret(*module.functions[0]));
  module.functions[0]->body.ops[0]->results[0]->type = f64[{Dim("B")}];
  CHECK_THROWS_WITH_AS(
      reference::interpret(*module.functions[0]),
      "given to the interpreter: after it: @f: op_c3: result 0 is f64[B], expected f32[B]\n%y "
      "= neg %x : f64[B]",
      InternalError);
}

TEST_CASE("the debugging variables are read strictly") {
  CHECK(Debug::parse("", "").level == Debug::kNothing);
  const Debug all = Debug::parse("2", "dumps");
  CHECK(all.shows(Debug::kPasses, "fuse"));
  CHECK(all.shows(Debug::kChanges, "fuse"));
  CHECK_FALSE(all.shows(Debug::kRules, "fuse"));
  CHECK(all.dump == "dumps");
  const Debug fuse = Debug::parse("5,fuse", "");
  CHECK(fuse.shows(Debug::kAssembly, "fuse"));
  CHECK_FALSE(fuse.shows(Debug::kPasses, "unroll"));
  for (const char* wrong : {"6", "-1", "12", "fuse", "2 fuse", ","})
    CHECK_THROWS_AS(Debug::parse(wrong, ""), Error);
  CHECK_FALSE(all.verify);
  CHECK_FALSE(Debug::parse("", "", "0").verify);
  CHECK(Debug::parse("", "", "1").verify);
  CHECK_THROWS_WITH_AS(Debug::parse("", "", "yes"), "RONDO_VERIFY: expected 0 or 1, found 'yes'", Error);
}
