// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "ir/dataflow.h"
#include "passes/memory_planner.h"

namespace rondo::passes {

void MemoryPlanner::plan_scan(const ir::Op& op) {
  const ir::Scan scan(op);
  const ir::Graph& body = *scan.body;
  count_uses(body);
  const auto enter = [&](const ir::Value* param, int storage) {
    homes_[param] = {storage, read_as_often_as(*param)};
  };
  enter(scan.index(), make(Storage::Owner::kIndex, body));
  for (size_t i = 0; i < scan.over.size(); ++i) enter(scan.over_param(i), homes_.at(scan.over[i]).storage);
  for (size_t i = 0; i < scan.use.size(); ++i) enter(scan.use_param(i), homes_.at(scan.use[i]).storage);
  for (size_t i = 0; i < scan.carry.size(); ++i)
    enter(scan.carry_param(i), make(Storage::Owner::kCarry, body, static_cast<int>(i)));
  plan(body);

  Targets target(storages_.size(), -1);
  routes_[&op] = choose_routes(scan, target);
  place_results(op, scan.carry.size());
  join(op, target);
  for (size_t i = 0; i < scan.carry.size(); ++i)
    storages_[homes_.at(scan.carry_param(i)).storage].same_as = homes_.at(scan.carry_result(i)).storage;
}

// A cond, a while or a call. The block that yields what is carried is planned first: only there may a carry be
// overwritten, as its memory belongs to that graph.
void MemoryPlanner::plan_blocks(const ir::Op& op) {
  const int carries = ir::carries_of(op).count;
  const auto blocks = running_blocks(op);
  std::vector<int> enters;  // the storage of each parameter
  for (int i = 0; i < static_cast<int>(blocks.back()->params.size()); ++i)
    enters.push_back(i < carries ? make(Storage::Owner::kCarry, *blocks.back(), i)
                                 : homes_.at(op.operands[i]).storage);
  for (size_t k = blocks.size(); k-- > 0;) {
    count_uses(*blocks[k]);
    for (size_t i = 0; i < enters.size(); ++i) {
      const ir::Value* param = blocks[k]->params[i].get();
      homes_[param] = {enters[i], read_as_often_as(*param)};
    }
    plan(*blocks[k]);
  }

  Targets target(storages_.size(), -1);
  std::vector<Route> routes;
  for (size_t k = 0; k < blocks.size(); ++k) {
    if (op.row->region.blocks[k].gives != ir::BlockSpec::Gives::kResults) continue;
    const ir::Values& yields = blocks[k]->results;
    for (int i = 0; i < static_cast<int>(yields.size()); ++i) {
      const int storage = homes_.at(yields[i]).storage;
      if (is_own(storage, *blocks[k]) && target[storage] < 0) target[storage] = i;
      if (i < carries)
        routes.push_back(storage == enters[i]
                             ? Route{CarryRoute::kInPlace}
                             : Route{CarryRoute::kAlternating, make(Storage::Owner::kOp, *op.graph)});
    }
  }
  if (carries > 0) routes_[&op] = std::move(routes);
  place_results(op, static_cast<size_t>(carries));
  join(op, target);
  for (int i = 0; i < carries; ++i) storages_[enters[i]].same_as = homes_.at(op.result(i)).storage;
}

// What the body reads where it is stays there. Of that, what holds rows in one piece may be overwritten by a result
// that belongs there, as a carry is.
void MemoryPlanner::plan_rows(const ir::Op& op) {
  const ir::Graph& body = *op.regions[0];
  count_uses(body);
  const RowsAccess access = rows_access(op);
  const std::vector<int> updated = updates_in_rows(op, access);
  std::vector<int> inside;  // where each operand is read
  std::vector<int>& copies = inside_[&op];
  for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
    const auto result = std::find(updated.begin(), updated.end(), i);
    if (!access.operands[i])
      inside.push_back(make(Storage::Owner::kOp, body));
    else if (result != updated.end())
      inside.push_back(make(Storage::Owner::kCarry, body, static_cast<int>(result - updated.begin())));
    else
      inside.push_back(homes_.at(op.operands[i]).storage);
    homes_[body.param(i)] = {inside.back(), read_as_often_as(*body.param(i))};
    copies.push_back(access.operands[i] ? -1 : inside.back());
  }
  plan(body);
  for (int k = 0; k < static_cast<int>(op.results.size()); ++k) {
    const int written = homes_.at(body.results[k]).storage, update = updated[k];
    int storage;
    if (update >= 0 && written == inside[update]) {
      storage = homes_.at(op.operands[update]).storage;
      storages_[storage].overwritten = true;
    } else {
      storage = make(Storage::Owner::kOp, *op.graph);
      const bool is_copy = std::find(inside.begin(), inside.end(), written) != inside.end();
      if (access.results[k] && !is_copy && is_own(written, body) && storages_[written].same_as < 0)
        storages_[written].same_as = storage;
    }
    homes_[op.result(k)] = {storage, read_as_often_as(*op.result(k))};
  }
  for (const int update : updated)
    if (update >= 0) storages_[inside[update]].same_as = homes_.at(op.operands[update]).storage;
}

