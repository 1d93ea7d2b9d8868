// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "passes/activity.h"

// What vjp.cpp, vjp_scan.cpp and vjp_blocks.cpp share.
namespace rondo::passes {

/// Where the transposed graph finds values of the forward graph.
class ForwardValues {
 public:
  virtual ~ForwardValues() = default;
  /// The value that stands for `forward` where the transposed ops are written.
  virtual ir::Value* find(ir::Value* forward) = 0;
};

/// Writes the transpose of a graph: takes cotangents of its results, walks its ops from last to first, and
/// leaves cotangents of its parameters. A value's cotangents are summed in the order in which the walk meets
/// them.
class Transposer {
 public:
  Transposer(ir::Builder& builder, const Activity& activity, ForwardValues& forward)
      : builder(builder), activity(activity), forward(forward) {}

  /// Adds to the cotangent of a forward value; ignored if no cotangent of it is asked for.
  void add(const ir::Value* value, ir::Value* cotangent) { add(value, cotangent, false); }
  /// The sum, once all is added; nullptr if there is none. It is named after the value: dx for x.
  ir::Value* cotangent(const ir::Value* value) const;
  /// The same, but a constant -0.0 if there is none.
  ir::Value* cotangent_or_zero(const ir::Value* value);
  /// True if all of a value's cotangent is one dot, or one sum, written for it.
  bool is_product(const ir::Value* value) const;
  /// `total` and the cotangent of a value. If that is a product, it goes on from there, over rows backwards if so asked.
  ir::Value* add_to(ir::Value* total, const ir::Value* value, bool descending);
  /// Says that a loop makes the first dim of a cotangent from its last element to the first.
  void set_backwards(const ir::Value* cotangent) { backwards_.insert(cotangent); }
  /// Transposes the first `count` ops of the forward graph.
  void run(const ir::Graph& graph, size_t count);

  ir::Builder& builder;
  const Activity& activity;
  ForwardValues& forward;

 private:
  struct Sum {
    ir::Value* value = nullptr;
    bool is_product = false;
  };

  void add(const ir::Value* value, ir::Value* cotangent, bool is_product);
  void transpose(ir::Op& op);
  void transpose_identity(const ir::Op& op, ir::Value* cotangent);
  void transpose_jointly(const ir::Op& op, ir::Value* cotangent);
  void transpose_region_op(ir::Op& op);
  // What new ops make of such a dim goes on as it does: what else has that dim, and sums over it.
  void follow_backwards(size_t first);

  std::unordered_map<const ir::Value*, Sum> cotangents_;
  std::unordered_set<const ir::Value*> backwards_;
};

// The transposes of ops with regions, written where `outer` writes, of which at least one result has a
// cotangent.
/// Adds to the forward scan the stacks that it needs.
void transpose_scan(ir::Op& op, Transposer& outer);
void transpose_cond(ir::Op& op, Transposer& outer);
void transpose_call(ir::Op& op, Transposer& outer);

}  // namespace rondo::passes
