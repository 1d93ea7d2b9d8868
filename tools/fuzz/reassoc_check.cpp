// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes that may add up in another order, judged on programs in double precision. How far results may then lie apart hangs on the
// program: on how far they move when all that it is given changes by a hundred units in the last place.
#include <cmath>
#include <optional>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/passes.h"
#include "passes/vjp.h"
#include "tools/fuzz/checks.h"
#include "tools/fuzz/inputs.h"

namespace rondo::fuzz {

using runtime::Array;
using runtime::ElementType;
using Arrays = std::vector<Array>;

namespace {

constexpr double kMoved = 1e-14;
constexpr int kMaxPasses = 8;

Arrays run(const ir::Function& function, Arrays args) {
  std::vector<Array*> pointers;
  for (Array& arg : args) pointers.push_back(&arg);
  return reference::interpret(function)->run(pointers);
}

Arrays moved(Arrays args, Random& random) {
  for (Array& arg : args)
    if (arg.type() == ElementType::f64)
      for (double& value : arg.data<double>()) value *= 1 + kMoved * random.normal();
  return args;
}

// The distance of two results, and the size of the first, in the maximum norm. Infinite where they differ by more than
// finite floats do.
struct Distance {
  double apart = 0, size = 0;
};

Distance distance(const Array& x, const Array& y) {
  if (x.type() != ElementType::f64) return {same_bits(x, y) ? 0 : INFINITY, 0};
  Distance distance;
  for (size_t i = 0; i < x.data<double>().size(); ++i) {
    const double a = x.data<double>()[i], b = y.data<double>()[i];
    const bool same = a == b || (std::isnan(a) && std::isnan(b));
    const double apart = same ? 0 : std::abs(a - b);
    distance.apart = std::max(distance.apart, std::isfinite(apart) ? apart : INFINITY);
    if (std::isfinite(a)) distance.size = std::max(distance.size, std::abs(a));
  }
  return distance;
}

// Some passes, and at the end those that may add up in another order.
std::vector<const passes::Pass*> draw_passes(Random& random) {
  const auto all = passes::all_passes();
  std::vector<const passes::Pass*> drawn;
  for (int64_t i = random.below(kMaxPasses); i > 0; --i)
    drawn.push_back(&all[static_cast<size_t>(random.below(std::ssize(all)))]);
  for (const passes::Pass& pass : all)
    if (pass.bits == passes::Bits::reassoc) drawn.push_back(&pass);
  return drawn;
}

}  // namespace

Verdict check_reassoc(const ir::Function& drawn, Random& random) {
  auto function = random.chance(0.8) ? passes::vjp(drawn) : ir::clone_function(drawn, drawn.name);
  if (function->body.results.empty()) return {Verdict::kDrawAgain};
  const std::optional<Inputs> inputs = draw_inputs(*function, random, Values::kNormal, kLittleWork);
  if (!inputs) return {Verdict::kDrawAgain};
  Arrays expected, nearby;
  try {
    expected = run(*function, inputs->arrays);
    nearby = run(*function, moved(inputs->arrays, random));
  } catch (const backends::RecordedError&) {  // a kink is near, or an index is out of range
    return {Verdict::kDrawAgain};
  }
  std::string order;
  bool reassociated = false;
  for (const passes::Pass* pass : draw_passes(random)) {
    order += (order.empty() ? "" : ", ") + pass->name;
    const bool changed = pass->run(*function);
    reassociated |= changed && pass->bits == passes::Bits::reassoc;
    if (!changed) continue;
    ir::verify(*function, "after " + order);
  }
  if (!reassociated) return {Verdict::kDrawAgain};
  const Arrays found = run(*function, inputs->arrays);
  for (size_t i = 0; i < expected.size(); ++i) {
    const Distance usual = distance(expected[i], nearby[i]), error = distance(expected[i], found[i]);
    if (!(usual.apart <= 1e-6 * usual.size)) return {Verdict::kDrawAgain};
    if (error.apart > 10 * usual.apart + 1e-12 * usual.size)
      return {Verdict::kFail, order + at_sizes(inputs->sizes) + ": result " + std::to_string(i) +
                                  " is off by " + ir::Number(error.apart).text(f64) + ", of " +
                                  ir::Number(usual.size).text(f64) + "\n" + ir::print(*function)};
  }
  return {};
}

}  // namespace rondo::fuzz
