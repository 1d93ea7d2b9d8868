// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// live: marks loops whose rows end one before another, so that code need not run those that have ended.
//
// Before:  %hT, %gates, %out = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%n = %len, %u = %U) {
//            %now = broadcast %t dims([]) : i32[B]
//            %m = compare %now, %n is(lt) : i1[B]
//            ..
//            %h2 = select %mm, %h1, %h
//            %o = select %mm, %h1, 0.0
//            yield carry(%h2) stack(%gate, %o) }
// After:   %m = compare .. is(lt) : i1[T,B]
//          %hT, %gates, %out = scan T live index(%t) over(%xt = %x, %alive = %m) carry(%h = %h0) use(%u = %U) {
//            ..
//            yield carry(%h2) stack(%g, %o) }       %g = select %mm, %gate, 0.0
//
// Legal:   reassoc, as the sign of a zero may change, and what was 0 times infinity. The carries of rows that have ended
//          have to pass: be selected, or come to the carry plus zero, as in the loops that vjp makes. Of what such a loop
//          stacks for them nothing may be read but by loops of the same rows, and where it is multiplied by zero.
// A loss:  a select for each stack, where no row ends before another; in the step itself they all go. Rows are left out
//          from the last that is alive on: to have any to leave out, a batch has its longest rows first.
// Needs:   gradients to be made, and loops to be cut for little memory. Feeds canonicalise, as what its selects gave may
//          be simpler now; the code generator, which asks find_live_rows (ir/live_rows.h) how many rows there are to run.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "ir/live_rows.h"
#include "ir/ops/elementwise.h"
#include "ir/structural.h"
#include "passes/applications.h"
#include "passes/dead_rows.h"
#include "passes/loop_motion.h"
#include "passes/memory_plan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

// A scan that may be live.
struct Loop {
  Op* op;
  const Value* alive;  // in its body
  DeadRows dead;
  LoopMotion motion;
  bool is_live = true;
};

// True if what the bodies of two scans compute there is the same at the same time.
class SameValue {
 public:
  SameValue(const Scan& a, const Scan& b) : a_(a), b_(b) {}

  bool operator()(const Value* x, const Value* y) {
    if (++visits_ > kMostVisits) return false;
    if (x->op == nullptr || y->op == nullptr) {
      if (x->op != y->op || a_.carry_number(x) >= 0 || b_.carry_number(y) >= 0) return false;
      return outside(a_, x) == outside(b_, y) && is_over(a_, x) == is_over(b_, y);
    }
    if (x->index != y->index || !same_form(*x->op, *y->op)) return false;
    for (size_t i = 0; i < x->op->operands.size(); ++i)
      if (!(*this)(x->op->operands[i], y->op->operands[i])) return false;
    return true;
  }

 private:
  static constexpr int kMostVisits = 64;  // what says which rows are alive is a few ops

  static bool is_over(const Scan& scan, const Value* param) {
    return param->index > 0 && param->index <= std::ssize(scan.over);
  }
  // Null is the index.
  static const Value* outside(const Scan& scan, const Value* param) {
    return param->index == 0 ? nullptr : scan.op->operands[static_cast<size_t>(param->index) - 1];
  }

  const Scan &a_, &b_;
  int visits_ = 0;
};

class LiveLoops {
 public:
  explicit LiveLoops(Graph& graph) : graph_(graph), returned_(graph.results.begin(), graph.results.end()) {
    for (const auto& op : graph.ops) {
      for (size_t i = 0; i < op->operands.size(); ++i)
        uses_[op->operands[i]].push_back({op.get(), static_cast<int>(i)});
      if (op->row == &ops::scan) find(*op);
    }
  }

  bool run() {
    constexpr int kMostRounds = 8;  // each takes out loops that others counted on
    for (int round = 0; refuse(); ++round)
      if (round == kMostRounds) return false;
    bool changed = false;
    rewrite_ops(graph_, [&](Builder& b, Op& op) -> Replacement {
      const auto found = numbers_.find(&op);
      if (found == numbers_.end() || !loops_[found->second].is_live) return {};
      mark(b, loops_[found->second]);
      Applications::done();
      changed = true;
      return {};
    });
    return changed;
  }

