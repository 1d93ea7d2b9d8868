// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/pass_runner.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <new>

#include "backends/reference/interpreter.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "passes/reproducer.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::passes;
using namespace std::string_literals;

namespace {

constexpr const char* kText = "func @f(%x: f32[B]) -> (f32[B]) {\n  %y = neg %x : f32[B]\n  return %y\n}\n";

std::string internal_error_of(bool (*pass)(ir::Function&)) {
  ir::Module module = ir::parse(kText, "f");
  PassRunner runner({.verify_each = true, .reproducers = false});
  try {
    runner.run("broken-pass", "--broken-pass", *module.functions[0], pass);
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

TEST_CASE("a pass that fails leaves a file by which it fails again") {
  const TemporaryFolder folder;
  ir::Module module = ir::parse(kText, "f");
  PassRunner::Options options;
  options.verify_each = true;
  options.debug.dump = folder / "made";
  const Pass fails{"broken-pass", Bits::exact, "", [](ir::Function& f) -> bool {
                     f.body.ops.clear();
                     throw InternalError("an invariant\ndoes not hold");
                   }};
  const std::vector<Pass> pipeline = {*find_pass("unroll"), fails, *find_pass("fuse")};
  PassRunner runner(options);
  std::string message;
  for (int i = 0; i < Reproducer::kMaxFiles + 2; ++i) {
    ir::Module again = ir::parse(kText, "f");
    try {
      runner.run(pipeline, *again.functions[0]);
    } catch (const InternalError& error) {
      if (i == 0) message = error.what();
    }
  }
  const auto made = std::filesystem::directory_iterator(options.debug.dump);
  CHECK(std::distance(begin(made), end(made)) == Reproducer::kMaxFiles);  // and nothing half written
  const std::string head = "pass broken-pass: an invariant\ndoes not hold\nrondo-opt --run-reproducer ";
  const std::string file = message.substr(head.size(), message.find(' ', head.size()) - head.size());
  CHECK(message == head + file + " repeats it\nbefore the pass the function was:\n" + kText);
  CHECK(read_text(file) ==
        "// RUN: rondo-opt %s --verify-each --broken-pass --fuse\n// an invariant\nrondo 0.1\n\n"s + kText);
}

TEST_CASE("what the user can mend goes through a pass unchanged") {
  ir::Module module = ir::parse(kText, "f");
  PassRunner runner;
  const Pass fails{"unroll", Bits::exact, "",
                   [](ir::Function&) -> bool { throw Error("mine.cpp:3: too many ops"); }};
  CHECK_THROWS_WITH_AS(runner.run(fails, *module.functions[0]), "mine.cpp:3: too many ops", Error);
  const Pass exhausts{"unroll", Bits::exact, "", [](ir::Function&) -> bool { throw std::bad_alloc(); }};
  CHECK_THROWS_AS(runner.run(exhausts, *module.functions[0]), std::bad_alloc);
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
  CHECK(Debug::parse("1,llvm", "").shows(Debug::kPasses, "llvm"));
  CHECK_THROWS_WITH_AS(Debug::parse("2,fuze", ""),
                       "RONDO_DEBUG: there is no pass 'fuze'; rondo-opt --list-passes names all", Error);
  CHECK_FALSE(all.verify);
  CHECK_FALSE(Debug::parse("", "", "0").verify);
  CHECK(Debug::parse("", "", "1").verify);
  CHECK_THROWS_WITH_AS(Debug::parse("", "", "yes"), "RONDO_VERIFY: expected 0 or 1, found 'yes'", Error);
}
