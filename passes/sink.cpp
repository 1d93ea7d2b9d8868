// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// sink: takes out of a loop, behind it, what no later time step needs.
//
// Before:  %dU, %dxs = scan T reverse index(%t) over(%ht = %hs, ..) carry(%aU = %a0, ..) use(%w = %W) {
//            ..
//            %aU1 = dot %ht, %dz, %aU contract([0],[0])
//            %dx = dot %dz, %w contract([1],[1])
//            yield carry(%aU1, ..) stack(%dx) }
// After:   %dzs = scan T reverse index(%t) over(%ht = %hs, ..) carry(..) use(%w = %W) {
//            ..
//            yield carry(..) stack(%dz) }
//          %dU = dot %hs, %dzs, %a0 contract([0,1],[0,1]) descending(1)
//          %dxs = dot %dzs, %W contract([2],[1])
//
// Legal:   what only stacks need leaves exactly, if the rows of all ops on the way say how they act on all times at
//          once (`batch`). A carry that only adds up leaves if what is added are dots or sums: one dot or sum over all
//          times takes their place. Where each step's goes on from the step before, so does that, in the order of the
//          loop: exact. Where they are added (a weight used twice a step, or transposed), the order is another one, so
//          the pass is reassoc. Of bf16 a sum over all times is rounded once, where the loop rounded in each step.
// A loss:  what is stacked instead needs memory; so only dots leave, with what is computed from them, and of sums those of
//          values that are outside already, and those over rows (a first dim that is no number) which leave other dims: in
//          the loop they would cost less, but as long as they are there no worker can have rows of its own.
// Needs:   vjp makes most of its work; hoist before it brings the weights out of the loop. Feeds canonicalise with
//          additions to zero, and remove-dead-code with carries that nothing needs.
#include <algorithm>
#include <unordered_map>

#include "ir/batch.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/support.h"
#include "passes/applications.h"
#include "passes/loop_motion.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

using Redirects = std::unordered_map<const Value*, Value*>;

void redirect(Value*& value, const Redirects& redirects) {
  if (auto found = redirects.find(value); found != redirects.end()) value = found->second;
}

// The sum of what such an op gives is what it gives of the sum; between floats, but for rounding.
bool moves_all(const Op& op) {
  if (op.row == &ops::convert)
    return op.operands[0]->type.dtype.is_float() && op.result()->type.dtype.is_float();
  return op.row == &ops::transpose || op.row == &ops::reshape;
}

bool is_sum(const Op& op) { return op.row == &ops::dot || op.row == &ops::reduce_sum; }

// A carry that each time step adds to: dots and sums, below transposes, reshapes and converts between floats. Or just
// one of those, which goes on from the carry.
struct Accumulator {
  size_t carry;
  Values terms;
  bool goes_on = false;
};

class ScanSink {
 public:
  explicit ScanSink(Op& op) : op_(op), scan_(op), body_(*scan_.body), motion_(op) {
    for (const auto& each : body_.ops)
      for (const Value* operand : each->operands) ++uses_[operand];
    for (const Value* result : body_.results) ++uses_[result];
  }

  /// Decides what leaves, and gives the scan the stacks that it takes.
  bool prepare() {
    find_stacked();
    for (size_t i = 0; i < scan_.stacks(); ++i) {
      const Value* yield = scan_.stack_yield(i);
      if (motion_.goes_with_time(yield) && !leaving_.contains(yield->op) && !motion_.is_outside(yield))
        motion_.set_outside(yield, scan_.stack_result(i));
    }
    find_accumulators();
    if (leaving_.empty()) return false;
    stack_sources();
    return true;
  }

  /// Behind the scan. What stands for its results then goes into `redirects`.
  void write(Builder& b, Redirects& redirects) {
    for (const Op* op : list_) {
      b.loc = op->loc.via("sink");
      if (cores_.contains(op))
        motion_.set_outside(op->result(), sum(b, *op, cores_.at(op)));
      else
        motion_.write(b, *op);
    }
    for (size_t i = 0; i < scan_.stacks(); ++i)
      if (leaving_.contains(scan_.stack_yield(i)->op))
        redirects[scan_.stack_result(i)] = motion_.outside(b, scan_.stack_yield(i));
    for (const Accumulator& each : accumulators_) {
      Value* total = scan_.carry[each.carry];
      for (Value* term : each.terms)
        total = each.goes_on ? motion_.outside(b, term) : b.add(total, above_core(b, term));
      if (total->name.empty()) total->name = scan_.carry_result(each.carry)->name;
      redirects[scan_.carry_result(each.carry)] = total;
    }
  }

 private:
  bool is_time_by_weight(const Op& dot) const {
    return motion_.goes_with_time(dot.operands[0]) != motion_.goes_with_time(dot.operands[1]);
  }

