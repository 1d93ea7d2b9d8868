// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cmath>

#include "ir/ops/elementwise.h"
#include "ir/ops/support.h"
#include "passes/equation.h"
#include "passes/rules.h"

namespace rondo::passes {

using namespace ir;

namespace {

// Not here, since they change bits: x + 0 (of -0.0), 0 - x (of +0.0), x * 0, x - x and x / x (of inf and
// NaN).
constexpr const char* kEquations[] = {
    "add(x, -0.0) = x",
    "add(-0.0, x) = x",
    "add(x, neg(y)) = sub(x, y)",
    "add(neg(x), y) = sub(y, x)",

    "sub(x, 0) = x",
    "sub(-0.0, x) = neg(x)",
    "sub(x, neg(y)) = add(x, y)",

    "mul(x, 1) = x",
    "mul(1, x) = x",
    "mul(x, 2) = add(x, x)",
    "mul(2, x) = add(x, x)",
    "mul(x, -1) = neg(x)",
    "mul(-1, x) = neg(x)",
    "mul(neg(x), neg(y)) = mul(x, y)",

    "div(x, 1) = x",
    "div(x, -1) = neg(x)",

    "fma(x, 1, z) = add(x, z)",
    "fma(1, y, z) = add(y, z)",
    "fma(x, y, -0.0) = mul(x, y)",

    "neg(neg(x)) = x",
    "abs(abs(x)) = abs(x)",
    "abs(neg(x)) = abs(x)",
    "sign(sign(x)) = sign(x)",
    "floor(floor(x)) = floor(x)",
    "ceil(ceil(x)) = ceil(x)",
    "round(round(x)) = round(x)",
    "max(x, x) = x",
    "min(x, x) = x",

    "not(not(x)) = x",
    "and(x, x) = x",
    "and(x, -1) = x",
    "and(-1, x) = x",
    "and(x, 0) = 0",
    "and(0, x) = 0",
    "or(x, x) = x",
    "or(x, 0) = x",
    "or(0, x) = x",
    "or(x, -1) = -1",
    "or(-1, x) = -1",
    "xor(x, x) = 0",
    "xor(x, 0) = x",
    "xor(0, x) = x",
    "shl(x, 0) = x",
    "shr(x, 0) = x",

    "select(c, x, x) = x",
    "select(1, x, y) = x",
    "select(0, x, y) = y",
    "select(not(c), x, y) = select(c, y, x)",
    "select(c, select(c, x, y), z) = select(c, x, z)",
    "select(c, x, select(c, y, z)) = select(c, x, z)",

    "stop_gradient(stop_gradient(x)) = stop_gradient(x)",
};

Replacement one(Value* value) {
  if (value == nullptr) return {};
  return Values{value};
}

// An op on constants, evaluated by its row on one element.
Value* fold(Builder& b, const Op& op) {
  std::vector<HostArray> in;
  std::vector<const HostArray*> pointers;
  for (const Value* operand : op.operands) {
    if (!is_constant(operand)) return nullptr;
    in.emplace_back(operand->type.dtype, std::vector<int64_t>{});
    fill(in.back(), splat_of(operand));
  }
  for (const HostArray& x : in) pointers.push_back(&x);
  HostArray out(op.result()->type.dtype, {});
  const Sizes sizes;
  ErrorRecord error;
  op.row->evaluate({op, pointers, {&out, 1}, sizes, 0, error});
  Value* result = nullptr;
  visit_elements(out, [&]<class T>(const T* x) {
    using Wide = std::conditional_t<std::is_floating_point_v<Computed<T>>, double, int64_t>;
    result = b.constant(op.result()->type, static_cast<Wide>(*x));
  });
  return result;
}

// A power of two has an exact reciprocal, unless that overflows.
Value* divide_by_power_of_two(Builder& b, const Op& op) {
  const Value* divisor = op.operands[1];
  const DType dtype = divisor->type.dtype;
  if (!is_constant(divisor) || !dtype.is_float()) return nullptr;
  int exponent;
  const double value = splat_of(divisor).as(dtype).as_double();
  if (std::fabs(std::frexp(value, &exponent)) != 0.5) return nullptr;
  const double reciprocal = Number(1 / value).as(dtype).as_double();
  if (reciprocal == 0 || std::isinf(reciprocal)) return nullptr;
  return b.mul(op.operands[0], b.like(op.operands[0], reciprocal));
}

// True if every element of `from` is one of `to`.
bool is_lossless(DType from, DType to) {
  return from == to || from == i1 || (from == f32 && to == f64) ||
         (from == bf16 && (to == f32 || to == f64)) || (from == i32 && (to == i64 || to == f64));
}

Value* convert_at_once(Builder& b, const Op& op) {
  const Value* x = op.operands[0];
  const DType to = op.result()->type.dtype;
  if (x->type.dtype == to) return op.operands[0];
  if (x->op == nullptr || x->op->row != &ops::convert) return nullptr;
  Value* source = x->op->operands[0];
  return is_lossless(source->type.dtype, x->type.dtype) ? b.convert(source, to) : nullptr;
}

Value* bitcast_at_once(Builder& b, const Op& op) {
  const Value* x = op.operands[0];
  const DType to = op.result()->type.dtype;
  if (x->type.dtype == to) return op.operands[0];
  if (x->op == nullptr || x->op->row != &ops::bitcast) return nullptr;
  Value* source = x->op->operands[0];
  return source->type.dtype == to ? source : b.bitcast(source, to);
}

// Sums start from +0 anyway.
Value* start_from_zero(Builder& b, const Op& op) {
  const Value* start = start_of_sums(op);
  if (start == nullptr || !is_constant(start)) return nullptr;
  const double value = splat_of(start).as(start->type.dtype).as_double();
  if (value != 0 || std::signbit(value)) return nullptr;
  return b.emit(*op.row, {op.operands.begin(), op.operands.end() - 1}, op.attrs)->result();
}

}  // namespace

std::span<const char* const> equations() { return kEquations; }

bool is_constant(const Value* value) { return value->op != nullptr && value->op->row == &ops::constant; }
const Number& splat_of(const Value* constant) { return constant->op->number_attr("value"); }

std::vector<Rule> arithmetic_rules() {
  std::vector<Rule> rules;
  for (const OpRow* row : all_rows())
    // What an identity or a stop_gradient stands for is not the value.
    if (row->is_elementwise() && row != &ops::identity && row != &ops::stop_gradient)
      rules.push_back(
          {row->name + " of constants", row, [](Builder& b, const Op& op) { return one(fold(b, op)); }});
  for (const char* text : kEquations) {
    const Equation equation(text);
    rules.push_back({text, equation.left().row,
                     [equation](Builder& b, const Op& op) { return one(equation.apply(b, op)); }});
  }
  rules.push_back({"div(x, 2^k) = mul(x, 2^-k)", &ops::div,
                   [](Builder& b, const Op& op) { return one(divide_by_power_of_two(b, op)); }});
  rules.push_back({"convert(convert(x)) = convert(x), the inner one lossless", &ops::convert,
                   [](Builder& b, const Op& op) { return one(convert_at_once(b, op)); }});
  rules.push_back({"bitcast(bitcast(x)) = bitcast(x)", &ops::bitcast,
                   [](Builder& b, const Op& op) { return one(bitcast_at_once(b, op)); }});
  for (const OpRow* row : {&ops::dot, &ops::reduce_sum})
    rules.push_back({row->name + " that starts from +0", row,
                     [](Builder& b, const Op& op) { return one(start_from_zero(b, op)); }});
  return rules;
}

}  // namespace rondo::passes
