// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// plan-memory: gives every value a buffer, and writes the numbers down as annotations (see memory_plan.h).
//
// Before:  %b = fusion use(%x1 = %x, %a1 = %a) {..}
//          %y = reshape %b : f32[2,3]
// After:   %b = fusion use(%x1 = %x, %a1 = %a) {..} buffers([1])     %b overwrites the donated %a
//          %y = reshape %b buffers([1]) : f32[2,3]                   the same memory, no code; so is a slice of whole rows
//
// Decides which values share memory: a reshape or check is its operand; an op that works element by element
// overwrites an operand that nothing reads later; what a scan's body stacks is written into the stack's slot,
// and carries pass between time steps by the cheapest route (CarryRoute); a result overwrites a donated
// parameter. How buffers lie in memory is decided when sizes are bound.
//
// Legal:   if nothing that is read later is overwritten; check_plan proves it. Donated parameters are written
//          last: an op that overwrites one is moved after every op that can record an error, with all that
//          needs it; where that cannot be, the parameter is not overwritten. So a run that records an error
//          leaves the caller's arrays as they were. Exact: the interpreter ignores annotations, and moving
//          ops changes no value.
// A loss:  moved updates keep gradients alive for longer. That is the price of the promise above.
// Needs:   fuse and whatever else makes ops; no pass after it may change the function.
#include <algorithm>

#include "ir/builder.h"
#include "ir/dataflow.h"
#include "passes/fusion_rules.h"
#include "passes/memory_planner.h"
#include "passes/pass_runner.h"
#include "passes/postpone_updates.h"

namespace rondo::passes {

void MemoryPlanner::run() {
  postpone_updates(function_);
  const ir::Graph& body = function_.body;
  for (size_t i = 0; i < body.ops.size(); ++i)
    if (can_record_error(*body.ops[i])) last_recorder_ = body.ops[i].get();
  count_uses(body);
  for (const auto& param : body.params)
    homes_[param.get()] = {make(Storage::Owner::kParam, body, param->index), read_as_often_as(*param)};
  before_errors_ = last_recorder_ != nullptr;
  plan(body);
  for (const auto& param : body.params) storages_[homes_[param.get()].storage].number = numbers_++;
  annotate(function_.body);
}

void MemoryPlanner::count_uses(const ir::Graph& graph) {
  for (const auto& op : graph.ops)
    for (const ir::Value* operand : op->operands) ++uses_[operand];
  for (const ir::Value* result : graph.results) ++uses_[result], ++times_returned_[result];
}

int MemoryPlanner::read_as_often_as(const ir::Value& value) {
  reads_left_.push_back(uses_[&value]);
  return static_cast<int>(reads_left_.size()) - 1;
}

// What a graph returns has a buffer of its own, or all of a parameter's.
void MemoryPlanner::find_views(const ir::Graph& graph) {
  std::unordered_set<const ir::Value*> returned(graph.results.begin(), graph.results.end());
  for (size_t i = graph.ops.size(); i-- > 0;) {
    ir::Op& op = *graph.ops[i];
    const bool is_returned = !op.results.empty() && returned.contains(op.result());
    op.erase_attr("view");
    if (takes_whole_rows(op) && !is_returned) op.set_attr("view", {});
    if (aliased_operand(op) >= 0 && is_returned) returned.insert(op.operands[0]);
  }
}

void MemoryPlanner::plan(const ir::Graph& graph) {
  find_views(graph);
  for (const auto& op : graph.ops) {
    const int aliased = aliased_operand(*op);
    if (aliased >= 0) {
      Home home = homes_.at(op->operands[aliased]);
      home.part |= op->has_attr("view");
      homes_[op->result()] = home;
      reads_left_[home.content] += uses_[op->result()];
    } else if (op->row == &ir::ops::scan) {
      plan_scan(*op);
    } else if (has_blocks(*op)) {
      plan_blocks(*op);
    } else if (op->row == &ir::ops::rows) {
      plan_rows(*op);
    } else {
      place_results(*op, op->results.size());
    }
    for (const ir::Value* operand : op->operands) --reads_left_[homes_.at(operand).content];
    if (op.get() == last_recorder_) before_errors_ = false;
  }
}

void MemoryPlanner::place_results(const ir::Op& op, size_t overwriting) {
  const Overwritable operands = overwriting > 0 ? overwritable(op) : Overwritable{};
  std::unordered_set<int> taken;
  for (size_t i = 0; i < op.results.size(); ++i) {
    const ir::Value& value = *op.results[i];
    int storage = i < overwriting ? storage_to_overwrite(op, operands, value, taken) : -1;
    if (storage < 0)
      storage = make(Storage::Owner::kOp, *op.graph);
    else
      storages_[storage].overwritten = true;
    taken.insert(storage);
    homes_[&value] = {storage, read_as_often_as(value)};
  }
}

MemoryPlanner::Overwritable MemoryPlanner::overwritable(const ir::Op& op) const {
  std::unordered_map<int, int64_t> reads;  // of each content
  Overwritable result;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Home home = homes_.at(op.operands[i]);
    ++reads[home.content];
    result.in_storage[home.storage].push_back(static_cast<int>(i));
  }
  std::unordered_set<int> seen;
  for (const ir::Value* operand : op.operands)
    if (const Home home = homes_.at(operand); home.part) seen.insert(home.storage);
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Home home = homes_.at(op.operands[i]);
    if (storages_[home.storage].graph == op.graph && reads[home.content] == reads_left_[home.content] &&
        seen.insert(home.storage).second)
      result.operands.push_back(static_cast<int>(i));
  }
  return result;
}

