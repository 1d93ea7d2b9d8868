// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// plan-memory: gives every value a buffer, and writes the numbers down as annotations (see memory_plan.h).
//
// Before:  %b = fusion use(%x1 = %x, %a1 = %a) {..}
//          %y = reshape %b : f32[2,3]
// After:   %b = fusion use(%x1 = %x, %a1 = %a) {..} buffers([1])     %b overwrites the donated %a
//          %y = reshape %b buffers([1]) : f32[2,3]                   the same memory, no code
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
#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "ir/dataflow.h"
#include "ir/error.h"
#include "passes/fusion_rules.h"
#include "passes/memory_plan.h"
#include "passes/pass_runner.h"

namespace rondo::passes {

namespace {

// Ops of the function that overwrite donated parameters, and what depends on them, go behind the last op that
// can record an error; not if such an op needs them.
class Postponer {
 public:
  explicit Postponer(ir::Function& function)
      : function_(function),
        ops_(function.body.ops),
        returned_(function.body.results.begin(), function.body.results.end()) {}

  void run() {
    size_t count = ops_.size();
    while (count > 0 && !can_record_error(*ops_[count - 1])) --count;
    if (count == 0) return;
    for (size_t i = 0; i < count; ++i) numbers_.emplace(ops_[i].get(), i);
    const std::vector<bool> needed = needed_by_recorders(count);
    std::vector<bool> moved(count, false);
    for (size_t i = 0; i < count; ++i) {
      moved[i] = !needed[i] && may_overwrite_donated(*ops_[i]);
      for_each_source(i, [&](size_t source) { moved[i] = moved[i] || moved[source]; });
    }
    std::vector<std::unique_ptr<ir::Op>> stay, go;
    for (size_t i = 0; i < count; ++i) (moved[i] ? go : stay).push_back(std::move(ops_[i]));
    std::move(go.begin(), go.end(), std::move(stay.begin(), stay.end(), ops_.begin()));
  }

 private:
  template <class Visit>
  void for_each_source(size_t op, Visit&& visit) const {
    for (const ir::Value* operand : ops_[op]->operands)
      if (operand->op != nullptr) visit(numbers_.at(operand->op));
  }

  std::vector<bool> needed_by_recorders(size_t count) const {
    std::vector<bool> needed(count, false);
    for (size_t i = count; i-- > 0;) {
      if (can_record_error(*ops_[i])) needed[i] = true;
      if (needed[i]) for_each_source(i, [&](size_t source) { needed[source] = true; });
    }
    return needed;
  }

  bool may_overwrite_donated(const ir::Op& op) const {
    ir::Values donated;
    for (ir::Value* operand : op.operands)
      if (operand->op == nullptr && function_.param_infos[operand->index].donate) donated.push_back(operand);
    return !donated.empty() && std::any_of(op.results.begin(), op.results.end(), [&](const auto& result) {
      return returned_.contains(result.get()) &&
             std::any_of(donated.begin(), donated.end(),
                         [&](const ir::Value* operand) { return operand->type == result->type; });
    });
  }

  ir::Function& function_;
  std::vector<std::unique_ptr<ir::Op>>& ops_;
  std::unordered_set<const ir::Value*> returned_;
  std::unordered_map<const ir::Op*, size_t> numbers_;
};

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

// Where a value is. A storage may hold one content after another.
struct Home {
  int storage;
  int content;
};

struct Route {
  CarryRoute route;
  int through = -1;  // kAlternating: the second storage
  int stack = -1;    // kAfter, kBefore
};

class Planner {
 public:
  explicit Planner(ir::Function& function) : function_(function) {}