 private:
  struct Use {
    const Op* op;
    int operand;
  };

  // Takes the scan, if there is something in it that says which rows are alive.
  void find(Op& op) {
    const Scan scan(op);
    if (op.has_attr("live") || can_record_error(op)) return;
    for (const auto& inner : scan.body->ops)
      if (!inner->regions.empty()) return;
    LoopMotion motion(op);
    constexpr size_t kMostTried = 4;
    std::vector<const Value*> tried;
    for (const auto& inner : scan.body->ops) {
      if (inner->row != &ops::select || tried.size() == kMostTried) continue;
      const Value* alive = without_broadcast(inner->operands[0]);
      if (std::ranges::find(tried, alive) != tried.end()) continue;
      tried.push_back(alive);
      if (!may_say(motion, alive)) continue;
      DeadRows dead(scan, alive);
      if (!passes_carries(scan, alive, dead)) continue;
      numbers_.emplace(&op, loops_.size());
      loops_.push_back({&op, alive, std::move(dead), std::move(motion)});
      return;
    }
  }

  static bool may_say(const LoopMotion& motion, const Value* alive) {
    return alive->type.dtype == i1 && alive->type.rank() == 1 && motion.goes_with_time(alive) &&
           (alive->op == nullptr ? motion.is_outside(alive) : motion.is_movable(*alive->op));
  }

  static bool passes_carries(const Scan& scan, const Value* alive, const DeadRows& dead) {
    std::vector<std::pair<const Value*, int>> rows = {{alive, 0}};
    for (size_t i = 0; i < scan.carry.size(); ++i) {
      if (dead.of(scan.carry_yield(i)) != static_cast<int>(i)) return false;
      rows.emplace_back(scan.carry_param(i), 0);
    }
    for (const Value* yield : scan.body->results) {
      if (yield->type.rank() == 0 || yield->type.dims[0] != alive->type.dims[0]) return false;
      rows.emplace_back(yield, 0);
    }
    const RowDims dims = find_row_dims(scan, rows);
    return dims.flaw.empty() && std::ranges::all_of(scan.body->params, [&](const auto& param) {
             return dims.of(param.get()) <= 0;
           });
  }

  // Refuses loops that stack something for ended rows which matters.
  bool refuse() {
    bool refused = false;
    for (Loop& loop : loops_) {
      if (!loop.is_live) continue;
      const Scan scan(*loop.op);
      for (size_t k = 0; k < scan.stacks() && loop.is_live; ++k) {
        const Value* yield = scan.stack_yield(k);
        size_t visits = 0;
        loop.is_live = scan.carry_number(yield) >= 0 || loop.dead.of(yield) == DeadRows::kZero ||
                       !matters(scan.stack_result(k), loop, visits);
      }
      refused |= !loop.is_live;
    }
    return refused;
  }

  const Loop* live_loop(const Op& op) const {
    const auto found = numbers_.find(&op);
    return found == numbers_.end() || !loops_[found->second].is_live ? nullptr : &loops_[found->second];
  }

  static bool same_rows(const Loop& a, const Loop& b) {
    return &a == &b || SameValue(Scan(*a.op), Scan(*b.op))(a.alive, b.alive);
  }

  // A stack of a loop of the same rows that is zero where these have ended.
  bool is_zero(const Value* value, const Loop& loop) const {
    const Loop* maker = value->op == nullptr ? nullptr : live_loop(*value->op);
    if (maker == nullptr) return false;
    const Scan scan(*maker->op);
    return value->index >= std::ssize(scan.carry) && same_rows(*maker, loop) &&
           maker->dead.of(scan.body->results[static_cast<size_t>(value->index)]) == DeadRows::kZero;
  }

  // Whether a value [T,B,..] is read where the loop's rows have ended.
  bool matters(const Value* value, const Loop& loop, size_t& visits) const {
    constexpr size_t kMostVisits = 64;
    if (returned_.contains(value) || ++visits > kMostVisits) return true;
    const auto users = uses_.find(value);
    return users != uses_.end() &&
           std::ranges::any_of(users->second, [&](const Use& use) { return matters(use, loop, visits); });
  }