int MemoryPlanner::storage_to_overwrite(const ir::Op& op, const Overwritable& candidates,
                                        const ir::Value& result, const std::unordered_set<int>& taken) const {
  // A carry, and only it, may be overwritten by its last value.
  std::vector<int> own;
  if (routes_.contains(&op)) {
    const int carry = ir::carries_of(op).first + result.index;
    if (std::binary_search(candidates.operands.begin(), candidates.operands.end(), carry)) own = {carry};
  }
  const std::vector<int>& operands = routes_.contains(&op) ? own : candidates.operands;
  for (bool belongs : {true, false})
    for (const int operand : operands) {
      const int storage = homes_.at(op.operands[operand]).storage;
      const bool fits = belongs ? is_meant_for(storages_[storage], result)
                                : storages_[storage].owner == Storage::Owner::kOp;
      if (!fits || taken.contains(storage)) continue;
      const std::vector<int>& sharing = candidates.in_storage.at(storage);
      if (std::all_of(sharing.begin(), sharing.end(),
                      [&](int other) { return may_write_over(op, other, result.index); }))
        return storage;
    }
  return -1;
}

bool MemoryPlanner::is_meant_for(const Storage& storage, const ir::Value& value) const {
  const auto found = times_returned_.find(&value);
  const int64_t times = found == times_returned_.end() ? 0 : found->second;
  if (storage.owner == Storage::Owner::kCarry)
    return times == 1 && value.graph->results[storage.index] == &value;
  return storage.owner == Storage::Owner::kParam && times > 0 && !before_errors_ && !storage.overwritten &&
         function_.param_infos[storage.index].donate &&
         storage.graph->param(storage.index)->type == value.type;
}

bool MemoryPlanner::may_write_over(const ir::Op& op, int operand, int result) const {
  const auto routes = routes_.find(&op);
  if (routes == routes_.end()) return may_write_in_place(op, operand, result);
  const int carry = operand - ir::carries_of(op).first;
  return carry == result && routes->second[carry].route == CarryRoute::kInPlace;
}

int MemoryPlanner::make(Storage::Owner owner, const ir::Graph& graph, int index) {
  storages_.push_back({owner, &graph, index});
  return static_cast<int>(storages_.size()) - 1;
}

int64_t MemoryPlanner::number(int storage) {
  while (storages_[storage].same_as >= 0) storage = storages_[storage].same_as;
  int64_t& number = storages_[storage].number;
  if (number < 0) number = numbers_++;
  return number;
}

void MemoryPlanner::annotate(ir::Graph& graph) {
  for (const auto& op : graph.ops) {
    std::vector<int64_t> buffers;
    for (const auto& result : op->results) buffers.push_back(number(homes_.at(result.get()).storage));
    op->set_attr("buffers", {ir::ints(buffers)});
    for (ir::Graph* block : running_blocks(*op)) annotate(*block);
    if (const auto inside = inside_.find(op.get()); inside != inside_.end()) {
      std::vector<int64_t> numbers;
      for (const int storage : inside->second) numbers.push_back(storage < 0 ? -1 : number(storage));
      op->set_attr("inside", {ir::ints(numbers)});
    }
    const auto routes = routes_.find(op.get());
    if (routes == routes_.end()) continue;
    std::vector<int64_t> through;
    for (size_t i = 0; i < routes->second.size(); ++i) {
      const Route& route = routes->second[i];
      if (route.route == CarryRoute::kInPlace)
        through.push_back(buffers[i]);
      else if (route.route == CarryRoute::kAlternating)
        through.push_back(number(route.through));
      else
        through.push_back(buffers[op->groups[1] + route.stack]);
    }
    op->set_attr("through", {ir::ints(through)});
  }
}

bool plan_memory(ir::Function& function) {
  MemoryPlanner(function).run();
  if (PassRunner::verifies_by_default()) check_plan(function);
  return true;
}

}  // namespace rondo::passes
