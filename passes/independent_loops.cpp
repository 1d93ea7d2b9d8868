// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/independent_loops.h"

#include <algorithm>
#include <bitset>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/builder.h"
#include "passes/applications.h"
#include "passes/memory_plan.h"

namespace rondo::passes {

using namespace ir;

namespace {

constexpr size_t kMostLoops = 64;  // of a graph
using Loops = std::bitset<kMostLoops>;

// A loop that takes time, and shares no rows itself; what may record an error keeps its place.
bool may_be_job(const Op& op) {
  if (op.row != &ops::scan || can_record_error(op)) return false;
  bool any_dot = false, any_rows = false;
  for_each_op(*op.regions[0], [&](const Op& inner) {
    any_dot |= inner.row == &ops::dot;
    any_rows |= inner.row == &ops::rows;
  });
  return any_dot && !any_rows;
}

class IndependentLoops {
 public:
  explicit IndependentLoops(Graph& graph) : graph_(graph) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const Op& op = *graph.ops[i];
      Loops needed;
      for (const Value* operand : op.operands)
        if (operand->op != nullptr) needed |= needed_.at(operand->op);
      if (count_ < kMostLoops && may_be_job(op)) {
        add({i, count_}, needed);
        needed.set(count_++);
      }
      needed_[&op] = needed;
    }
  }

  bool run() {
    for (const Group& group : groups_) {
      if (group.size() < 2 || !may_move(group) || !Applications::one_more()) continue;
      gather(group);
      Applications::done();
    }
    if (jobs_.empty()) return false;
    auto ops = std::move(graph_.ops);
    graph_.ops.clear();
    std::unordered_map<Value*, Value*> given;  // by jobs
    const auto redirect = [&](Value*& value) {
      if (const auto found = given.find(value); found != given.end()) value = found->second;
    };
    for (auto& op : ops) {
      std::ranges::for_each(op->operands, redirect);
      if (!jobs_.contains(op.get())) {
        graph_.append(std::move(op));
        continue;
      }
      const Op* loop = op.get();
      const Op* job = wrap(std::move(op));
      for (size_t k = 0; k < loop->results.size(); ++k) given[loop->results[k].get()] = job->results[k].get();
    }
    std::ranges::for_each(graph_.results, redirect);
    return true;
  }

 private:
  struct Loop {
    size_t place, number;
  };
  using Group = std::vector<Loop>;  // of loops that need nothing of each other

  // To the last group, if the loop needs nothing of that.
  void add(Loop loop, const Loops& needed) {
    const auto is_needed = [&](const Loop& other) { return needed.test(other.number); };
    if (groups_.empty() || std::ranges::any_of(groups_.back(), is_needed)) groups_.emplace_back();
    groups_.back().push_back(loop);
  }

  // What stands between them gets out of the way, but what may record an error keeps its order.
  bool may_move(const Group& group) const {
    for (size_t i = group.front().place; i < group.back().place; ++i)
      if (can_record_error(*graph_.ops[i])) return false;
    return true;
  }

  // What the loops need comes first, and what needs them last. Groups don't reach into each other.
  void gather(const Group& group) {
    Loops all;
    for (const Loop& loop : group) {
      all.set(loop.number);
      jobs_.insert(graph_.ops[loop.place].get());
    }
    const auto begin = graph_.ops.begin() + static_cast<std::ptrdiff_t>(group.front().place);
    const auto end = graph_.ops.begin() + static_cast<std::ptrdiff_t>(group.back().place) + 1;
    const auto loops = std::stable_partition(
        begin, end, [&](const auto& op) { return (needed_.at(op.get()) & all).none(); });
    std::stable_partition(loops, end, [&](const auto& op) { return jobs_.contains(op.get()); });
  }

  const Op* wrap(std::unique_ptr<Op> loop) {
    auto body = std::make_unique<Graph>(graph_.function);
    Values operands;
    std::unordered_map<Value*, Value*> params;
    for (Value*& operand : loop->operands) {
      Value*& param = params[operand];
      if (param == nullptr) {
        param = body->add_param(operand->type, operand->name);
        operands.push_back(operand);
      }
      operand = param;
    }
    const Op* inner = body->append(std::move(loop));
    for (const auto& result : inner->results) body->results.push_back(result.get());
    const int count = static_cast<int>(operands.size());
    std::vector<std::unique_ptr<Graph>> regions;
    regions.push_back(std::move(body));
    Op* job = Builder(graph_, inner->loc.via("parallelise"))
                  .emit_region(ops::job, std::move(operands), {count}, {}, std::move(regions), {});
    for (size_t k = 0; k < job->results.size(); ++k) job->results[k]->name = inner->results[k]->name;
    return job;
  }

  Graph& graph_;
  std::vector<Group> groups_;
  size_t count_ = 0;                             // of loops
  std::unordered_map<const Op*, Loops> needed_;  // by each op, directly or not; a loop needs itself
  std::unordered_set<const Op*> jobs_;           // what is to be one
};

}  // namespace

bool make_jobs(Graph& graph) { return IndependentLoops(graph).run(); }

}  // namespace rondo::passes
