// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One op of a function is made to go wrong: of all values between ops the comparison names that op's as the
// first to differ, and the time step.
#include "tools/debug/boundaries.h"

#include <doctest/doctest.h>

#include "backends/llvm/executable.h"
#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/rewrite.h"
#include "tools/fuzz/generator.h"
#include "tools/fuzz/inputs.h"

using namespace rondo;
using namespace rondo::tools;

namespace {

std::unique_ptr<backends::Executable> compile_planned(const ir::Function& function) {
  return codegen::compile(function, {.pipeline = std::span(passes::find_pass("plan-memory"), 1)});
}

// The value that a boundary speaks of, where it is computed.
ir::Op& op_at(ir::Function& function, const Boundary& boundary) {
  ir::Graph* graph = &function.body;
  for (size_t k = 0; k + 1 < boundary.numbers.size(); ++k)
    graph = graph->ops[static_cast<size_t>(boundary.numbers[k])]->regions[0].get();
  return *graph->ops[static_cast<size_t>(boundary.numbers.back())];
}

// The function with the results of that op spoilt, interpreted.
std::unique_ptr<backends::Executable> spoilt(const ir::Function& function, const Boundary& boundary) {
  const auto copy = ir::clone_function(function, function.name);
  const ir::Op* target = &op_at(*copy, boundary);
  passes::rewrite_ops(*target->graph, [&](ir::Builder& b, ir::Op& op) -> passes::Replacement {
    if (&op != target) return {};
    ir::Values wrong;
    for (const auto& result : b.clone(op, op.operands)->results) {
      ir::Value* value = result.get();
      wrong.push_back(value->type.dtype == i1 ? b.not_(value) : b.neg(value));
    }
    return wrong;
  });
  return reference::interpret(*copy);
}

const char* const kLoops = R"(func @f(%x: f32[T,B], %h0: f32[B]) -> (f32[B], f32[T,B]) {
  %h, %ys = scan T reverse index(%t) over(%xt = %x) carry(%h = %h0) use() {
    %z = sub %xt, %h
    %k = scan 3 index(%s) over() carry(%k = %z) use() {
      %a = tanh %k
      %m = dot %a, %a contract([0],[0])
      %b = broadcast %m dims([]) : f32[B]
      %c = mul %a, %b
      yield carry(%c) stack()
    }
    yield carry(%k) stack(%z)
  }
  return %h, %ys
})";

}  // namespace

TEST_CASE(
    "every value between ops is held, in loops of loops for each time step, and both backends agree on all") {
  const ir::Module module = ir::parse(kLoops, "f");
  const Probed probed = probe(*module.functions[0]);
  ir::verify(*probed.function, "probed");
  std::vector<std::string> values;
  for (const Boundary& boundary : probed.boundaries)
    values.push_back(boundary.value + " " + boundary.op + " " + std::to_string(boundary.loops.size()));
  CHECK(values == std::vector<std::string>{"z sub 1", "a fusion 2", "m dot 2", "c fusion 2", "k scan 1",
                                           "h scan 0", "ys scan 0"});
  const Arrays arguments =
      ArgumentSource{.sizes = {{"T", 4}, {"B", 2}}}.arguments(backends::Signature(*module.functions[0]));
  const Inside inside = compare_inside(*module.functions[0], arguments, compile_planned);
  CHECK(inside.boundaries.size() == values.size());
  CHECK_FALSE(inside.first);
}

TEST_CASE("the first op that differs is named with its time steps, in the order of the run") {
  const ir::Module module = ir::parse(kLoops, "f");
  const Arrays arguments =
      ArgumentSource{.sizes = {{"T", 4}, {"B", 2}}}.arguments(backends::Signature(*module.functions[0]));
  // Wrong from the second time step on: the first carry is zero less zero, whatever the sign of z.
  const Inside inside = compare_inside(*module.functions[0], arguments, [](const ir::Function& function) {
    const auto copy = ir::clone_function(function, function.name);
    ir::Graph& body = *copy->body.ops[0]->regions[0]->ops[1]->regions[0];
    ir::Value* index = body.param(0);
    passes::rewrite_ops(body, [&](ir::Builder& b, ir::Op& op) -> passes::Replacement {
      if (op.row != &ir::ops::dot) return {};
      ir::Value* square = b.clone(op, op.operands)->result();
      return ir::Values{b.select(b.compare("lt", index, b.like(index, 2)), square, b.neg(square))};
    });
    return reference::interpret(*copy);
  });
  REQUIRE(inside.first);
  CHECK(inside.boundaries[inside.first->boundary].value == "m");
  CHECK(inside.first->steps == std::vector<int64_t>{0, 2});
  CHECK(inside.differences[0].any);  // z, in later time steps
  CHECK(inside.differences.back().any);
}

TEST_CASE("a planted error is the first to differ in every one of 40 random programs") {
  constexpr int kTrials = 40;
  fuzz::Random random(1);
  int found = 0, trials = 0;
  for (int draws = 0; trials < kTrials && draws < 50 * kTrials; ++draws) {
    const auto function = fuzz::Generator(random, {.ops = 12, .large = 0}).make("f");
    const auto inputs = fuzz::draw_inputs(*function, random, fuzz::Values::kNormal, fuzz::kLittleWork);
    if (!inputs) continue;
    const Probed probed = probe(*function);
    if (probed.boundaries.empty()) continue;
    const auto& guilty = random.pick(probed.boundaries);
    if (guilty.op == "scan") continue;
    Inside inside;
    try {
      inside = compare_inside(*function, inputs->arrays,
                              [&](const ir::Function& each) { return spoilt(each, guilty); });
    } catch (const Error&) {
      continue;  // it records an error on these arguments, or spoilt it does
    }
    if (!inside.first) continue;  // nothing to be seen: no element, or zeros
    ++trials;
    const Boundary& first = inside.boundaries[inside.first->boundary];
    CHECK_MESSAGE(first.numbers == guilty.numbers, ir::print(*function), first.text);
    found += first.numbers == guilty.numbers;
  }
  CHECK(trials == kTrials);
  CHECK(found == kTrials);
}
