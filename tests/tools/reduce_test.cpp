// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks with planted errors, which only random programs of some kind show: what is left of these is small.
#include "tools/fuzz/reduce.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/ops/elementwise.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/scan.h"
#include "ir/verify.h"
#include "passes/rewrite.h"
#include "tools/fuzz/generator.h"
#include "tools/fuzz/inputs.h"
#include "tools/fuzz/isolate.h"

using namespace rondo;
using namespace rondo::fuzz;

namespace {

// How often the op with this property occurs.
template <class Property>
bool any_op(const ir::Function& function, Property&& property) {
  bool found = false;
  ir::for_each_op(function.body, [&](const ir::Op& op) { found = found || property(op); });
  return found;
}

bool has_tanh_in_a_loop(const ir::Function& f) {
  return any_op(f, [](const ir::Op& op) {
    const ir::Op* owner = op.graph->owner;
    return op.row == &ir::ops::tanh && owner != nullptr && owner->row == &ir::ops::scan;
  });
}

bool multiplies_what_it_concatenated(const ir::Function& f) {
  return any_op(f, [](const ir::Op& op) {
    if (op.row != &ir::ops::mul) return false;
    return std::ranges::any_of(
        op.operands, [](const ir::Value* x) { return x->op != nullptr && x->op->row == &ir::ops::concat; });
  });
}

bool stacks_the_carry_before_the_step(const ir::Function& f) {
  return any_op(f, [](const ir::Op& op) {
    if (op.row != &ir::ops::scan || !ir::Scan(op).reverse()) return false;
    const ir::Scan scan(op);
    for (size_t i = 0; i < scan.stacks(); ++i)
      for (size_t k = 0; k < scan.carry.size(); ++k)
        if (scan.stack_yield(i) == scan.carry_param(k)) return true;
    return false;
  });
}

bool contracts_over_batches(const ir::Function& f) {
  return any_op(f, [](const ir::Op& op) { return op.row == &ir::ops::dot && op.has_attr("batch"); });
}

// A pass that takes the operands of sub in the wrong order, judged by the interpreter.
Verdict check_planted_sub(const ir::Function& function, Random random) {
  const auto inputs = draw_inputs(function, random, Values::kNormal, kLittleWork);
  if (!inputs) return {Verdict::kDrawAgain};
  const auto wrong = ir::clone_function(function, function.name);
  const std::function<void(ir::Graph&)> turn = [&](ir::Graph& graph) {
    for (const auto& op : graph.ops) {
      if (op->row == &ir::ops::sub) std::swap(op->operands[0], op->operands[1]);
      for (const auto& region : op->regions) turn(*region);
    }
  };
  turn(wrong->body);
  Inputs mine = *inputs, theirs = *inputs;
  try {
    const auto found = reference::interpret(*wrong)->run(mine.pointers());
    const auto expected = reference::interpret(function)->run(theirs.pointers());
    for (size_t i = 0; i < found.size(); ++i)
      if (!same_bits(found[i], expected[i]))
        return {Verdict::kFail, "result " + std::to_string(i) + " differs"};
  } catch (const backends::RecordedError&) {
    return {Verdict::kDrawAgain};
  }
  return {};
}

// Reduces `trials` random programs that fail; all must come out with at most `most` ops.
void check_reduction(const std::function<bool(const ir::Function&)>& fails, int64_t most, int trials = 20) {
  Random random(3);
  int reduced = 0;
  for (int draws = 0; reduced < trials && draws < 6000; ++draws) {
    const auto function = Generator(random, {.ops = 20, .whiles = false, .large = 0.2}).make("f");
    if (!fails(*function)) continue;
    const Reduced small = reduce(*function, fails);
    ++reduced;
    ir::verify(*small.function, "reduced");
    CHECK(fails(*small.function));
    CHECK(ir::print(*ir::parse(ir::print(*small.function), "f").functions[0]) == ir::print(*small.function));
    CHECK_MESSAGE(small.ops_after <= most, ir::print(*small.function));
  }
  CHECK(reduced == trials);
}

}  // namespace

TEST_CASE("a program is reduced to the op that a failure is about") {
  check_reduction(has_tanh_in_a_loop, 2);  // the scan, and tanh
  check_reduction(multiplies_what_it_concatenated, 2);
  check_reduction(stacks_the_carry_before_the_step, 1);
  check_reduction(contracts_over_batches, 1);
}

TEST_CASE("a wrong pass is shown by at most 8 ops, most often by one") {
  check_reduction(
      [](const ir::Function& function) {
        for (uint64_t seed = 0; seed < 4; ++seed)
          if (check_planted_sub(function, Random(seed)).kind == Verdict::kFail) return true;
        return false;
      },
      8);
}

