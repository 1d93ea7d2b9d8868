// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to fuse-scans.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/builder.h"
#include "ir/scan_builder.h"
#include "passes/loop_chains.h"

namespace rondo::passes {

/// What is written anew where it is read, at one time too, since it has no memory as a rule.
bool is_spread(const ir::Op& op);

/// Where a chain is written: a block of a cond, into which values come as parameters, or the graph itself.
class Place {
 public:
  Place(ir::Graph& graph, Loc loc) : b(graph, loc) {}
  virtual ~Place() = default;

  /// What stands here for a value of the graph around: what was set, or what brings it in.
  ir::Value* in(ir::Value* outside) {
    ir::Value*& inside = inside_[outside];
    return inside != nullptr ? inside : inside = bring(outside);
  }
  void set(const ir::Value* outside, ir::Value* inside) { inside_[outside] = inside; }

  ir::Builder b;

 private:
  virtual ir::Value* bring(ir::Value* outside) = 0;

  std::unordered_map<const ir::Value*, ir::Value*> inside_;
};

/// Writes loops of a chain, and ops between them, as one loop.
class LoopWriter {
 public:
  LoopWriter(Place& place, const LoopChains& chains, const LoopChain& chain)
      : place_(place), chains_(chains), chain_(chain), scan_(*place.b.graph().function, place.b.loc) {}

  /// To be called once. Returns what stands for those of the members' results that are wanted.
  ir::Values write(const std::vector<ir::Op*>& members, const ir::Values& wanted);

 private:
  void write_loop(const ir::Op& op);
  void write_step(const ir::Op& op);
  ir::Values write_at_time(const ir::Op& op, ir::Values operands, const std::vector<bool>& batched);
  // What a value is at a time: computed there, or gone over.
  ir::Value* at_time(ir::Value* value);
  ir::Value* over(ir::Value* value);
  ir::Value* use(ir::Value* value);

  Place& place_;
  const LoopChains& chains_;
  const LoopChain& chain_;
  ir::ScanBuilder scan_;
  ir::Values yields_;                                        // of carries
  std::unordered_map<const ir::Value*, int> carries_;        // results of loops, as results of this one
  std::unordered_map<const ir::Value*, ir::Value*> inside_;  // what values are at a time
  std::unordered_map<const ir::Value*, ir::Value*> uses_;
};

}  // namespace rondo::passes