  bool can_leave(const Op& op) const {
    if (motion_.kind(op) == LoopMotion::kInvariant || !can_batch(op, motion_.batched(op), scan_.length()))
      return false;
    for (const Value* operand : op.operands)
      if (motion_.kind(operand) == LoopMotion::kInvariant && operand->op != nullptr &&
          !motion_.is_movable(*operand->op))
        return false;
    return true;
  }

  // What leaves reads stacks of its operands.
  bool can_read_stacks(const Op& op) const {
    return std::ranges::all_of(summands(op), [&](const Value* operand) {
      return batched_type(operand->type, scan_.length()).flaw().empty();
    });
  }

  // Dots by values that don't change, and what is computed from them, if only stacks need it.
  void find_stacked() {
    std::unordered_set<const Value*> kept;
    for (size_t i = 0; i < scan_.carry.size(); ++i) kept.insert(scan_.carry_yield(i));
    OpSet free;
    for (size_t i = body_.ops.size(); i-- > 0;) {
      const Op& op = *body_.ops[i];
      bool is_free = can_leave(op);
      for (const auto& result : op.results) is_free &= !kept.contains(result.get());
      if (is_free)
        free.insert(&op);
      else
        kept.insert(op.operands.begin(), op.operands.end());
    }
    for (const auto& op : body_.ops) {
      if (!free.contains(op.get())) continue;
      bool leaves = op->row == &ops::dot && is_time_by_weight(*op);
      for (const Value* operand : op->operands) leaves |= leaving_.contains(operand->op);
      if (leaves) leaving_.insert(op.get());
    }
  }

  // Dots first: what they have stacked, sums need not stack again.
  void find_accumulators() {
    std::vector<Accumulator> found;
    for (size_t i = 0; i < scan_.carry.size(); ++i) {
      if (goes_on(i))
        found.push_back({i, {scan_.carry_yield(i)}, true});
      else if (Values terms = terms_of(i); !terms.empty())
        found.push_back({i, std::move(terms)});
    }
    for (const bool sums : {false, true})
      for (Accumulator& each : found) {
        if (each.terms.empty() || !may_all_leave(each, sums)) continue;
        for (Value* term : each.terms) {
          const Op* core = core_of(term);
          cores_[core] = each.goes_on ? scan_.carry[each.carry] : nullptr;
          leaving_.insert(core);
          for (const Value* operand : summands(*core)) stacked_.insert(operand);
        }
        accumulators_.push_back(std::move(each));
        each.terms.clear();
      }
  }

  // True if a carry's dot or sum goes on from it, which is all that is done with it, and can do so over all times in the
  // order of the loop: pairs of bf16 don't reach from one step into the next, a sum of bf16 is rounded in each, and over
  // scalars the times would be summed by lanes.
  bool goes_on(size_t carry) const {
    const Value *sum = scan_.carry_yield(carry), *param = scan_.carry_param(carry);
    if (sum->op == nullptr || !is_sum(*sum->op) || start_of_sums(*sum->op) != param) return false;
    if (uses_.at(sum) != 1 || !used_once(param)) return false;
    const Type& x = sum->op->operands[0]->type;
    if (sum->op->row == &ops::reduce_sum && (x.dtype == bf16 || x.rank() == 0)) return false;
    if (sum->op->row == &ops::dot && x.dtype == bf16 && chained_dims(*sum->op) == 0) return false;
    return scan_.reverse() || descending_dims(*sum->op) == 0;
  }

  // What a dot or a sum adds up.
  static Values summands(const Op& sum) {
    return {sum.operands.begin(), sum.operands.end() - (start_of_sums(sum) != nullptr ? 1 : 0)};
  }

  // What is added to a carry, if that is all that is done with it.
  Values terms_of(size_t carry) const {
    const Value *sum = scan_.carry_yield(carry), *param = scan_.carry_param(carry);
    if (sum->op == nullptr || sum->op->row != &ops::add || uses_.at(sum) != 1 || !used_once(param)) return {};
    const Values& operands = sum->op->operands;
    if (operands[0] != param && operands[1] != param) return {};
    Values pending = {operands[operands[0] == param ? 1 : 0]}, terms;
    while (!pending.empty()) {
      Value* value = pending.back();
      pending.pop_back();
      if (value->op == nullptr || !used_once(value)) return {};
      if (value->op->row == &ops::add)
        pending.insert(pending.end(), value->op->operands.rbegin(), value->op->operands.rend());
      else
        terms.push_back(value);
    }
    return terms;
  }

  bool used_once(const Value* value) const {
    const auto found = uses_.find(value);
    return found != uses_.end() && found->second == 1;
  }

  // The op of a term below what moves all of it.
  static const Op* core_of(const Value* term) {
    while (term->op != nullptr && moves_all(*term->op)) term = term->op->operands[0];
    return term->op;
  }

