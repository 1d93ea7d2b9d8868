// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Derivatives of a function against differences of the function.
//
// In reverse: for each float parameter a direction of normal numbers is drawn, and a cotangent for each result: the slope
// g[p] is then one number for each parameter. It passes if
//
//   |g[p] - R(h)| <= max(1e-6 * max(|g[p]|, 1e-6 * max|g|), 1e-50) + 3 * noise / h
//
// where R(h) is Richardson's (4 D(h/2) - D(h)) / 3 of two central differences D. The second term is what
// differences cannot tell: evaluated in floating point, the results are known up to about
// noise = eps * sum |cotangent * result|, so D(h) up to noise / h, and R(h) up to (4 * 2 + 1) / 3 * noise / h.
// (Where that decided, for 0.1 % of 34,000 slopes, the error was at most 1.2 * noise / h.) The sum is over
// elements that differ; if none does, the slope may be too small to be seen in any of them. Below 1e-50 a slope
// is a product of dozens of saturated derivatives, each of which cancelled: noise says too little about those.
//
// h starts at 1e-3, and shrinks where a result is so steep that h^4 is not small yet; but only while the second
// term stays below the first, so that smaller steps at most double what is allowed. Kinks are for the program
// to find: it checks that none is nearer than 1e-2 (see the generator), wherever it is run.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "backends/reference/interpreter.h"
#include "passes/jvp.h"
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

// A way to go: a step for some of the parameters, by position.
using Direction = std::map<size_t, Array>;

Arrays results_at(const Point& point, const Direction& direction, double h) {
  Arrays args = point.args;
  for (const auto& [param, step] : direction) {
    const auto values = args[param].data<double>();
    for (size_t i = 0; i < values.size(); ++i) values[i] += h * step.data<double>()[i];
  }
  return run(point.function, std::move(args));
}

struct Difference {
  double value = 0;
  double moved = 0, still = 0;  // the noise of elements that differ, and of the others

  double noise() const { return moved > 0 ? moved : still; }
};

// Each element's difference is taken by itself, so that large results that do not move do no harm.
Difference central_difference(const Point& point, const Direction& direction, double h) {
  const Arrays up = results_at(point, direction, h), down = results_at(point, direction, -h);
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
std::optional<double> contradiction(const Point& point, const Direction& direction, double slope,
                                    double largest) {
  const double allowed = std::max(1e-6 * std::max(std::abs(slope), 1e-6 * largest), 1e-50);
  for (double h = 1e-3;; h /= 4) {
    const Difference coarse = central_difference(point, direction, h),
                     fine = central_difference(point, direction, h / 2);
    const double extrapolated = (4 * fine.value - coarse.value) / 3, rounding = 3 * fine.noise() / h;
    if (std::abs(slope - extrapolated) <= allowed + rounding) return std::nullopt;
    if (!(4 * rounding <= allowed)) return extrapolated;
  }
}

// False if a result is not finite.
bool draw_cotangents(Point& point, Random& random) {
  for (const Array& result : run(point.function, point.args)) {
    if (!all_finite(result)) return false;
    if (is_float(result)) point.cotangents.push_back(normal_like(result, random));
  }
  return true;
}

std::string disagreement(const std::string& of, double slope, double other, const Inputs& inputs) {
  return of + " is " + ir::Number(slope).text(f64) + " along a direction, differences say " +
         ir::Number(other).text(f64) + at_sizes(inputs.sizes);
}

// Skips a point of no slope, where sizes are 0 as a rule; wants another where something is not finite.
Verdict judge(const backends::Executable& f, const backends::Executable& vjp, const Inputs& inputs,
              Random& random) {
  Point point{f, inputs.arrays, {}};
  if (!draw_cotangents(point, random)) return {Verdict::kDrawAgain};
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
    if (const auto other = contradiction(point, {{params[i], steps[i]}}, slopes[i], largest))
      return {std::isfinite(*other) ? Verdict::kFail : Verdict::kDrawAgain,
              disagreement("the gradient by '" + f.signature().params[params[i]].name + "'", slopes[i],
                           *other, inputs)};
  return {largest > 0 ? Verdict::kPass : Verdict::kSkip};
}

// Forward: one direction of all float parameters at once.
Verdict judge_forward(const backends::Executable& f, const backends::Executable& jvp, const Inputs& inputs,
                      Random& random) {
  Point point{f, inputs.arrays, {}};
  if (!draw_cotangents(point, random)) return {Verdict::kDrawAgain};
  Direction direction;
  Arrays args = point.args;
  for (size_t p = 0; p < point.args.size(); ++p)
    if (is_float(point.args[p]))
      args.push_back(direction.emplace(p, normal_like(point.args[p], random)).first->second);
  const Arrays results = run(jvp, std::move(args));
  double slope = 0;
  for (size_t i = 0, first = results.size() - point.cotangents.size(); i < point.cotangents.size(); ++i)
    slope += inner_product(results[first + i], point.cotangents[i]);
  if (!std::isfinite(slope)) return {Verdict::kDrawAgain};
  if (const auto other = contradiction(point, direction, slope, std::abs(slope)))
    return {std::isfinite(*other) ? Verdict::kFail : Verdict::kDrawAgain,
            disagreement("the derivative forward", slope, *other, inputs)};
  return {slope != 0 ? Verdict::kPass : Verdict::kSkip};
}

using Judge = Verdict (*)(const backends::Executable& f, const backends::Executable& derivative,
                          const Inputs& inputs, Random& random);

Verdict check_derivative(const ir::Function& function, const ir::Function& derivative, Judge judge,
                         Random& random) {
  constexpr int kMaxPoints = 4;
  const auto f = reference::interpret(function);
  const auto by_pass = reference::interpret(derivative);
  bool flat = false;
  for (int points = 0; points < kMaxPoints; ++points) {
    const std::optional<Inputs> inputs = draw_inputs(function, random, Values::kNormal, kLittleWork);
    if (!inputs) return {Verdict::kDrawAgain};
    try {
      const Verdict verdict = judge(*f, *by_pass, *inputs, random);
      if (verdict.kind == Verdict::kPass || verdict.kind == Verdict::kFail) return verdict;
      flat = flat || verdict.kind == Verdict::kSkip;
    } catch (const backends::RecordedError&) {  // a kink is near, or an index is out of range
    }
  }
  // Without any slope everywhere, it is right that there is none.
  return {flat ? Verdict::kPass : Verdict::kDrawAgain};
}

}  // namespace

Verdict check_gradient(const ir::Function& function, Random& random) {
  return check_derivative(function, *passes::vjp(function), judge, random);
}

Verdict check_jvp(const ir::Function& function, Random& random) {
  return check_derivative(function, *passes::jvp(function), judge_forward, random);
}

Verdict check_second(const ir::Function& function, Random& random) {
  const auto first = random.chance(0.5) ? passes::vjp(function) : passes::jvp(function);
  if (random.chance(0.5)) return check_derivative(*first, *passes::vjp(*first), judge, random);
  return check_derivative(*first, *passes::jvp(*first), judge_forward, random);
}

}  // namespace rondo::fuzz
