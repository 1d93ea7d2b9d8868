// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/checks.h"

#include <algorithm>
#include <array>
#include <optional>

#include "backends/llvm/executable.h"
#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/substitute.h"
#include "ir/verify.h"
#include "passes/passes.h"
#include "passes/scan_sizes.h"
#include "passes/vjp.h"
#include "tools/fuzz/inputs.h"

namespace rondo::fuzz {

using runtime::Array;
using Arrays = std::vector<Array>;

namespace {

// What a run gave: results, or the error that it recorded.
struct Outcome {
  Arrays results = {};
  std::string error = {};
};

Outcome run_on(const backends::Executable& executable, Inputs& inputs) {
  try {
    return {executable.run(inputs.pointers()), {}};
  } catch (const backends::RecordedError& error) {
    return {{}, error.what()};
  }
}

Outcome run(const backends::Executable& executable, Inputs inputs) { return run_on(executable, inputs); }

Verdict compare(const Outcome& expected, const Outcome& found, const std::string& what,
                bool zeros_equal = false) {
  if (expected.error != found.error)
    return {Verdict::kFail, what + " recorded '" + found.error + "', expected '" + expected.error + "'"};
  for (size_t i = 0; i < expected.results.size(); ++i)
    if (!same_bits(expected.results[i], found.results[i], zeros_equal))
      return {Verdict::kFail, what + ": result " + std::to_string(i) + " differs"};
  return {};
}

}  // namespace

Verdict check_text(const ir::Function& function) {
  const std::string first = ir::print(function);
  const ir::Module module = ir::parse(first, "printed");
  const std::string second = ir::print(*module.functions.at(0));
  if (first != second) return {Verdict::kFail, "printed, parsed and printed again:\n" + second};
  return {};
}

std::unique_ptr<ir::Function> program_or_gradient(const ir::Function& drawn, Random& random) {
  bool loops = false;  // without a gradient
  ir::for_each_op(drawn.body, [&](const ir::Op& op) { loops = loops || op.row == &ir::ops::while_; });
  if (loops || random.chance(0.7)) return ir::clone_function(drawn, drawn.name);
  auto gradient = passes::vjp(drawn);
  if (gradient->body.results.empty()) return ir::clone_function(drawn, drawn.name);
  if (random.chance(0.8)) return gradient;
  auto second = passes::vjp(*gradient);
  return second->body.results.empty() ? std::move(gradient) : std::move(second);
}

namespace {

const passes::Pass& random_pass(Random& random) {
  const auto all = passes::all_passes();
  return all[static_cast<size_t>(random.below(std::ssize(all)))];
}

// Has some loops ask for being unrolled.
void ask_for_unrolling(ir::Function& function, Random& random) {
  ir::for_each_op(function.body, [&](ir::Op& op) {
    if (op.row == &ir::ops::scan && random.chance(0.5)) op.set_attr("unroll", {Dim(random.between(1, 4))});
  });
}

// Draws what sizes of the function may be chosen.
void choose_sizes(ir::Function& function, Random& random) {
  Sizes chosen;
  for (const ir::DerivedSize& size : function.derived)
    if (size.chosen) chosen[size.name] = random.below(5);
  if (!chosen.empty()) ir::substitute(function, chosen);
}

// What a pass that rounds makes of the function, judged in double precision, where nothing is rounded.
Verdict check_rounding(const ir::Function& function, const passes::Pass& pass, const Inputs& inputs) {
  const auto changed = ir::clone_function(function, function.name);
  if (!pass.run(*changed)) return {};
  ir::verify(*changed, "after " + pass.name);
  if (const Verdict text = check_text(*changed); text.kind == Verdict::kFail) return text;
  const auto in_doubles = [&](const ir::Function& f) {
    return run(*reference::interpret(f, reference::Precision::kDouble), inputs);
  };
  const Outcome expected = in_doubles(function);
  if (!expected.error.empty()) return {};
  return compare(expected, in_doubles(*changed), pass.name + at_sizes(inputs.sizes));
}

}  // namespace

Verdict check_passes(const ir::Function& drawn, Random& random) {
  const auto function = program_or_gradient(drawn, random);
  const std::optional<Inputs> inputs = draw_inputs(*function, random, Values::kMixed, kLittleWork);
  if (!inputs) return {Verdict::kDrawAgain};
  if (random.chance(0.3)) ir::substitute(*function, inputs->sizes);  // so that there is something to unroll
  if (random.chance(0.5)) ask_for_unrolling(*function, random);
  const Outcome expected = run(*reference::interpret(*function), *inputs);
  const passes::ScanSizes some_fuse(random.between(1, 8), random.between(0, 2000));

  const auto in_a_row = ir::clone_function(*function, function->name);
  std::string order;
  for (size_t i = 0; i < passes::all_passes().size(); ++i) {
    const passes::Pass& pass = random_pass(random);
    if (pass.bits == passes::Bits::rounds)
      if (const Verdict verdict = check_rounding(*function, pass, *inputs); verdict.kind == Verdict::kFail)
        return verdict;
    if (pass.bits != passes::Bits::exact) continue;
    order += (order.empty() ? "" : ", ") + pass.name;
    const auto alone = ir::clone_function(*function, function->name);
    for (ir::Function* changed : {alone.get(), in_a_row.get()}) {
      const std::string before = ir::print(*changed);
      const bool says_changed = pass.run(*changed);
      const std::string what = (changed == alone.get() ? pass.name : order) + at_sizes(inputs->sizes);
      if (ir::print(*changed) == before) continue;
      if (!says_changed) return {Verdict::kFail, what + " says that it changed nothing, which is not so"};
      ir::verify(*changed, "after " + what);
      if (const Verdict text = check_text(*changed); text.kind == Verdict::kFail) return text;
      const auto runs = ir::clone_function(*changed, changed->name);
      choose_sizes(*runs, random);
      const Outcome found = run(*reference::interpret(*runs), *inputs);
      // A pass may drop an op that records an error and whose value is not used; it never adds one.
      if (!expected.error.empty()) continue;
      const Verdict verdict = compare(expected, found, what);
      if (verdict.kind == Verdict::kFail) return {Verdict::kFail, verdict.detail + "\n" + ir::print(*runs)};
    }
  }
  return {};
}

namespace {

// A run on arrays of its own. It may take or overwrite those that are donated, but only if it succeeds.
Verdict run_and_compare(const backends::Executable& compiled, Inputs inputs, const Outcome& expected) {
  const Inputs before = inputs;
  const std::string what = "compiled code" + at_sizes(inputs.sizes);
  const Outcome found = run_on(compiled, inputs);
  if (const Verdict verdict = compare(expected, found, what); verdict.kind == Verdict::kFail) return verdict;
  for (size_t i = 0; i < inputs.arrays.size(); ++i) {
    const bool given_up = compiled.signature().params[i].donate && found.error.empty();
    if (given_up || same_bits(inputs.arrays[i], before.arrays[i])) continue;
    return {Verdict::kFail, what + " changed argument '" + compiled.signature().params[i].name + "'"};
  }
  return {};
}

// Some programs go through a few passes in any order before they are compiled. Returns which.
std::string run_some_passes(ir::Function& function, Random& random) {
  std::string order;
  if (random.chance(0.7)) return order;
  for (int64_t i = random.between(1, 3); i > 0; --i) {
    const passes::Pass& pass = random_pass(random);
    if (pass.name == "unroll") continue;  // sizes may be large
    pass.run(function);
    order += (order.empty() ? ", after " : ", ") + pass.name;
  }
  choose_sizes(function, random);
  return order;
}

}  // namespace

Verdict check_compiled(const ir::Function& drawn, Random& random) {
  // Compiling drops what nothing uses, in bodies of calls too, and the errors of that: so drop it for both.
  const auto function = program_or_gradient(drawn, random);
  passes::drop_identities(*function);
  passes::remove_dead_code(*function);
  const passes::ScanSizes some_fuse(random.between(1, 8), random.between(0, 2000));
  std::string after = run_some_passes(*function, random);
  if (random.chance(0.5)) passes::live(*function);
  if (random.chance(0.3)) {
    ask_for_unrolling(*function, random);
    passes::unroll_by(*function);
  }
  const auto interpreter = reference::interpret(*function);
  std::vector<passes::Pass> pipeline(passes::lowering_pipeline().begin(), passes::lowering_pipeline().end());
  if (random.chance(0.3)) {
    const auto left_out =
        pipeline.begin() + random.below(std::ssize(pipeline) - 1);  // of all but plan-memory
    after += " without " + left_out->name;
    pipeline.erase(left_out);
  }
  constexpr std::array kThreads = {1, 1, 1, 2, 2, 3, 5, 16};  // more than there are CPUs take long to call
  const auto compiled = codegen::compile(*function, {.poison = true,
                                                     .pipeline = pipeline,
                                                     .threads = kThreads[random.below(kThreads.size())],
                                                     .work_per_worker = 1,
                                                     .rows_of_block = random.between(0, 3)});
  for (int draw = 0; draw < 3; ++draw) {
    const std::optional<Inputs> inputs = draw_inputs(*function, random, Values::kMixed);
    if (!inputs) return {Verdict::kDrawAgain};
    const Outcome expected = run(*interpreter, *inputs);
    for (int again = 0; again < 2; ++again) {
      const Verdict verdict = run_and_compare(*compiled, *inputs, expected);
      if (verdict.kind == Verdict::kFail) return {Verdict::kFail, verdict.detail + after};
    }
  }
  if (compiled->counters().compiles != 1) return {Verdict::kFail, "compiled more than once"};
  return {};
}

Verdict check_unrolled_gradient(const ir::Function& function, Random& random) {
  const std::optional<Inputs> drawn = draw_inputs(function, random, Values::kNormal, kLittleWork);
  if (!drawn) return {Verdict::kDrawAgain};
  const auto loop = ir::clone_function(function, function.name);
  ir::substitute(*loop, drawn->sizes);
  const auto flat = ir::clone_function(*loop, function.name);
  passes::unroll(*flat);
  const auto loop_vjp = reference::interpret(*passes::vjp(*loop));
  const auto flat_vjp = reference::interpret(*passes::vjp(*flat));

  Inputs inputs = *drawn;
  const std::vector<backends::Signature::Param>& params = loop_vjp->signature().params;
  for (size_t i = inputs.arrays.size(); i < params.size(); ++i)
    inputs.arrays.push_back(draw_array(backends::element_type(params[i].type.dtype),
                                       backends::shape_of(params[i].type, {}), random, Values::kNormal));
  // The loop may keep an op alive that the unrolled form drops: what only one of them records says nothing.
  const Outcome expected = run(*flat_vjp, inputs), found = run(*loop_vjp, inputs);
  if (!expected.error.empty() || !found.error.empty() ||
      !std::all_of(expected.results.begin(), expected.results.end(), all_finite))
    return {Verdict::kDrawAgain};
  return compare(expected, found, "the loop's gradient" + at_sizes(inputs.sizes), true);
}

}  // namespace rondo::fuzz