  bool may_all_leave(const Accumulator& each, bool sums) const {
    for (const Value* term : each.terms) {
      const Op* core = core_of(term);
      if (core == nullptr || !is_sum(*core) || (start_of_sums(*core) != nullptr) != each.goes_on)
        return false;
      if (!used_once(core->result()) || !is_used_once_above(term) || !can_read_stacks(*core)) return false;
      // What the program adds up in a wider type isn't added up in a narrower one.
      if (core->result()->type.dtype.bytes() < term->type.dtype.bytes()) return false;
      const bool dot = core->row == &ops::dot && motion_.goes_with_time(core->operands[0]) &&
                       motion_.goes_with_time(core->operands[1]);
      const bool sum = core->row == &ops::reduce_sum && sums && motion_.goes_with_time(core->operands[0]) &&
                       (is_stacked(core->operands[0]) || is_over_rows(*core));
      if (!dot && !sum) return false;
    }
    return true;
  }

  bool is_used_once_above(const Value* term) const {
    for (; term->op != nullptr && moves_all(*term->op); term = term->op->operands[0])
      if (!used_once(term)) return false;
    return true;
  }

  static bool is_over_rows(const Op& sum) {
    const Type& x = sum.operands[0]->type;
    const auto dims = sum.ints_attr("dims");
    return !x.dims.empty() && !x.dims[0].is_constant() && sum.result()->type.rank() > 0 &&
           std::ranges::find(dims, 0) != dims.end();
  }

  bool is_stacked(const Value* value) const {
    return motion_.goes_with_time(value) && (motion_.is_outside(value) || stacked_.contains(value));
  }

  // What leaves takes along what is cheap or doesn't change; all else that it is computed from is stacked.
  void stack_sources() {
    list_ = motion_.with_sources(
        leaving_, [&](const Op& op) { return motion_.kind(op) == LoopMotion::kInvariant || op.row->cheap; });
    const OpSet written(list_.begin(), list_.end());
    for (const Op* op : list_)
      for (Value* operand : cores_.contains(op) ? summands(*op) : op->operands)
        if (!motion_.is_outside(operand) && !written.contains(operand->op) && operand != scan_.index())
          motion_.set_outside(operand, add_stack(op_, operand));
    scan_ = Scan(op_);
  }

  // The sum over all times of a dot or a sum. It goes on from `start`, if that is given, in the order of the loop.
  Value* sum(Builder& b, const Op& core, Value* start) {
    SumOrder order = {start};
    if (start != nullptr && scan_.reverse()) order.descending = 1 + descending_dims(core);
    Value* x = motion_.outside(b, core.operands[0]);
    if (core.row == &ops::reduce_sum) return b.reduce_sum(x, with_front(core.ints_attr("dims")), order);
    std::vector<int64_t> batch[2];
    if (core.has_attr("batch"))
      for (int side : {0, 1}) batch[side] = shifted(core.ints_attr("batch", side));
    return b.dot(x, motion_.outside(b, core.operands[1]), with_front(core.ints_attr("contract", 0)),
                 with_front(core.ints_attr("contract", 1)), batch[0], batch[1], order);
  }

  // A term of the sums over all times, of which there is that of its core.
  Value* above_core(Builder& b, const Value* term) {
    std::vector<const Op*> above;
    for (; moves_all(*term->op); term = term->op->operands[0]) above.push_back(term->op);
    Value* value = motion_.outside(b, term);
    for (size_t i = above.size(); i-- > 0;) {
      value = b.clone(*above[i], {value})->result();
      value->op->loc = above[i]->loc.via("sink");
    }
    return value;
  }

  Op& op_;
  Scan scan_;
  Graph& body_;
  LoopMotion motion_;
  std::unordered_map<const Value*, int> uses_;
  OpSet leaving_;
  std::unordered_map<const Op*, Value*>
      cores_;  // of `leaving_`, those that are summed up, and from where they go on
  std::unordered_set<const Value*> stacked_;  // what the cores read
  std::vector<Accumulator> accumulators_;
  std::vector<const Op*> list_;  // to be written
};

// Inner loops first: what leaves them may leave the outer ones too.
bool sink(Graph& graph) {
  if (is_rows_body(graph)) return false;
  bool changed = false;
  auto ops = std::move(graph.ops);
  graph.ops.clear();
  Builder b(graph);
  Redirects redirects;
  for (auto& each : ops) {
    for (Value*& operand : each->operands) redirect(operand, redirects);
    Op& op = *graph.append(std::move(each));
    for (const auto& region : op.regions) changed |= sink(*region);
    if (op.row != &ops::scan || !Applications::one_more()) continue;
    ScanSink scan(op);
    if (!scan.prepare()) continue;
    scan.write(b, redirects);
    Applications::done();
    changed = true;
  }
  for (Value*& result : graph.results) redirect(result, redirects);
  return changed;
}

}  // namespace

bool sink(Function& function) {
  if (!sink(function.body)) return false;
  remove_dead_code(function);
  return true;
}

}  // namespace rondo::passes
