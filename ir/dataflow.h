// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unordered_set>
#include <vector>

#include "ir/op_row.h"

// What a value is computed from, through regions: a body is isolated, so values flow into it only from
// operands to parameters, from run to run along carries, and out of it from yields to results.
namespace rondo::ir {

/// The operand that parameter `param` of a block is bound to; -1 for an index and for what comes from elsewhere.
inline int bound_operand(const Op& op, int param) {
  const int operand = param - (op.row->region.index ? 1 : 0);
  return operand < static_cast<int>(op.operands.size() - op.row->operands.size()) ? operand : -1;
}

/// The first operand that is a carry, and how many there are.
struct CarryRange {
  int first = 0, count = 0;
};
inline CarryRange carries_of(const Op& op) {
  CarryRange range;
  for (int list = 0; list <= op.row->region.carry; ++list) {
    range.first += range.count;
    range.count = op.groups[list];
  }
  return range;
}

/// How a value depends on another one, besides as an operand of a plain op (0 and up).
enum Flow : int {
  kPasses = -1,   // the one is the other, on the other side of a region's wall
  kDecides = -2,  // the other decides which block runs, or belongs to what `call` says of itself
};

/// Calls visit(source, i) for every value that `value` depends on directly: as operand i of the op that
/// computes it, or with a Flow.
template <class Visit>
void for_each_source(const Value& value, Visit&& visit) {
  if (value.op == nullptr) {
    const Op* owner = value.graph->owner;
    const int operand = owner == nullptr ? -1 : bound_operand(*owner, value.index);
    if (operand < 0) return;
    visit(owner->operands[operand], kPasses);
    const CarryRange carries = carries_of(*owner);
    if (operand < carries.first || operand >= carries.first + carries.count) return;
    for (size_t i = 0; i < owner->regions.size(); ++i)
      if (owner->row->region.blocks[i].gives == BlockSpec::Gives::kResults)
        visit(owner->regions[i]->results[operand - carries.first], kPasses);
    return;
  }
  const Op& op = *value.op;
  // What `call` computes and what it is differentiated by need not agree: it counts as one op of its operands.
  const bool opaque = op.row == &ops::call;
  for (size_t i = 0; i < op.regions.size(); ++i) {
    const Values& yields = op.regions[i]->results;
    if (op.row->region.blocks[i].gives == BlockSpec::Gives::kResults && !opaque)
      visit(yields[value.index], kPasses);
    else
      for (const Value* yield : yields) visit(yield, kDecides);
  }
  const CarryRange carries = carries_of(op);
  if (value.index < carries.count) visit(op.operands[carries.first + value.index], kPasses);
  const size_t bound = op.regions.empty() || opaque ? 0 : op.operands.size() - op.row->operands.size();
  for (size_t i = bound; i < op.operands.size(); ++i) visit(op.operands[i], static_cast<int>(i));
}

/// Every value that the results of `graph` depend on, those within regions included.
inline std::unordered_set<const Value*> live_values(const Graph& graph) {
  std::unordered_set<const Value*> live(graph.results.begin(), graph.results.end());
  std::vector<const Value*> pending(live.begin(), live.end());
  while (!pending.empty()) {
    const Value* value = pending.back();
    pending.pop_back();
    for_each_source(*value, [&](const Value* source, int) {
      if (live.insert(source).second) pending.push_back(source);
    });
  }
  return live;
}

}  // namespace rondo::ir