TEST_CASE("sizes, guards, parameters and names that do not matter go") {
  const ir::Module module =
      ir::parse(R"(func @f(%x: f32[T,B,4096] donate, %y: f32[T,B,4096], %p: f32[B] name("w"), %unused: i32[T])
      -> (f32[B,4096], f32[B], f32[T,B,4096]) where require 1 <= T loc("mine.cpp":3) {
  %a, %ys = scan T reverse index(%t) over(%xt = %x, %yt = %y) carry(%h = %p) use() {
    %s = add %xt, %yt
    %e = exp %s
    %r = reduce_sum %e dims([1])
    %n = add %h, %r
    yield carry(%n) stack(%e)
  } loc("mine.cpp":5)
  %z = slice %x lo([0,0,0]) hi([1,B,4096])
  %q = reshape %z : f32[B,4096]
  return %q, %a, %ys
})",
                "f");
  const Reduced small = reduce(*module.functions[0], [](const ir::Function& f) {
    return any_op(f, [](const ir::Op& op) { return op.row == &ir::ops::reduce_sum; });
  });
  CHECK(ir::print(*small.function) ==
        "func @f(%0: f32[1,1]) -> (f32[1]) {\n  %1 = reduce_sum %0 dims([1]) : f32[1]\n  return %1\n}\n");
  CHECK(small.ops_before == 7);
  CHECK(small.ops_after == 1);
}

TEST_CASE("a failure about dead code keeps it") {
  const ir::Module module = ir::parse(R"(func @f(%x: f32[B]) -> (f32[B]) {
  %a = exp %x
  %dead = tanh %a
  %y = neg %a
  return %y
})",
                                      "f");
  const auto has_dead_tanh = [](const ir::Function& f) {
    return any_op(f, [](const ir::Op& op) { return op.row == &ir::ops::tanh; });
  };
  const Reduced small = reduce(*module.functions[0], has_dead_tanh);
  CHECK(ir::print(*small.function) ==
        "func @f(%0: f32[1]) -> (f32[1]) {\n  %1 = tanh %0 : f32[1]\n  return %0\n}\n");
}

TEST_CASE("the number of tries is kept to") {
  const ir::Module module =
      ir::parse("func @f(%x: f32[B]) -> (f32[B]) {\n  %y = neg %x\n  return %y\n}", "f");
  int64_t asked = 0;
  const Reduced small = reduce(*module.functions[0], [&](const ir::Function&) { return ++asked > 0; }, 3);
  CHECK(asked == 3);
  CHECK(small.tries == 3);
}

TEST_CASE("failures are of one kind whatever the numbers, names and sizes") {
  CHECK(failure_kind("compiled code at B=1 T=17: result 3 differs") ==
        failure_kind("compiled code at B=0 T=2: result 12 differs"));
  CHECK(failure_kind("fuse, unroll at B=1 T=17: result 3 differs\nfunc") ==
        failure_kind("fuse at B=1 T=1: result 0 differs"));
  CHECK(failure_kind("compiled code at B=1 T=17 changed argument 'x'") ==
        failure_kind("compiled code at B=3 T=1 changed argument 'p2'"));
  CHECK(failure_kind("compiled code at B=1 T=17: result 3 differs") !=
        failure_kind("compiled code at B=1 T=17 changed argument 'x'"));
  CHECK(failure_kind("pass fuse: map::at") != failure_kind("crashed: Segmentation fault"));
}

TEST_CASE("a check in a process of its own may crash, hang and throw") {
  CHECK(in_own_process([] { return Verdict{}; }).kind == Verdict::kPass);
  CHECK(in_own_process([] { return Verdict{Verdict::kDrawAgain}; }).kind == Verdict::kDrawAgain);
  const std::string longest(1 << 20, 'a');
  CHECK(in_own_process([&] { return Verdict{Verdict::kFail, longest}; }).detail == longest);
  CHECK(in_own_process([]() -> Verdict { throw InternalError("an invariant"); }).detail == "an invariant");
  CHECK(in_own_process([]() -> Verdict {
          raise(SIGSEGV);
          return {};
        }).detail == "crashed: Segmentation fault");
  CHECK(in_own_process([]() -> Verdict { std::abort(); }).detail == "crashed: Aborted");
  CHECK(in_own_process(
            []() -> Verdict {
              for (;;) pause();
            },
            1)
            .detail == "took more than 1 seconds");
  CHECK(in_own_process([]() -> Verdict { std::exit(0); }).detail == "ended without a verdict");
}
