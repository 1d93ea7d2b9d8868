// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "ir/error.h"
#include "ir/op_row.h"
#include "passes/fusion_rules.h"
#include "passes/memory_plan.h"

namespace rondo::passes {

namespace {

// A buffer, or of a scan's stack the slot of one time step, or of a stack within that slot a slot, ...
using Location = std::vector<int64_t>;

bool overlap(const Location& a, const Location& b) {
  return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                    b.begin());
}

// Where a value is, and the name of what must be there when it is read.
struct Home {
  Location location;
  int64_t content = 0;
  bool part = false;  // a view: not all of it
};

// Runs a function on contents that are just numbers. Memory follows what the code of ops and scans does with
// buffers; each read is checked against what was written for the value.
class Simulation {
 public:
  explicit Simulation(const ir::Function& function) : function_(function) {
    for (const auto& op : function.body.ops)
      if (can_record_error(*op)) last_recorder_ = op.get();
  }

  void run() {
    for (const auto& param : function_.body.params) {
      homes_[param.get()] = {{param->index}, ++contents_};
      memory_[{param->index}] = contents_;
    }
    may_write_params_ = last_recorder_ == nullptr;
    run(function_.body);
    for (const ir::Value* result : function_.body.results) {
      const Home& home = homes_.at(result);
      read(nullptr, home);
      if (home.part) fail(nullptr, home.location, "a view is returned");
    }
  }

 private:
  [[noreturn]] void fail(const ir::Op* op, const Location& location, const std::string& what) const {
    std::string text = "plan-memory: @" + function_.name + ": ";
    text += op == nullptr ? "return" : (op->loc.known() ? op->loc.text() + ": " : "") + op->row->name;
    text += " and buffer " + std::to_string(location[0]);
    throw InternalError(text + ": " + what);
  }

  void read(const ir::Op* op, const Home& home) {
    touched_.insert(home.location[0]);
    const auto found = memory_.find(home.location);
    if (found == memory_.end() || found->second != home.content)
      fail(op, home.location, "what is read there has been overwritten");
  }

  void write(const ir::Op& op, const Home& home) {
    const Location& location = home.location;
    touched_.insert(location[0]);
    written_.insert(location[0]);
    if (location[0] < static_cast<int64_t>(function_.body.params.size()) &&
        (!may_write_params_ || !function_.param_infos[location[0]].donate))
      fail(&op, location,
           "a parameter is overwritten that is not donated, or while errors may still be recorded");
    auto at = memory_.lower_bound({location[0]});
    while (at != memory_.end() && at->first[0] == location[0])
      at = overlap(at->first, location) ? memory_.erase(at) : std::next(at);
    memory_[location] = home.content;
  }

  // Which location a buffer's number means in the graph that is being run: slots and carries of the scan
  // around it hide the whole.
  Location location(int64_t buffer) const {
    const auto found = scope_.find(buffer);
    return found == scope_.end() ? Location{buffer} : found->second;
  }

