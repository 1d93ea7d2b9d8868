// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unordered_set>

#include "ir/op_row.h"
#include "ir/scan.h"

// What a value is computed from, through regions: a body is isolated, so values flow into it only from
// operands to parameters, from step to step along carries, and out of it from yields to results.
namespace rondo::ir {

/// Calls visit(source, i) for every value that `value` depends on directly: as operand i of the op that
/// computes it, or with i = -1 where the value just passes through the wall of a region.
template <class Visit>
void for_each_source(const Value& value, Visit&& visit) {
  if (value.op == nullptr) {
    const Op* owner = value.graph->owner;
    if (owner == nullptr) return;
    if (owner->row != &ops::scan) {
      visit(owner->operands[value.index], -1);
    } else if (value.index > 0) {  // the index itself comes from nowhere
      const Scan scan(*owner);
      visit(owner->operands[value.index - 1], -1);
      const size_t carry = value.index - 1 - scan.over.size();
      if (carry < scan.carry.size()) visit(scan.carry_yield(carry), -1);
    }
  } else if (value.op->regions.empty()) {
    for (size_t i = 0; i < value.op->operands.size(); ++i) visit(value.op->operands[i], static_cast<int>(i));
  } else {
    visit(value.op->regions[0]->results[value.index], -1);
    if (value.op->row != &ops::scan) return;
    const Scan scan(*value.op);
    if (static_cast<size_t>(value.index) < scan.carry.size()) visit(scan.carry[value.index], -1);
  }
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