  void run() {
    Postponer(function_).run();
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

 private:
  int make(Storage::Owner owner, const ir::Graph& graph, int index = -1) {
    storages_.push_back({owner, &graph, index});
    return static_cast<int>(storages_.size()) - 1;
  }

  void count_uses(const ir::Graph& graph) {
    for (const auto& op : graph.ops)
      for (const ir::Value* operand : op->operands) ++uses_[operand];
    for (const ir::Value* result : graph.results) ++uses_[result], ++times_returned_[result];
  }

  // A new content, to be read by all uses of the value.
  int read_as_often_as(const ir::Value& value) {
    reads_left_.push_back(uses_[&value]);
    return static_cast<int>(reads_left_.size()) - 1;
  }

  void plan(const ir::Graph& graph) {
    for (const auto& op : graph.ops) {
      const int aliased = aliased_operand(*op);
      if (aliased >= 0) {
        const Home home = homes_.at(op->operands[aliased]);
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

  // For each result memory of its own, or that of an operand that the op may overwrite.
  void place_results(const ir::Op& op, size_t overwriting) {
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

  // Operands of an op that nobody reads later, in their order, one for each storage; and all that lie in a storage.
  struct Overwritable {
    std::vector<int> operands;
    std::unordered_map<int, std::vector<int>> in_storage;
  };

  Overwritable overwritable(const ir::Op& op) const {
    std::unordered_map<int, int64_t> reads;  // of each content
    Overwritable result;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const Home home = homes_.at(op.operands[i]);
      ++reads[home.content];
      result.in_storage[home.storage].push_back(static_cast<int>(i));
    }
    std::unordered_set<int> seen;
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const Home home = homes_.at(op.operands[i]);
      if (storages_[home.storage].graph == op.graph && reads[home.content] == reads_left_[home.content] &&
          seen.insert(home.storage).second)
        result.operands.push_back(static_cast<int>(i));
    }
    return result;
  }

  // Best is memory in which the result belongs. -1 if there is none.
  int storage_to_overwrite(const ir::Op& op, const Overwritable& candidates, const ir::Value& result,
                           const std::unordered_set<int>& taken) const {
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

  // A donated parameter is for a result of the function, a carry for what is yielded for it alone.
  bool is_meant_for(const Storage& storage, const ir::Value& value) const {
    const auto found = times_returned_.find(&value);
    const int64_t times = found == times_returned_.end() ? 0 : found->second;
    if (storage.owner == Storage::Owner::kCarry)
      return times == 1 && value.graph->results[storage.index] == &value;
    return storage.owner == Storage::Owner::kParam && times > 0 && !before_errors_ && !storage.overwritten &&
           function_.param_infos[storage.index].donate &&
           storage.graph->param(storage.index)->type == value.type;
  }

  bool may_write_over(const ir::Op& op, int operand, int result) const {
    const auto routes = routes_.find(&op);
    if (routes == routes_.end()) return may_write_in_place(op, operand, result);
    const int carry = operand - ir::carries_of(op).first;
    return carry == result && routes->second[carry].route == CarryRoute::kInPlace;
  }

  void plan_scan(const ir::Op& op) {
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
  void plan_blocks(const ir::Op& op) {
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
  void plan_rows(const ir::Op& op) {
    const ir::Graph& body = *op.regions[0];
    count_uses(body);
    const RowsAccess access = rows_access(op);
    const std::vector<int> updated = updates_in_rows(op, access);
    std::vector<int>& inside = inside_[&op];
    for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
      const auto result = std::find(updated.begin(), updated.end(), i);
      if (!access.operands[i])
        inside.push_back(make(Storage::Owner::kOp, body));
      else if (result != updated.end())
        inside.push_back(make(Storage::Owner::kCarry, body, static_cast<int>(result - updated.begin())));
      else
        inside.push_back(homes_.at(op.operands[i]).storage);
      homes_[body.param(i)] = {inside.back(), read_as_often_as(*body.param(i))};
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

  // For each result the operand that it may overwrite row by row, or -1: nothing else reads or writes that memory.
  std::vector<int> updates_in_rows(const ir::Op& op, const RowsAccess& access) const {
    const ir::Graph& body = *op.regions[0];
    const Overwritable candidates = overwritable(op);
    const ir::RowLink dims = rows_dims(op);
    std::vector<int> updated(op.results.size(), -1);
    for (const int i : candidates.operands) {
      const int storage = homes_.at(op.operands[i]).storage;
      if (dims.operands[i] != 0 || !access.operands[i] || candidates.in_storage.at(storage).size() != 1)
        continue;
      for (int k = 0; k < static_cast<int>(updated.size()); ++k) {
        const ir::Op* maker = body.results[k]->op;
        if (updated[k] >= 0 || dims.results[k] != 0 || maker == nullptr) continue;
        if (op.result(k)->type != op.operands[i]->type || times_returned_.at(body.results[k]) != 1) continue;
        if (std::find(maker->operands.begin(), maker->operands.end(), body.param(i)) == maker->operands.end())
          continue;
        if (storages_[storage].owner != Storage::Owner::kOp &&
            !is_meant_for(storages_[storage], *op.result(k)))
          continue;
        updated[k] = i;
        break;
      }
    }
    return updated;
  }

  // Of the storages that belong to an op's blocks: the result of the op that each is, or -1.
  using Targets = std::vector<int>;

  bool is_own(int storage, const ir::Graph& block) const {
    return storages_[storage].graph == &block && storages_[storage].owner == Storage::Owner::kOp;
  }

  void join(const ir::Op& op, const Targets& target) {
    for (size_t s = 0; s < target.size(); ++s)
      if (target[s] >= 0) storages_[s].same_as = homes_.at(op.result(target[s])).storage;
  }

  std::vector<Route> choose_routes(const ir::Scan& scan, Targets& target) {
    const auto is_own = [&](int s) { return this->is_own(s, *scan.body); };
    const int carries = static_cast<int>(scan.carry.size());
    std::vector<int> stack_of(carries, -1);  // that stacks the carry itself
    std::unordered_map<const ir::Value*, int> carry_of;
    for (int i = 0; i < carries; ++i) carry_of.emplace(scan.carry_param(i), i);
    for (size_t k = 0; k < scan.stacks(); ++k) {
      const ir::Value* value = scan.stack_yield(k);
      const int storage = homes_.at(value).storage;
      if (is_own(storage) && target[storage] < 0) target[storage] = carries + static_cast<int>(k);
      if (const auto carry = carry_of.find(value); carry != carry_of.end() && stack_of[carry->second] < 0)
        stack_of[carry->second] = static_cast<int>(k);
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

  int64_t number(int storage) {
    while (storages_[storage].same_as >= 0) storage = storages_[storage].same_as;
    int64_t& number = storages_[storage].number;
    if (number < 0) number = numbers_++;
    return number;
  }

  void annotate(ir::Graph& graph) {
    for (const auto& op : graph.ops) {
      std::vector<int64_t> buffers;
      for (const auto& result : op->results) buffers.push_back(number(homes_.at(result.get()).storage));
      op->set_attr("buffers", {ir::ints(buffers)});
      for (ir::Graph* block : running_blocks(*op)) annotate(*block);
      if (const auto inside = inside_.find(op.get()); inside != inside_.end()) {
        std::vector<int64_t> numbers;
        for (const int storage : inside->second) numbers.push_back(number(storage));
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

  ir::Function& function_;
  const ir::Op* last_recorder_ = nullptr;
  bool before_errors_ = false;  // an op that may record an error is still to come
  std::vector<Storage> storages_;
  std::vector<int64_t> reads_left_;  // of each content
  std::unordered_map<const ir::Value*, int64_t> uses_, times_returned_;
  std::unordered_map<const ir::Value*, Home> homes_;
  std::unordered_map<const ir::Op*, std::vector<Route>> routes_;
  std::unordered_map<const ir::Op*, std::vector<int>>
      inside_;  // where the body of a `rows` op reads each operand
  int64_t numbers_ = 0;
};

}  // namespace

bool plan_memory(ir::Function& function) {
  Planner(function).run();
  if (PassRunner::verifies_by_default()) check_plan(function);
  return true;
}

}  // namespace rondo::passes
