// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to plan-memory.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"
#include "ir/scan.h"
#include "passes/memory_plan.h"

namespace rondo::passes {

/// Decides which values of a function share memory; what and why: see plan_memory.cpp.
class MemoryPlanner {
 public:
  explicit MemoryPlanner(ir::Function& function) : function_(function) {}

  /// To be called once.
  void run();

 private:
  // A piece of memory. Values share one if one aliases or overwrites the other.
  struct Storage {
    enum class Owner { kOp, kParam, kCarry, kIndex };
    Owner owner;
    const ir::Graph* graph;  // where it is first written, or whose parameter it is
    int index = -1;          // of the parameter or carry
    int same_as = -1;        // the storage of an outer graph that this one turned out to be
    int64_t number = -1;
    bool overwritten = false;
  };

  // Where a value is: all of a storage, or a part. A storage may hold one content after another.
  struct Home {
    int storage;
    int content;
    bool part = false;
  };

  struct Route {
    CarryRoute route;
    int through = -1;  // kAlternating: the second storage
    int stack = -1;    // kAfter, kBefore
  };

  // Operands of an op that nobody reads later, in their order, one for each storage; and all that lie in a storage.
  struct Overwritable {
    std::vector<int> operands;
    std::unordered_map<int, std::vector<int>> in_storage;
  };

  void count_uses(const ir::Graph& graph);
  // A new content, to be read by all uses of the value.
  int read_as_often_as(const ir::Value& value);

  // Marks the slices that are views.
  void find_views(const ir::Graph& graph);
  void plan(const ir::Graph& graph);
  // For each result memory of its own, or that of an operand that the op may overwrite.
  void place_results(const ir::Op& op, size_t overwriting);
  Overwritable overwritable(const ir::Op& op) const;
  // Best is memory in which the result belongs. -1 if there is none.
  int storage_to_overwrite(const ir::Op& op, const Overwritable& candidates, const ir::Value& result,
                           const std::unordered_set<int>& taken) const;
  // A donated parameter is for a result of the function, a carry for what is yielded for it alone.
  bool is_meant_for(const Storage& storage, const ir::Value& value) const;
  bool may_write_over(const ir::Op& op, int operand, int result) const;

  // Ops with bodies: plan_memory_bodies.cpp.

  // Of the storages that belong to an op's blocks: the result of the op that each is, or -1.
  using Targets = std::vector<int>;

  void plan_scan(const ir::Op& op);
  void plan_blocks(const ir::Op& op);
  void plan_rows(const ir::Op& op);
  // For each result the operand that it may overwrite row by row, or -1: nothing else reads or writes that memory.
  std::vector<int> updates_in_rows(const ir::Op& op, const RowsAccess& access) const;
  bool is_own(int storage, const ir::Graph& block) const;
  void join(const ir::Op& op, const Targets& target);
  std::vector<Route> choose_routes(const ir::Scan& scan, Targets& target);

  int make(Storage::Owner owner, const ir::Graph& graph, int index = -1);
  int64_t number(int storage);
  void annotate(ir::Graph& graph);

  ir::Function& function_;
  const ir::Op* last_recorder_ = nullptr;
  bool before_errors_ = false;  // an op that may record an error is still to come
  std::vector<Storage> storages_;
  std::vector<int64_t> reads_left_;  // of each content
  std::unordered_map<const ir::Value*, int64_t> uses_, times_returned_;
  std::unordered_map<const ir::Value*, Home> homes_;
  std::unordered_map<const ir::Op*, std::vector<Route>> routes_;
  // Of each operand of a `rows` op the storage of its copies; -1 if the body reads it where it is.
  std::unordered_map<const ir::Op*, std::vector<int>> inside_;
  int64_t numbers_ = 0;
};

}  // namespace rondo::passes
