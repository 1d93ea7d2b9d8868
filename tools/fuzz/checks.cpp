// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/checks.h"

#include <algorithm>
#include <cmath>
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
#include "passes/vjp.h"
#include "tools/fuzz/inputs.h"

namespace rondo::fuzz {

using runtime::Array;
using Arrays = std::vector<Array>;

namespace {

std::string at_sizes(const Sizes& sizes) {
  std::string text = " at";
  for (const auto& [symbol, value] : sizes) text += " " + symbol + "=" + std::to_string(value);
  return text;
}

// The results, or nothing if the run recorded an error: then results are not compared.
std::optional<Arrays> run(const backends::Executable& executable, Inputs inputs) {
  try {
    return executable.run(inputs.pointers());
  } catch (const Error&) {
    return std::nullopt;
  }
}

Verdict compare(const std::optional<Arrays>& expected, const std::optional<Arrays>& found,
                const std::string& what, bool zeros_equal = false) {
  if (expected.has_value() != found.has_value())
    return {Verdict::kFail, what + (found ? " misses an error" : " records an error that is none")};
  if (!expected) return {};
  for (size_t i = 0; i < expected->size(); ++i)
    if (!same_bits((*expected)[i], (*found)[i], zeros_equal))
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

Verdict check_passes(const ir::Function& drawn, Random& random) {
  const std::optional<Inputs> inputs = draw_inputs(backends::Signature(drawn), random, Values::kMixed);
  if (!inputs) return {Verdict::kDrawAgain};
  const auto function = ir::clone_function(drawn, drawn.name);
  if (random.chance(0.3)) ir::substitute(*function, inputs->sizes);  // so that there is something to unroll
  const std::optional<Arrays> expected = run(*reference::interpret(*function), *inputs);

  const auto in_a_row = ir::clone_function(*function, function->name);
  std::string order;
  for (size_t i = 0; i < passes::all_passes().size(); ++i) {
    const passes::Pass& pass = passes::all_passes()[static_cast<size_t>(
        random.below(static_cast<int64_t>(passes::all_passes().size())))];
    order += (order.empty() ? "" : ", ") + pass.name;
    const auto alone = ir::clone_function(*function, function->name);
    for (ir::Function* changed : {alone.get(), in_a_row.get()}) {
      pass.run(*changed);
      const std::string what = (changed == alone.get() ? pass.name : order) + at_sizes(inputs->sizes);
      ir::verify(*changed, "after " + what);
      if (const Verdict text = check_text(*changed); text.kind == Verdict::kFail) return text;
      const std::optional<Arrays> found = run(*reference::interpret(*changed), *inputs);
      // A pass may drop an op that records an error and whose value is not used; it never adds one.
      if (!expected) continue;
      const Verdict verdict = compare(expected, found, what);
      if (verdict.kind == Verdict::kFail)
        return {Verdict::kFail, verdict.detail + "\n" + ir::print(*changed)};
    }
  }
  return {};
}

Verdict check_compiled(const ir::Function& drawn, Random& random) {
  // Compiling drops what nothing uses, and the errors of that: so drop it for both.
  const auto function = ir::clone_function(drawn, drawn.name);
  passes::remove_dead_code(*function);
  const auto interpreter = reference::interpret(*function);
  const auto compiled = codegen::compile(*function, {.poison = true});
  for (int draw = 0; draw < 3; ++draw) {
    const std::optional<Inputs> inputs = draw_inputs(interpreter->signature(), random, Values::kMixed);
    if (!inputs) return {Verdict::kDrawAgain};
    const std::optional<Arrays> expected = run(*interpreter, *inputs);
    for (int again = 0; again < 2; ++again) {
      const Verdict verdict =
          compare(expected, run(*compiled, *inputs), "compiled code" + at_sizes(inputs->sizes));
      if (verdict.kind == Verdict::kFail) return verdict;
    }
  }
  if (compiled->counters().compiles != 1) return {Verdict::kFail, "compiled more than once"};
  return {};
}

namespace {

// A point and a direction in the space of all float parameters, and cotangents of all float results. All are
// f64.
struct Direction {
  Arrays point, step, cotangents;
};

bool is_float(const Array& array) { return array.type() == runtime::ElementType::f64; }

Array normal_like(const Array& array, Random& random) {
  Array draw = Array::zeros(array.type(), array.shape());
  for (double& value : draw.data<double>()) value = random.normal();
  return draw;
}

std::vector<Array> results_at(const backends::Executable& f, const Direction& direction, double h) {
  Arrays args = direction.point;
  size_t next = 0;
  for (Array& arg : args) {
    if (!is_float(arg)) continue;
    const auto step = direction.step[next++].data<double>();
    const auto values = arg.data<double>();
    for (size_t i = 0; i < values.size(); ++i) values[i] += h * step[i];
  }
  std::vector<Array*> pointers;
  for (Array& arg : args) pointers.push_back(&arg);
  return f.run(pointers);
}

// The central difference of the results along the direction, summed with the cotangents. Each element's
// difference is taken by itself, so that large results that do not move do no harm.
double central_difference(const backends::Executable& f, const Direction& direction, double h) {
  const Arrays up = results_at(f, direction, h), down = results_at(f, direction, -h);
  double sum = 0;
  size_t next = 0;
  for (size_t r = 0; r < up.size(); ++r) {
    if (!is_float(up[r])) continue;
    const auto cotangent = direction.cotangents[next++].data<double>();
    const auto above = up[r].data<double>(), below = down[r].data<double>();
    for (size_t i = 0; i < cotangent.size(); ++i) sum += (above[i] - below[i]) / (2 * h) * cotangent[i];
  }
  return sum;
}

// The gradient along the direction, and the sum of the absolute values that it is a sum of.
struct Slope {
  double value = 0, magnitude = 0;
};

Slope slope_of(const backends::Executable& vjp, const Direction& direction) {
  Arrays args = direction.point;
  args.insert(args.end(), direction.cotangents.begin(), direction.cotangents.end());
  std::vector<Array*> pointers;
  for (Array& arg : args) pointers.push_back(&arg);
  Slope slope;
  size_t next = 0;
  for (const Array& gradient : vjp.run(pointers)) {
    const auto step = direction.step[next++].data<double>();
    for (size_t i = 0; i < step.size(); ++i) {
      slope.value += gradient.data<double>()[i] * step[i];
      slope.magnitude += std::abs(gradient.data<double>()[i] * step[i]);
    }
  }
  return slope;
}

}  // namespace

Verdict check_gradient(const ir::Function& function, Random& random) {
  constexpr double kTolerance = 1e-6;
  const auto f = reference::interpret(function);
  const auto vjp = reference::interpret(*passes::vjp(function));
  const std::optional<Inputs> inputs = draw_inputs(f->signature(), random, Values::kNormal);
  if (!inputs) return {Verdict::kDrawAgain};
  const std::optional<Arrays> results = run(*f, *inputs);
  if (!results) return {Verdict::kDrawAgain};

  Direction direction{inputs->arrays, {}, {}};
  for (const Array& array : inputs->arrays)
    if (is_float(array)) direction.step.push_back(normal_like(array, random));
  for (const Array& result : *results)
    if (is_float(result)) direction.cotangents.push_back(normal_like(result, random));

  const Slope slope = slope_of(*vjp, direction);
  const double scale = std::max({std::abs(slope.value), 1e-3 * slope.magnitude, 1e-3});
  double error = 0;
  for (const double h : {1e-3, 1e-4, 1e-5}) {
    // Richardson: two central differences make one whose error falls with h^4.
    const double coarse = central_difference(*f, direction, h),
                 fine = central_difference(*f, direction, h / 2);
    if (!std::isfinite(coarse + fine + slope.magnitude)) return {Verdict::kDrawAgain};
    error = std::abs(slope.value - (4 * fine - coarse) / 3) / scale;
    if (error <= kTolerance) return {};
    // Differences that do not settle as h falls mean a kink between the points.
    if (h == 1e-5 && std::abs(fine - coarse) > 0.1 * scale) return {Verdict::kDrawAgain};
  }
  return {Verdict::kFail, "gradient " + std::to_string(slope.value) + ", relative error " +
                              std::to_string(error) + at_sizes(inputs->sizes)};
}

Verdict check_unrolled_gradient(const ir::Function& function, Random& random) {
  const std::optional<Inputs> drawn = draw_inputs(backends::Signature(function), random, Values::kNormal);
  if (!drawn) return {Verdict::kDrawAgain};
  const auto loop = ir::clone_function(function, function.name);
  ir::substitute(*loop, drawn->sizes);
  const auto flat = ir::clone_function(*loop, function.name);
  passes::unroll(*flat);
  const auto loop_vjp = reference::interpret(*passes::vjp(*loop));
  const auto flat_vjp = reference::interpret(*passes::vjp(*flat));

  Inputs inputs = *drawn;
  const std::vector<backends::Signature::Param>& params = loop_vjp->signature().params;
  for (size_t i = inputs.arrays.size(); i < params.size(); ++i) {
    Array cotangent =
        Array::zeros(backends::element_type(params[i].type.dtype), backends::shape_of(params[i].type, {}));
    if (params[i].type.dtype == f32)
      for (float& value : cotangent.data<float>()) value = static_cast<float>(random.normal());
    else
      for (double& value : cotangent.data<double>()) value = random.normal();
    inputs.arrays.push_back(std::move(cotangent));
  }
  // The loop may keep an op alive that the unrolled form drops: what only one of them records says nothing.
  const std::optional<Arrays> expected = run(*flat_vjp, inputs), found = run(*loop_vjp, inputs);
  if (!expected || !found || !std::all_of(expected->begin(), expected->end(), all_finite))
    return {Verdict::kDrawAgain};
  return compare(expected, found, "the loop's gradient" + at_sizes(inputs.sizes), true);
}

}  // namespace rondo::fuzz
