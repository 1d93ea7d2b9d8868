// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/builder.h"
#include "ir/scan.h"

namespace rondo::passes {

using OpSet = std::unordered_set<const ir::Op*>;

/// Ops of a scan's body on their way out of it, which hoist and sink share. What goes with the time is computed
/// for all times at once there.
class LoopMotion {
 public:
  /// What a value of the body depends on at most: nothing that changes with the time, the time and what the loop
  /// goes over, or carries.
  enum Kind { kInvariant, kTimed, kCarried };

  /// Of the scan as it is; it may be given more operands and results later.
  explicit LoopMotion(const ir::Op& scan);

  Kind kind(const ir::Value* value) const { return kinds_.at(value); }
  Kind kind(const ir::Op& op) const { return kind(op.result()); }
  /// A value that a pass has put in the place of another one is of its kind.
  void set_stand_in(const ir::Value* value, const ir::Value* stood) { kinds_[value] = kinds_.at(stood); }
  bool goes_with_time(const ir::Value* value) const { return kind(value) != kInvariant; }
  /// That, for each operand.
  std::vector<bool> batched(const ir::Op& op) const;

  /// True if the op can be computed outside, with all that it is computed from, even if the loop doesn't run.
  bool is_movable(const ir::Op& op) const { return movable_.contains(&op); }

  /// The ops with those movable ones that they are computed from, in program order, as far as `takes` them.
  std::vector<const ir::Op*> with_sources(const OpSet& ops,
                                          const std::function<bool(const ir::Op&)>& takes) const;

  /// What stands for a value outside: an operand, all times of the index, what was set or written.
  ir::Value* outside(ir::Builder& b, const ir::Value* value);
  void set_outside(const ir::Value* value, ir::Value* outside) { outside_[value] = outside; }
  bool is_outside(const ir::Value* value) const { return outside_.contains(value); }

  /// Writes an op outside, where its operands are.
  void write(ir::Builder& b, const ir::Op& op);

 private:
  void find_kind(const ir::Op& op);

  const ir::Graph& body_;
  const Dim length_;
  std::unordered_map<const ir::Value*, Kind> kinds_;
  OpSet movable_;
  std::unordered_map<const ir::Value*, ir::Value*> outside_;
};

}  // namespace rondo::passes
