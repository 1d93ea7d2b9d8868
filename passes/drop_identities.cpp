// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// drop_identities: removes the ops that only differentiation looks at.
//
// Before:  %a = identity %x  %b = stop_gradient %y  %c = add %a, %b
// After:   %c = add %x, %y
//
// Legal:   after the last vjp: before it, identities hold the order of sums, and stop_gradient changes the
//          gradient.
// A loss:  never.
// Needs:   vjp before it. Feeds canonicalise, which does not look through these ops.
#include "ir/op_row.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

bool drop(Graph& graph) {
  bool changed = rewrite_ops(graph, [](Builder&, Op& op) -> Replacement {
    if (op.row != &ops::identity && op.row != &ops::stop_gradient) return {};
    return op.operands;
  });
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= drop(*region);
  return changed;
}

}  // namespace

bool drop_identities(Function& function) { return drop(function.body); }

}  // namespace rondo::passes
