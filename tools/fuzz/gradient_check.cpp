// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A function's vjp against differences of the function.
//
// For each float parameter a direction of normal numbers is drawn, and a cotangent for each result: the slope
// g[p] is then one number for each parameter. It passes if
//
//   |g[p] - R(h)| <= 1e-6 * max(|g[p]|, 1e-6 * max|g|) + 3 * noise / h
//
// where R(h) is Richardson's (4 D(h/2) - D(h)) / 3 of two central differences D. The second term is what
// differences cannot tell: evaluated in floating point, the results are known up to about
// noise = eps * sum |cotangent * result|, so D(h) up to noise / h, and R(h) up to (4 * 2 + 1) / 3 * noise / h.
// (Where that decided, for 0.1 % of 34,000 slopes, the error was at most 1.2 * noise / h.) The sum is over
// elements that differ; if none does, the slope may be too small to be seen in any of them.
//
// h starts at 1e-3, and shrinks where a result is so steep that h^4 is not small yet; but only while the second
// term stays below the first, so that smaller steps at most double what is allowed. Kinks are for the program
// to find: it checks that none is nearer than 1e-2 (see the generator), wherever it is run.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "backends/reference/interpreter.h"
#include "passes/vjp.h"
#include "tools/fuzz/checks.h"
#include "tools/fuzz/inputs.h"

namespace rondo::fuzz {

using runtime::Array;
using Arrays = std::vector<Array>;

namespace {

bool is_float(const Array& array) { return array.type() == runtime::ElementType::f64; }

Arrays run(const backends::Executable& executable, Arrays args) {
  std::vector<Array*> pointers;
  for (Array& arg : args) pointers.push_back(&arg);
  return executable.run(pointers);
}

Array normal_like(const Array& array, Random& random) {
  Array draw = Array::zeros(array.type(), array.shape());
  for (double& value : draw.data<double>()) value = random.normal();
  return draw;
}

double inner_product(const Array& x, const Array& y) {
  double sum = 0;
  for (size_t i = 0; i < x.data<double>().size(); ++i) sum += x.data<double>()[i] * y.data<double>()[i];
  return sum;
}

// Where the function is judged, with a cotangent for each float result.
struct Point {
  const backends::Executable& function;
  Arrays args, cotangents;
};

Arrays results_at(const Point& point, size_t param, const Array& step, double h) {
  Arrays args = point.args;
  const auto values = args[param].data<double>();
  for (size_t i = 0; i < values.size(); ++i) values[i] += h * step.data<double>()[i];
  return run(point.function, std::move(args));
}

struct Difference {
  double value = 0;
  double moved = 0, still = 0;  // the noise of elements that differ, and of the others

  double noise() const { return moved > 0 ? moved : still; }
};

// Each element's difference is taken by itself, so that large results that do not move do no harm.
Difference central_difference(const Point& point, size_t param, const Array& step, double h) {
  const Arrays up = results_at(point, param, step, h), down = results_at(point, param, step, -h);
  Difference difference;
  size_t next = 0;
  for (size_t r = 0; r < up.size(); ++r) {
    if (!is_float(up[r])) continue;
    const auto cotangent = point.cotangents[next++].data<double>();
    const auto above = up[r].data<double>(), below = down[r].data<double>();
    for (size_t i = 0; i < cotangent.size(); ++i) {
      difference.value += (above[i] - below[i]) / (2 * h) * cotangent[i];
      double& noise = above[i] != below[i] ? difference.moved : difference.still;
      noise += std::numeric_limits<double>::epsilon() * std::abs(above[i] * cotangent[i]);
    }
  }
  return difference;
}

// What differences say if that is not the slope.
std::optional<double> contradiction(const Point& point, size_t param, const Array& step, double slope,
                                    double largest) {
  const double allowed = 1e-6 * std::max(std::abs(slope), 1e-6 * largest);
  for (double h = 1e-3;; h /= 4) {
    const Difference coarse = central_difference(point, param, step, h),
                     fine = central_difference(point, param, step, h / 2);
    const double extrapolated = (4 * fine.value - coarse.value) / 3, rounding = 3 * fine.noise() / h;
    if (std::abs(slope - extrapolated) <= allowed + rounding) return std::nullopt;
    if (!(4 * rounding <= allowed)) return extrapolated;
  }
}

// Skips a point of no slope, where sizes are 0 as a rule; wants another where something is not finite.
Verdict judge(const backends::Executable& f, const backends::Executable& vjp, const Inputs& inputs,
              Random& random) {
  Point point{f, inputs.arrays, {}};
  for (const Array& result : run(f, inputs.arrays)) {
    if (!all_finite(result)) return {Verdict::kDrawAgain};
    if (is_float(result)) point.cotangents.push_back(normal_like(result, random));
  }
  Arrays args = point.args, steps;
  args.insert(args.end(), point.cotangents.begin(), point.cotangents.end());
  const Arrays gradients = run(vjp, std::move(args));

  std::vector<size_t> params;
  std::vector<double> slopes;
  double largest = 0;
  for (size_t p = 0; p < point.args.size(); ++p) {
    if (!is_float(point.args[p])) continue;
    params.push_back(p);
    steps.push_back(normal_like(point.args[p], random));
    slopes.push_back(inner_product(gradients[slopes.size()], steps.back()));
    if (!std::isfinite(slopes.back()))
      return {Verdict::kDrawAgain};  // infinities within, as max over nothing
    largest = std::max(largest, std::abs(slopes.back()));
  }
  for (size_t i = 0; i < params.size(); ++i)
    if (const auto other = contradiction(point, params[i], steps[i], slopes[i], largest))
      return {std::isfinite(*other) ? Verdict::kFail : Verdict::kDrawAgain,
              "the gradient by '" + f.signature().params[params[i]].name + "' is " +
                  ir::Number(slopes[i]).text(f64) + " along a direction, differences say " +
                  ir::Number(*other).text(f64) + at_sizes(inputs.sizes)};
  return {largest > 0 ? Verdict::kPass : Verdict::kSkip};
}

}  // namespace

Verdict check_gradient(const ir::Function& function, Random& random) {
  constexpr int kMaxPoints = 4;
  const auto f = reference::interpret(function);
  const auto vjp = reference::interpret(*passes::vjp(function));
  bool flat = false;
  for (int points = 0; points < kMaxPoints; ++points) {
    const std::optional<Inputs> inputs = draw_inputs(function, random, Values::kNormal, kLittleWork);
    if (!inputs) return {Verdict::kDrawAgain};
    try {
      const Verdict verdict = judge(*f, *vjp, *inputs, random);
      if (verdict.kind == Verdict::kPass || verdict.kind == Verdict::kFail) return verdict;
      flat = flat || verdict.kind == Verdict::kSkip;
    } catch (const backends::RecordedError&) {  // a kink is near, or an index is out of range
    }
  }
  // Without any slope everywhere, it is right that there is none.
  return {flat ? Verdict::kPass : Verdict::kDrawAgain};
}

}  // namespace rondo::fuzz
