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
#include "ir/budgets.h"
#include "ir/builder_math.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

namespace {

ir::Expand expansion(const ir::Op& op) {
  if (!op.row->is_elementwise()) return nullptr;
  return ir::element_math(op).expand[op.operands.back()->type.dtype.id()];
}

class Expander {
 public:
  bool run(ir::Graph& graph) {
    bool changed = false;
    // A formula may use a function that has one.
    while (rewrite_ops(graph, [&](ir::Builder& b, ir::Op& op) { return expand(b, op); })) changed = true;
    for (const auto& op : graph.ops)
      for (const auto& region : op->regions) changed |= run(*region);
    return changed;
  }

 private:
  Replacement expand(ir::Builder& builder, ir::Op& op) {
    const ir::Expand formula = expansion(op);
    if (formula == nullptr) return {};
    builder.loc = op.loc.via("expand-math");
    ir::BuilderMath math(builder);
    const size_t before = builder.graph().ops.size();
    ir::Value* result = formula(math, op.operands.data());
    made_ += static_cast<int64_t>(builder.graph().ops.size() - before);
    if (made_ > ir::budget::kOpsMade)
      fail_over_budget(builder.function(), &op, "expand-math: the formulas of its functions",
                       "put what repeats into a scan");
    return ir::Values{result};
  }

  int64_t made_ = 0;
};

}  // namespace

bool expand_math(ir::Function& function) { return Expander().run(function.body); }

}  // namespace rondo::passes
