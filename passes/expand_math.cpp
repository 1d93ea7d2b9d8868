// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// expand-math: writes out each element-wise function that has a formula in primitive ops.
//
// Before:  %y = rsqrt %x : f32[B]
// After:   %0 = sqrt %x : f32[B]
//          %y = div 1.0, %0 : f32[B]
//
// Legal:   always, and exact: the row's formula is what the interpreter evaluates for the op itself.
//          Functions without a formula at their element type (exp of f64, pow, rem) stay: code calls the
//          row's host kernel for them.
// A loss:  if a pass to come knows the function itself, its derivative or its range: so this runs after
//          differentiation and simplification.
// Needs:   nothing. Feeds fuse, which joins the primitive ops into one loop.
#include "ir/builder_math.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

namespace {

ir::Expand expansion(const ir::Op& op) {
  if (!op.row->is_elementwise()) return nullptr;
  return ir::element_math(op).expand[op.operands.back()->type.dtype.id()];
}

Replacement expand(ir::Builder& builder, ir::Op& op) {
  const ir::Expand formula = expansion(op);
  if (formula == nullptr) return {};
  builder.loc = op.loc.via("expand-math");
  ir::BuilderMath math(builder);
  return ir::Values{formula(math, op.operands.data())};
}

bool expand_graph(ir::Graph& graph) {
  bool changed = false;
  while (rewrite_ops(graph, expand)) changed = true;  // a formula may use a function that has one
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= expand_graph(*region);
  return changed;
}

}  // namespace

bool expand_math(ir::Function& function) { return expand_graph(function.body); }

}  // namespace rondo::passes