  bool matters(const Use& use, const Loop& loop, size_t& visits) const {
    const Op& op = *use.op;
    const auto operand = static_cast<size_t>(use.operand);
    if (op.row == &ops::scan) {
      const Loop* reader = live_loop(op);
      return reader == nullptr || operand >= Scan(op).over.size() || !same_rows(*reader, loop);
    }
    if (op.row == &ops::dot && operand < 2) {
      const std::vector<int64_t> times_and_rows = {0, 1};
      const auto contracts = [&](int side) {
        const auto dims = op.ints_attr("contract", side);
        return dims.size() >= 2 && std::equal(times_and_rows.begin(), times_and_rows.end(), dims.begin());
      };
      return !contracts(0) || !contracts(1) || !is_zero(op.operands[1 - operand], loop);
    }
    if (op.row == &ops::mul && is_zero(op.operands[1 - operand], loop)) return false;
    return !stays_finite(op, operand) || matters(op.result(), loop, visits);
  }

  // Whether the op gives something finite, to be multiplied by zero, when that operand becomes zero and the others are
  // finite. What a select has not chosen need not be.
  static bool stays_finite(const Op& op, size_t operand) {
    static const std::unordered_set<const OpRow*> always = {
        &ops::add, &ops::sub, &ops::mul, &ops::neg, &ops::compare, &ops::tanh, &ops::sigmoid};
    const auto is_tame = [](const Value* arm) {
      return arm->op != nullptr && (arm->op->row == &ops::constant || arm->op->row == &ops::scan);
    };
    if (op.row == &ops::select) return operand > 0 || (is_tame(op.operands[1]) && is_tame(op.operands[2]));
    return always.contains(op.row);
  }

  void mark(Builder& b, Loop& loop) {
    b.loc = loop.op->loc.via("live");
    if (loop.alive->op != nullptr)
      for (const Op* source : loop.motion.with_sources({loop.alive->op}, [](const Op&) { return true; }))
        loop.motion.write(b, *source);
    Value* alive = add_overs(*loop.op, {loop.motion.outside(b, loop.alive)}, {"alive"})[0];
    Graph& body = *loop.op->regions[0];
    select_yields(Scan(*loop.op), alive, b.loc);
    // What else is computed for rows that have ended is not looked at.
    rewrite_ops(body, [&](Builder&, Op& op) -> Replacement {
      if (op.row != &ops::select || !loop.dead.is_alive(op.operands[0])) return {};
      return Values{op.operands[1]};
    });
    loop.op->set_attr("live", {});
  }

  static void select_yields(const Scan& scan, Value* alive, const Loc& loc) {
    Builder b(*scan.body, loc);
    for (size_t i = 0; i < scan.body->results.size(); ++i) {
      Value*& yield = scan.body->results[i];
      const bool is_carry = i < scan.carry.size();
      const int passed = scan.carry_number(yield);
      if (is_carry ? passed == static_cast<int>(i) : passed >= 0) continue;
      const Type& type = yield->type;
      Value* mask = type.rank() == 1 ? alive : b.broadcast(alive, {0}, type.dims);
      Value* selected = b.select(mask, yield, is_carry ? scan.carry_param(i) : b.constant(type, 0));
      selected->name = yield->name;
      yield = selected;
    }
  }

  Graph& graph_;
  const std::unordered_set<const Value*> returned_;
  std::unordered_map<const Value*, std::vector<Use>> uses_;
  std::vector<Loop> loops_;
  std::unordered_map<const Op*, size_t> numbers_;  // of these
};

bool live(Graph& graph) {
  if (is_rows_body(graph)) return false;
  bool changed = LiveLoops(graph).run();
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= live(*region);
  return changed;
}

}  // namespace

bool live(Function& function) {
  if (!live(function.body)) return false;
  remove_dead_code(function);
  return true;
}

}  // namespace rondo::passes
