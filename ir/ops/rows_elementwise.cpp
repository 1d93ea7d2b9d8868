// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Defines the element-wise rows.
#include <cmath>
#include <cstring>
#include <limits>

#include "ir/builder.h"
#include "ir/ops/element_math.h"
#include "ir/ops/expansions.h"
#include "ir/ops/support.h"

namespace rondo::ir {

namespace {

// One type for all operands (but a condition), which the arithmetic takes; the result's follows from it.
std::vector<Type> infer_elementwise(const Op& op, const std::vector<Type>&) {
  const ElementMath& math = element_math(op);
  const Type& last = op.operands.back()->type;
  for (size_t i = math.first_is_condition ? 1 : 0; i + 1 < op.operands.size(); ++i)
    require(op, 1, op.operands[i]->type == last,
            "operands differ: " + op.operands[i]->type.text() + " and " + last.text());
  require(op, 2, math.takes(last.dtype), "it does not take " + last.text());
  if (math.first_is_condition)
    require(op, 3, op.operands[0]->type == last.with(i1),
            "the condition is " + op.operands[0]->type.text() + ", expected " + last.with(i1).text());
  return {last.with(math.results[last.dtype.id()])};
}

void evaluate_elementwise(const Evaluation& e) {
  const ElementMath& math = element_math(e.op);
  std::vector<const void*> in;
  for (const HostArray* x : e.in) in.push_back(x->bytes.data());
  math.kernels[e.in.back()->dtype.id()](in.data(), e.out[0].bytes.data(), e.out[0].size());
}

// What all element-wise rows have in common.
OpRow elementwise(const char* name, OpRow row) {
  static const std::vector<std::string> accepted = {"operands have the same type",
                                                    "the element type is one that the arithmetic takes"};
  row.name = text_name(name);
  const ElementMath& math = row.math_by_word.empty() ? row.math : row.math_by_word.begin()->second;
  const char* names[] = {"x", "y", "z"};
  if (row.operands.empty())
    for (int i = 0; i < math.arity; ++i) row.operands.push_back({names[i]});
  if (row.infer == nullptr) {
    row.constraints = accepted;
    if (math.first_is_condition) row.constraints.push_back("the condition is i1 with the operands' dims");
    row.infer = infer_elementwise;
    row.evaluate = evaluate_elementwise;
  }
  return row;
}

}  // namespace

namespace ops {

#define F1(...)         \
  [](auto& m, auto x) { \
    (void)m;            \
    return __VA_ARGS__; \
  }
#define F2(...)                 \
  [](auto& m, auto x, auto y) { \
    (void)m;                    \
    return __VA_ARGS__;         \
  }
#define F3(...)                         \
  [](auto& m, auto x, auto y, auto z) { \
    (void)m;                            \
    return __VA_ARGS__;                 \
  }
#define D(...)                               \
  [](Builder& b, Value* d, Primals& p) {     \
    (void)b;                                 \
    (void)d;                                 \
    (void)p;                                 \
    return static_cast<Value*>(__VA_ARGS__); \
  }
#define X p.operand(0)
#define Y p.result()
#define OP(name, ...) const OpRow name = elementwise(#name, OpRow{__VA_ARGS__});
#define RONDO_DEFINE_ROWS
#include "ir/ops/elementwise.def"

}  // namespace ops
}  // namespace rondo::ir
