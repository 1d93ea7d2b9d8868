// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions whose dots oneDNN computes. It adds products in an order of its own, so
// bits differ; whether they may is judged against double precision. With x a result as the interpreter has it, e
// the same in double precision and z what the function gives, in the L2 and in the maximum norm
//
//   |z - e| <= 16 * |x - e| + 16 * eps * |e|
//
// over the elements that are finite; z must be NaN or infinite where x is. So an error may be as large as those
// that the language's own order makes, within a factor. An ill-conditioned function is drawn again: where x is
// off by more than 1e-3, or e moves by more than is allowed to z when in each dot a sum of products x * y changes
// by eps / 2 * sum |x * y| at most, which is about what orders are apart. (So does 1 - 1: what is left after all
// has cancelled hangs on the order alone.) Floats decide no branch and no index (the generator's `smooth`).
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/llvm/executable.h"
#include "backends/onednn/dots.h"
#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "tools/fuzz/checks.h"
#include "tools/fuzz/inputs.h"

namespace rondo::fuzz {

using runtime::Array;
using runtime::ElementType;
using Arrays = std::vector<Array>;

namespace {

std::vector<double> doubles_of(const Array& array) {
  if (array.type() == ElementType::f64) return {array.data<double>().begin(), array.data<double>().end()};
  if (array.type() == ElementType::f32) return {array.data<float>().begin(), array.data<float>().end()};
  return {};
}

// A length in both norms.
struct Norms {
  double sum_of_squares = 0, largest = 0;

  void add(double x) {
    sum_of_squares += x * x;
    largest = std::max(largest, std::abs(x));
  }
  double l2() const { return std::sqrt(sum_of_squares); }
};

constexpr double kEpsilon = std::numeric_limits<float>::epsilon(), kIllConditioned = 1e-3;

// What a function gives for the same arguments.
struct Outcome {
  Array interpreted, exact, exact_with_noise, found;
};

Verdict judge(const Outcome& outcome) {
  const std::vector<double> x = doubles_of(outcome.interpreted), e = doubles_of(outcome.exact),
                            n = doubles_of(outcome.exact_with_noise), z = doubles_of(outcome.found);
  if (x.empty()) {
    if (!same_bits(outcome.interpreted, outcome.exact)) return {Verdict::kDrawAgain};
    if (!same_bits(outcome.interpreted, outcome.found))
      return {Verdict::kFail, "differs, and holds no floats"};
    return {};
  }
  Norms size, usual, noise, error;
  bool other_infinities = false;
  for (size_t i = 0; i < e.size(); ++i) {
    const auto same_kind = [&](double y) {
      return std::isnan(x[i]) == std::isnan(y) && (std::isinf(x[i]) ? x[i] == y : !std::isinf(y));
    };
    if (!same_kind(e[i]) || !same_kind(n[i])) return {Verdict::kDrawAgain};
    other_infinities = other_infinities || !same_kind(z[i]);
    if (!std::isfinite(e[i])) continue;
    size.add(e[i]);
    usual.add(x[i] - e[i]);
    noise.add(n[i] - e[i]);
    error.add(z[i] - e[i]);
  }
  const double l2 = 16 * usual.l2() + 16 * kEpsilon * size.l2();
  const double largest = 16 * usual.largest + 16 * kEpsilon * size.largest;
  if (usual.l2() > kIllConditioned * size.l2() || noise.l2() > l2 || noise.largest > largest)
    return {Verdict::kDrawAgain};
  if (other_infinities) return {Verdict::kFail, "is infinite or NaN elsewhere than the interpreter's"};
  if (error.l2() <= l2 && error.largest <= largest) return {};
  const auto text = [](double number) { return ir::Number(number).text(f64); };
  return {Verdict::kFail, "is off by " + text(error.l2()) + " in L2 and by " + text(error.largest) +
                              " at most, allowed are " + text(l2) + " and " + text(largest)};
}

// Numbers up to eps / 2, none of them 0, and without a pattern that another op might cancel.
ir::Value* noise(ir::Builder& b, const Type& type) {
  const Type integers = type.with(i32);
  ir::Value* number = b.constant(integers, 1);
  for (int64_t dim = 0; dim < type.rank(); ++dim)
    number = b.add(b.mul(number, b.like(number, 31)), b.iota(integers, dim));
  ir::Value* draw = b.convert(b.and_(number, b.like(number, 7)), type.dtype);
  return b.mul(b.sub(draw, b.like(draw, 3.5)), b.like(draw, kEpsilon / 7));
}

// To each dot that is oneDNN's, the same dot of absolute values is added, times noise.
void add_noise(ir::Graph& graph) {
  passes::rewrite_ops(graph, [](ir::Builder& b, ir::Op& op) -> passes::Replacement {
    if (op.row != &ir::ops::dot || !onednn::dots().takes(op)) return {};
    ir::Value* sizes = b.clone(op, {b.abs(op.operands[0]), b.abs(op.operands[1])})->result();
    return ir::Values{b.add(b.clone(op, op.operands)->result(), b.mul(sizes, noise(b, sizes->type)))};
  });
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) add_noise(*region);
}

bool has_dot_for_onednn(const ir::Function& function) {
  bool found = false;
  ir::for_each_op(function.body, [&](const ir::Op& op) {
    found = found || (op.row == &ir::ops::dot && onednn::dots().takes(op));
  });
  return found;
}

Arrays run(const backends::Executable& executable, Inputs inputs) {
  return executable.run(inputs.pointers());
}

}  // namespace

Verdict check_onednn(const ir::Function& drawn, Random& random) {
  const auto function = program_or_gradient(drawn, random);
  passes::remove_dead_code(*function);
  if (!has_dot_for_onednn(*function)) return {Verdict::kDrawAgain};
  const auto noisy = ir::clone_function(*function, function->name);
  add_noise(noisy->body);
  const auto interpreter = reference::interpret(*function);
  const auto exact = reference::interpret(*function, reference::Precision::kDouble);
  const auto exact_with_noise = reference::interpret(*noisy, reference::Precision::kDouble);
  std::unique_ptr<backends::Executable> compiled;  // once there is something to judge
  const Values values = random.chance(0.7) ? Values::kNormal : Values::kMixed;
  int judged = 0;
  for (int draw = 0; draw < 3; ++draw) {
    const std::optional<Inputs> inputs = draw_inputs(*function, random, values);
    if (!inputs) continue;
    Arrays x, e, n;
    try {
      x = run(*interpreter, *inputs);
      e = run(*exact, *inputs);
      n = run(*exact_with_noise, *inputs);
    } catch (const backends::RecordedError&) {  // a kink is near, or an index is out of range
      continue;
    }
    if (!compiled) compiled = codegen::compile(*function, {.poison = true, .dots = &onednn::dots()});
    const Arrays z = run(*compiled, *inputs);
    bool good = true;
    for (size_t i = 0; i < z.size(); ++i) {
      const Verdict verdict = judge({x[i], e[i], n[i], z[i]});
      if (verdict.kind == Verdict::kFail)
        return {Verdict::kFail,
                "result " + std::to_string(i) + at_sizes(inputs->sizes) + " " + verdict.detail};
      good = good && verdict.kind == Verdict::kPass;
    }
    judged += good;
  }
  return {judged > 0 ? Verdict::kPass : Verdict::kDrawAgain};
}

}  // namespace rondo::fuzz