std::vector<int> MemoryPlanner::updates_in_rows(const ir::Op& op, const RowsAccess& access) const {
  const ir::Graph& body = *op.regions[0];
  const Overwritable candidates = overwritable(op);
  const ir::RowLink dims = rows_dims(op);
  std::vector<int> updated(op.results.size(), -1);
  const auto may_update = [&](int i, int k) {
    const ir::Op* maker = body.results[k]->op;
    return updated[k] < 0 && dims.results[k] == 0 && maker != nullptr &&
           op.result(k)->type == op.operands[i]->type && times_returned_.at(body.results[k]) == 1 &&
           std::find(maker->operands.begin(), maker->operands.end(), body.param(i)) != maker->operands.end();
  };
  // Best is memory in which the result belongs.
  for (const bool belongs : {true, false})
    for (const int i : candidates.operands) {
      const int storage = homes_.at(op.operands[i]).storage;
      if (dims.operands[i] != 0 || !access.operands[i] || candidates.in_storage.at(storage).size() != 1 ||
          std::ranges::find(updated, i) != updated.end())
        continue;
      for (int k = 0; k < static_cast<int>(updated.size()); ++k) {
        const Storage& there = storages_[storage];
        const bool fits = belongs ? is_meant_for(there, *op.result(k)) : there.owner == Storage::Owner::kOp;
        if (!fits || !may_update(i, k)) continue;
        updated[k] = i;
        break;
      }
    }
  return updated;
}

bool MemoryPlanner::is_own(int storage, const ir::Graph& block) const {
  return storages_[storage].graph == &block && storages_[storage].owner == Storage::Owner::kOp;
}

void MemoryPlanner::join(const ir::Op& op, const Targets& target) {
  for (size_t s = 0; s < target.size(); ++s)
    if (target[s] >= 0) storages_[s].same_as = homes_.at(op.result(target[s])).storage;
}

std::vector<MemoryPlanner::Route> MemoryPlanner::choose_routes(const ir::Scan& scan, Targets& target) {
  const auto is_own = [&](int s) { return this->is_own(s, *scan.body); };
  const int carries = static_cast<int>(scan.carry.size());
  std::vector<int> stack_of(carries, -1);  // that stacks the carry itself
  for (size_t k = 0; k < scan.stacks(); ++k) {
    const ir::Value* value = scan.stack_yield(k);
    const int storage = homes_.at(value).storage;
    if (is_own(storage) && target[storage] < 0) target[storage] = carries + static_cast<int>(k);
    if (const int carry = scan.carry_number(value); carry >= 0 && stack_of[carry] < 0)
      stack_of[carry] = static_cast<int>(k);
  }
  std::vector<Route> routes;
  for (int i = 0; i < carries; ++i) {
    const int storage = homes_.at(scan.carry_yield(i)).storage;
    if (storage == homes_.at(scan.carry_param(i)).storage) {
      routes.push_back({CarryRoute::kInPlace});
    } else if (is_own(storage) && target[storage] >= carries) {
      routes.push_back({CarryRoute::kAfter, -1, target[storage] - carries});
    } else {
      if (is_own(storage) && target[storage] < 0) target[storage] = i;
      if (stack_of[i] >= 0)
        routes.push_back({CarryRoute::kBefore, -1, stack_of[i]});
      else
        routes.push_back({CarryRoute::kAlternating, make(Storage::Owner::kOp, *scan.op->graph)});
    }
  }
  return routes;
}

}  // namespace rondo::passes
