// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pass with a bug is planted among good ones: bisection names it, and the rewrite that is wrong.
#include "tools/debug/bisect.h"

#include <doctest/doctest.h>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/ops/elementwise.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "tools/fuzz/generator.h"
#include "tools/fuzz/inputs.h"

using namespace rondo;
using namespace rondo::tools;

namespace {

// Copies every element-wise op, which is right, and spoils the result of number `bug` of them.
Step planted(int64_t bug, bool breaks_the_rules = false) {
  return {"planted", [=](ir::Function& function) {
            int64_t count = 0;
            const std::function<void(ir::Graph&)> visit = [&](ir::Graph& graph) {
              passes::rewrite_ops(graph, [&](ir::Builder& b, ir::Op& op) -> passes::Replacement {
                if (!op.row->is_elementwise() || op.row == &ir::ops::identity) return {};
                ir::Value* copy = b.clone(op, op.operands)->result();
                if (++count != bug) return ir::Values{copy};
                if (breaks_the_rules) copy->type.dims.emplace_back(3);
                if (copy->type.dtype == i1) return ir::Values{b.not_(copy)};
                return ir::Values{b.add(copy, b.like(copy, 1.0))};
              });
              for (const auto& op : graph.ops)
                for (const auto& region : op->regions) visit(*region);
            };
            visit(function.body);
            return true;
          }};
}

int64_t elementwise_ops(const ir::Function& function) {
  int64_t count = 0;
  ir::for_each_op(function.body, [&](const ir::Op& op) { count += op.row->is_elementwise(); });
  return count;
}

Step random_pass(fuzz::Random& random) {
  const auto all = passes::all_passes();
  const passes::Pass& pass = all[static_cast<size_t>(random.below(std::ssize(all)))];
  return {pass.name, pass.run, pass.bits};
}

}  // namespace

TEST_CASE("a planted pass is found in every one of 40 random programs, and in it the rewrite that is wrong") {
  constexpr int kTrials = 40;
  fuzz::Random random(1);
  int found = 0, trials = 0;
  for (int draws = 0; trials < kTrials && draws < 50 * kTrials; ++draws) {
    // Without a while, which a wrong decision would never end.
    const auto function = fuzz::Generator(random, {.ops = 12, .whiles = false, .large = 0}).make("f");
    const auto inputs = fuzz::draw_inputs(*function, random, fuzz::Values::kNormal, fuzz::kLittleWork);
    if (!inputs || elementwise_ops(*function) == 0) continue;
    std::vector<Step> steps;
    const int64_t before = random.below(5), after = random.below(5);
    for (int64_t i = 0; i < before; ++i) steps.push_back(random_pass(random));
    const int64_t bug = random.between(1, elementwise_ops(*function));
    steps.push_back(planted(bug));
    for (int64_t i = 0; i < after; ++i) steps.push_back(random_pass(random));
    std::optional<Culprit> culprit;
    try {
      culprit = bisect(*function, steps, inputs->arrays);
    } catch (const Error&) {
      continue;  // the function records an error on these arguments
    }
    if (!culprit) continue;  // what is wrong does not show in a result
    ++trials;
    const bool right = culprit->step == static_cast<size_t>(before) && culprit->application == bug &&
                       culprit->before != nullptr && culprit->after != nullptr;
    CHECK_MESSAGE(right, culprit->step, " not ", before, ", ", culprit->application, " not ", bug, ": ",
                  culprit->flaw);
    found += right;
  }
  CHECK(trials == kTrials);
  CHECK(found == kTrials);
}

namespace {

const char* const kText = R"(func @f(%x: f32[B]) -> (f32[B]) {
  %a = tanh %x
  %b = mul %a, %a
  %c = exp %b
  return %c
})";

const Arrays& three_numbers() {
  static const Arrays arrays =
      ArgumentSource{.sizes = {{"B", 3}}}.arguments(backends::Signature(*ir::parse(kText, "f").functions[0]));
  return arrays;
}

}  // namespace

TEST_CASE("what does not verify is found like what is wrong") {
  const ir::Module module = ir::parse(kText, "f");
  const std::vector<Step> steps = {{"unroll", passes::unroll}, planted(2, true), {"fuse", passes::fuse}};
  const auto culprit = bisect(*module.functions[0], steps, three_numbers());
  REQUIRE(culprit);
  CHECK(culprit->step == 1);
  CHECK(culprit->application == 2);
  CHECK(culprit->applications == 3);
  CHECK(culprit->flaw.starts_with("pass planted: "));
  CHECK(culprit->after == nullptr);
}

TEST_CASE("a pass that counts nothing is named as a whole, and good passes are not blamed") {
  const ir::Module module = ir::parse(kText, "f");
  const Step bad{"bad", [](ir::Function& f) {
                   f.body.results[0] = f.body.param(0);
                   return true;
                 }};
  const std::vector<Step> good = {{"canonicalise", passes::canonicalise},
                                  {"expand-math", passes::expand_math},
                                  {"fuse", passes::fuse},
                                  {"plan-memory", passes::plan_memory}};
  CHECK_FALSE(bisect(*module.functions[0], good, three_numbers()));
  CHECK_FALSE(bisect(*module.functions[0], {}, three_numbers()));
  for (size_t at = 0; at <= good.size(); ++at) {
    std::vector<Step> steps = good;
    steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(at), bad);
    const auto culprit = bisect(*module.functions[0], steps, three_numbers());
    REQUIRE(culprit);
    CHECK(culprit->step == at);
    CHECK(culprit->application == 0);
    CHECK(culprit->flaw.starts_with("result 0 differs: "));
  }
}

TEST_CASE("a function that records an error has nothing to compare") {
  const ir::Module module = ir::parse(R"(func @f(%x: f32[2], %p: i1[2]) -> (f32[2]) {
  %never = and %p, 0
  %y = check %x, %never message("never")
  return %y
})",
                                      "f");
  const Arrays arrays = ArgumentSource{}.arguments(backends::Signature(*module.functions[0]));
  CHECK_THROWS_WITH_AS(
      bisect(*module.functions[0], {}, arrays),
      "there is nothing to compare: the function records an error: @f: %y: check: never (at position 0)",
      Error);
}
