// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vjp of cond and of call.
//
// Before:  %y = cond %p use(%a = %x) then { %e = exp %a  yield (%e) } else { yield (%a) }
// After:   %dx = cond %p use(%a = %x, %dy = %dy) then { %e = exp %a  %da = mul %dy, %e  yield (%da) }
//                                                else { yield (%dy) }
//
// A block of the transposed cond is the vjp of the forward block as a function of its own: it runs the forward
// ops again, so nothing of a block that may not have run is kept. Operands that the blocks do not need go with
// the dead code.
//
// Before:  %y = call use(%a = %x) body { .. yield (%b) } vjp(%b, %db) { .. yield (%da) }
// After:   the ops of its block vjp, on %x, %y and the cotangent of %y
#include <unordered_set>

#include "ir/dataflow.h"
#include "passes/transposer.h"
#include "passes/vjp.h"

namespace rondo::passes {

using namespace ir;

namespace {

// The vjp of a block, seen as a function that gives only the results in `wanted`.
std::unique_ptr<Graph> transposed_block(const Graph& block, const std::vector<int>& wanted,
                                        const std::vector<int>& wrt) {
  const auto forward = function_of(block, "block");
  Values results;
  for (int i : wanted) results.push_back(forward->body.results[i]);
  forward->body.results = results;
  const auto transposed = vjp(*forward, {.wrt = wrt});
  return clone_graph(transposed->body, block.function, nullptr);
}

}  // namespace

void transpose_cond(Op& op, Transposer& outer) {
  std::vector<int> wanted, wrt;  // results with a cotangent, and uses that get one
  Values operands;
  const int bound = op.groups[0];
  for (int i = 0; i < bound; ++i) {
    operands.push_back(outer.forward.find(op.operands[i]));
    const auto active = [&](const auto& block) { return outer.activity.has_cotangent(block->param(i)); };
    if (std::any_of(op.regions.begin(), op.regions.end(), active)) wrt.push_back(i);
  }
  for (const auto& result : op.results) {
    Value* cotangent = outer.cotangent(result.get());
    if (cotangent == nullptr) continue;
    wanted.push_back(result->index);
    operands.push_back(cotangent);
  }
  if (wrt.empty()) return;
  const int count = static_cast<int>(operands.size());
  operands.push_back(outer.forward.find(op.operands[bound]));
  std::vector<std::unique_ptr<Graph>> blocks;
  for (const auto& block : op.regions) blocks.push_back(transposed_block(*block, wanted, wrt));
  Op* transposed =
      outer.builder.emit_region(ops::cond, std::move(operands), {count}, {}, std::move(blocks), {});
  for (size_t k = wrt.size(); k-- > 0;)
    outer.add(op.operands[wrt[k]], transposed->result(static_cast<int>(k)));
}

void transpose_call(Op& op, Transposer& outer) {
  const Graph& derivative = *op.regions[1];
  std::unordered_set<const Value*> used(derivative.results.begin(), derivative.results.end());
  for (const auto& inner : derivative.ops) used.insert(inner->operands.begin(), inner->operands.end());

  // Only what the derivative reads is asked for: asking keeps a value for the backward pass of a loop.
  std::map<const Value*, Value*> values;
  size_t next = 0;
  const auto give = [&](auto&& make) {
    const Value* param = derivative.params[next++].get();
    if (used.contains(param)) values[param] = make();
  };
  for (Value* operand : op.operands) give([&] { return outer.forward.find(operand); });
  for (const auto& result : op.results) give([&] { return outer.forward.find(result.get()); });
  for (const auto& result : op.results)
    if (result->type.dtype.is_float()) give([&] { return outer.cotangent_or_zero(result.get()); });
  const size_t first = outer.builder.graph().ops.size();
  clone_ops(derivative, outer.builder, values);
  for (size_t i = first; i < outer.builder.graph().ops.size(); ++i) {
    Op& copy = *outer.builder.graph().ops[i];
    copy.loc = copy.loc.via("vjp");
  }
  size_t cotangent = derivative.results.size();
  for (size_t i = op.operands.size(); i-- > 0;)
    if (op.operands[i]->type.dtype.is_float())
      outer.add(op.operands[i], values.at(derivative.results[--cotangent]));
}

}  // namespace rondo::passes
