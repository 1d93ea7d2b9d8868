// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// drop-identities: removes the ops that only differentiation looks at.
//
// Before:  %a = identity %x  %b = stop_gradient %y
//          %c = call use(%u = %a, %v = %b) body { %s = add %u, %v  yield (%s) } vjp(%s, %ds) { .. }
// After:   %c = add %x, %y
//
// Legal:   after the last vjp: before it, identities hold the order of sums, and stop_gradient changes the
//          gradient.
// A loss:  never.
// Needs:   vjp before it. Feeds canonicalise, which does not look through these ops.
#include "ir/op_row.h"
#include "ir/ops/elementwise.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

// What a call's body computes, written where the call was.
Values body_of_call(Builder& b, const Op& op) {
  const Graph& body = *op.regions[0];
  std::map<const Value*, Value*> values;
  for (size_t i = 0; i < op.operands.size(); ++i) values[body.param(static_cast<int>(i))] = op.operands[i];
  clone_ops(body, b, values);
  Values results;
  for (const Value* result : body.results) results.push_back(values.at(result));
  return results;
}

bool drop(Graph& graph) {
  bool changed = false, calls = true;  // a call's body may hold calls
  while (calls) {
    calls = false;
    changed |= rewrite_ops(graph, [&](Builder& b, Op& op) -> Replacement {
      if (op.row == &ops::call) {
        calls = true;
        return body_of_call(b, op);
      }
      if (op.row != &ops::identity && op.row != &ops::stop_gradient) return {};
      return op.operands;
    });
  }
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= drop(*region);
  return changed;
}

}  // namespace

bool drop_identities(Function& function) { return drop(function.body); }

}  // namespace rondo::passes