  void run(const ir::Graph& graph) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const std::vector<const ir::Op*> together = jobs_from(graph, i);
      i += together.size() - 1;
      if (together.size() == 1)
        run(*together[0]);
      else
        run_jobs(together);
    }
  }

  // One after another, but none may touch what another one writes.
  void run_jobs(const std::vector<const ir::Op*>& jobs) {
    std::set<int64_t> outer = std::exchange(touched_, {}), all_touched;
    std::set<int64_t> outer_written = std::exchange(written_, {}), all_written;
    for (const ir::Op* job : jobs) {
      run(*job);
      for (const int64_t buffer : written_)
        if (all_touched.contains(buffer)) fail(job, {buffer}, "jobs that run at the same time share it");
      for (const int64_t buffer : touched_)
        if (all_written.contains(buffer)) fail(job, {buffer}, "jobs that run at the same time share it");
      all_touched.merge(touched_);
      all_written.merge(written_);
      touched_.clear();
      written_.clear();
    }
    touched_ = std::move(outer), touched_.merge(all_touched);
    written_ = std::move(outer_written), written_.merge(all_written);
  }

  void run(const ir::Op& op) {
    for (const ir::Value* operand : op.operands) read(&op, homes_.at(operand));
    const int aliased = aliased_operand(op);
    if (aliased >= 0) {
      Home home = homes_.at(op.operands[aliased]);
      home.part |= op.has_attr("view");
      homes_[op.result()] = home;
    } else if (op.row == &ir::ops::scan)
      run_scan(op);
    else if (op.row == &ir::ops::while_)
      run_while(op);
    else if (op.row == &ir::ops::rows)
      run_rows(op);
    else if (has_blocks(op))
      run_one_block(op);
    else
      run_op(op);
    if (&op == last_recorder_) may_write_params_ = true;
  }

  void run_op(const ir::Op& op) {
    std::vector<Home> results;
    for (size_t k = 0; k < op.results.size(); ++k) {
      const Location to = location(buffer_of(*op.result(static_cast<int>(k))));
      for (const Home& other : results)
        if (overlap(other.location, to)) fail(&op, to, "two results overlap");
      for (size_t j = 0; j < op.operands.size(); ++j) {
        const auto& [from, content, part] = homes_.at(op.operands[j]);
        if (!overlap(from, to)) continue;
        if (from != to || part || !may_write_in_place(op, static_cast<int>(j), static_cast<int>(k)))
          fail(&op, to, "operand " + std::to_string(j) + " is overwritten while it is read");
      }
      results.push_back({to, ++contents_});
    }
    for (size_t k = 0; k < results.size(); ++k) {
      write(op, results[k]);
      homes_[op.result(static_cast<int>(k))] = results[k];
    }
  }

  // Two steps and then three, as alternating carries begin in either buffer. In a body one of the two, by
  // turns; deep down just one step, so that the time does not grow exponentially.
  void run_scan(const ir::Op& op) {
    if (depth_ > 0) return run_steps(op, depth_ < kDeep ? 2 + step_ % 2 : 1);
    const auto before = memory_;
    run_steps(op, 2);
    memory_ = before;
    run_steps(op, 3);
  }

  void run_steps(const ir::Op& op, int64_t length) {
    const ir::Scan scan(op);
    const std::vector<CarryPlan> plans = carry_plans(op);
    const auto outer_scope = scope_;
    const auto outer_step = step_;
    std::vector<Location> stacks;
    for (size_t k = 0; k < scan.stacks(); ++k) stacks.push_back(location(buffer_of(*scan.stack_result(k))));
    std::vector<Location> results;
    std::vector<Home> carries = enter(op, plans, stacks, results);
    std::vector<Home> slots;
    ++depth_;
    for (step_ = 0; step_ < length; ++step_) {
      std::vector<Location> next;  // where each carry's next value belongs
      for (size_t i = 0; i < plans.size(); ++i)
        next.push_back(destination(plans[i], results[i], stacks, length));
      for (size_t k = 0; k < stacks.size(); ++k)
        scope_[buffer_of(*scan.stack_result(k))] = slot(stacks[k], step_);
      for (size_t i = 0; i < plans.size(); ++i) scope_[plans[i].buffer] = next[i];
      bind(scan, carries);
      run(*scan.body);
      for (size_t k = 0; k < stacks.size(); ++k)
        slots.push_back(deliver(op, scan.stack_yield(k), slot(stacks[k], step_)));
      for (size_t i = 0; i < plans.size(); ++i) carries[i] = deliver(op, scan.carry_yield(i), next[i]);
    }
    --depth_;
    scope_ = outer_scope;
    step_ = outer_step;
    leave(op, carries, results, slots, stacks);
  }

  // Any of its blocks; what is still there afterwards is what all of them leave.
  void run_one_block(const ir::Op& op) {
    const auto blocks = running_blocks(op);
    const bool is_choice = blocks.size() > 1;
    const auto before = is_choice ? memory_ : std::map<Location, int64_t>();
    std::vector<Home> results;
    for (const auto& result : op.results) results.push_back({location(buffer_of(*result)), ++contents_});
    std::map<Location, int64_t> after;
    for (const ir::Graph* block : blocks) {
      if (is_choice) memory_ = before;
      for (size_t i = 0; i < block->params.size(); ++i)
        homes_[block->param(static_cast<int>(i))] = homes_.at(op.operands[i]);
      run(*block);
      for (size_t k = 0; k < results.size(); ++k) deliver(op, block->results[k], results[k].location);
      for (size_t k = 0; k < results.size(); ++k)
        read(&op, {results[k].location, homes_.at(block->results[k]).content});
      for (const Home& result : results) memory_[result.location] = result.content;
      if (is_choice && block == blocks.front()) after = memory_;
    }
    if (is_choice)
      std::erase_if(memory_, [&](const auto& entry) {
        const auto found = after.find(entry.first);
        return found == after.end() || found->second != entry.second;
      });
    for (size_t k = 0; k < results.size(); ++k) homes_[op.result(static_cast<int>(k))] = results[k];
  }

  // One worker stands for all: none writes what another reads, since each result that overwrites an operand does so row
  // by row, and no other operand lies there.
  void run_rows(const ir::Op& op) {
    const ir::Graph& body = *op.regions[0];
    const auto inside = op.ints_attr("inside");
    std::vector<Location> results;
    for (const auto& result : op.results) results.push_back(location(buffer_of(*result)));
    for (const Location& to : results) {
      const auto lies_there = [&](const ir::Value* operand) {
        return overlap(homes_.at(operand).location, to);
      };
      if (std::count_if(op.operands.begin(), op.operands.end(), lies_there) > 1)
        fail(&op, to, "an operand that is not cut is overwritten by rows");
    }
    for (size_t i = 0; i < op.operands.size(); ++i)
      homes_[body.param(static_cast<int>(i))] =
          inside[i] < 0 ? homes_.at(op.operands[i]) : move(op, homes_.at(op.operands[i]), {inside[i]});
    run(body);
    for (size_t k = 0; k < results.size(); ++k)
      homes_[op.result(static_cast<int>(k))] = deliver(op, body.results[k], results[k]);
    for (const auto& result : op.results) read(&op, homes_.at(result.get()));
  }

  // None, two and three runs; deep down just one.
  void run_while(const ir::Op& op) {
    if (depth_ >= kDeep) return run_blocks(op, 1);
    const auto before = memory_;
    for (int64_t runs : {0, 2, 3}) {
      memory_ = before;
      run_blocks(op, runs);
    }
  }

  void run_blocks(const ir::Op& op, int64_t runs) {
    const std::vector<CarryPlan> plans = carry_plans(op);
    const auto outer_scope = scope_;
    std::vector<Location> results;
    std::vector<Home> carries;
    for (size_t i = 0; i < plans.size(); ++i) {
      results.push_back(location(plans[i].buffer));
      carries.push_back(homes_.at(op.operands[i]));
      if (plans[i].route == CarryRoute::kInPlace) carries[i] = move(op, carries[i], results[i]);
    }
    ++depth_;
    const auto bind = [&](const ir::Graph& block) {
      for (size_t i = 0; i < block.params.size(); ++i)
        homes_[block.param(static_cast<int>(i))] =
            i < carries.size() ? carries[i] : homes_.at(op.operands[i]);
    };
    for (int64_t done = 0; done <= runs; ++done) {
      bind(*op.regions[0]);
      run(*op.regions[0]);
      read(&op, homes_.at(op.regions[0]->results[0]));
      if (done == runs) break;
      std::vector<Location> next = results;
      for (size_t i = 0; i < plans.size(); ++i) {
        if (plans[i].route == CarryRoute::kAlternating && done % 2 == 1) next[i] = {plans[i].through};
        scope_[plans[i].buffer] = next[i];
      }
      bind(*op.regions[1]);
      run(*op.regions[1]);
      for (size_t i = 0; i < plans.size(); ++i) carries[i] = deliver(op, op.regions[1]->results[i], next[i]);
      scope_ = outer_scope;
    }
    --depth_;
    for (size_t i = 0; i < plans.size(); ++i)
      homes_[op.result(static_cast<int>(i))] = move(op, carries[i], results[i]);
  }

  std::vector<Home> enter(const ir::Op& op, const std::vector<CarryPlan>& plans,
                          const std::vector<Location>& stacks, std::vector<Location>& results) {
    const ir::Scan scan(op);
    std::vector<Home> carries;
    for (size_t i = 0; i < plans.size(); ++i) {
      results.push_back(location(plans[i].buffer));
      carries.push_back(homes_.at(scan.carry[i]));
      // By the other routes the first step reads it where it is, which may be a view.
      if (plans[i].route == CarryRoute::kInPlace) carries[i] = move(op, carries[i], results[i]);
      if (plans[i].route == CarryRoute::kBefore)
        carries[i] = move(op, carries[i], slot(stacks[plans[i].stack], 0));
    }
    return carries;
  }

  static Location slot(Location stack, int64_t step) {
    stack.push_back(step);
    return stack;
  }

  Location destination(const CarryPlan& plan, const Location& result, const std::vector<Location>& stacks,
                       int64_t length) const {
    const bool last = step_ + 1 == length;
    if (plan.route == CarryRoute::kAfter) return slot(stacks[plan.stack], step_);
    if (plan.route == CarryRoute::kBefore && !last) return slot(stacks[plan.stack], step_ + 1);
    if (plan.route == CarryRoute::kAlternating && (length - step_) % 2 == 0) return {plan.through};
    return result;
  }

  void bind(const ir::Scan& scan, const std::vector<Home>& carries) {
    const Location index = {-depth_};
    homes_[scan.index()] = {index, ++contents_};
    memory_[index] = contents_;
    for (size_t i = 0; i < scan.over.size(); ++i) homes_[scan.over_param(i)] = homes_.at(scan.over[i]);
    for (size_t i = 0; i < scan.use.size(); ++i) homes_[scan.use_param(i)] = homes_.at(scan.use[i]);
    for (size_t i = 0; i < carries.size(); ++i) homes_[scan.carry_param(i)] = carries[i];
  }

  Home deliver(const ir::Op& op, const ir::Value* value, const Location& to) {
    return move(op, homes_.at(value), to);
  }

  Home move(const ir::Op& op, const Home& home, const Location& to) {
    read(&op, home);
    if (home.location != to || home.part) write(op, {to, home.content});
    return {to, home.content};
  }

  void leave(const ir::Op& op, const std::vector<Home>& carries, const std::vector<Location>& results,
             const std::vector<Home>& slots, const std::vector<Location>& stacks) {
    const ir::Scan scan(op);
    for (size_t i = 0; i < carries.size(); ++i)
      homes_[scan.carry_result(i)] = move(op, carries[i], results[i]);
    for (const Home& slot : slots) read(&op, slot);
    for (size_t k = 0; k < stacks.size(); ++k) {
      homes_[scan.stack_result(k)] = {stacks[k], ++contents_};
      write(op, homes_[scan.stack_result(k)]);
    }
  }

  static constexpr int kDeep = 4;

  const ir::Function& function_;
  const ir::Op* last_recorder_ = nullptr;
  bool may_write_params_ = false;
  int64_t contents_ = 0;
  int depth_ = 0;
  int64_t step_ = 0;
  std::map<Location, int64_t> memory_;
  std::set<int64_t> touched_, written_;  // buffers, of the jobs being run
  std::map<int64_t, Location> scope_;
  std::unordered_map<const ir::Value*, Home> homes_;
};

}  // namespace

void check_plan(const ir::Function& function) { Simulation(function).run(); }

}  // namespace rondo::passes
