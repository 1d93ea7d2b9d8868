// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// unroll-by: makes n steps of a scan one, where it says unroll(n); what steps are left over become a loop behind.
//
// Before:  %h, %ys = scan T unroll(2) index(%t) over(%x = %xs) carry(%h = %h0) use(%u = %U) {
//            %h1 = cell %x, %h, %u
//            yield carry(%h1) stack(%h1) }
// After:   %m, %ms = scan N index(%k) over(%x2 = reshape(%xs[0 .. 2N])) carry(%h = %h0) use(%u = %U) {    N: T floordiv 2
//            %h1 = cell %x2[0], %h, %u
//            %h2 = cell %x2[1], %h1, %u
//            yield carry(%h2) stack(concat %h1, %h2) }
//          %h, %rs = scan T-2*N over(%x = %xs[2N .. T]) carry(%h = %m) use(%u = %U) { .. }
//          %ys = concat reshape(%ms), %rs
//
// Legal:   if no step may record an error (the first one is told, by op and then by step), and rows run to the end (`live`
//          knows of single steps). Exact: each step computes what it did, in the order of the steps.
// A loss:  nearly always: a step of a loop costs little besides its ops, and the stacks of n steps are put together by
//          copying. So it is done where the user asks for it.
// Needs:   gradients to be made, since they sum by loops, and what knows loops step by step to be done: sink, remat, live.
//          fuse-scans leaves what comes of it alone. Feeds parallelise and fuse, which see n steps at a time.
#include <map>

#include "ir/budgets.h"
#include "ir/op_row.h"
#include "ir/scan.h"
#include "ir/scan_builder.h"
#include "passes/memory_plan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/time_parts.h"

namespace rondo::passes {

using namespace ir;

namespace {

class Unroller {
 public:
  Unroller(Builder& b, const Op& op) : b_(b), scan_(op), steps_(op.int_attr("unroll")) {}

  // Nothing where there are fewer steps than are to be one, or no size more.
  Replacement run() {
    Function& function = *b_.graph().function;
    const Dim length = scan_.length();
    if (function.derived.size() + 1 > kMaxGuards) return {};
    const Dim count = function.floordiv(length, steps_, scan_.op->loc);
    if (count == Dim(0)) return {};
    carries_.assign(scan_.carry.begin(), scan_.carry.end());
    const Dim whole = count * steps_;
    std::vector<Values> stacks(scan_.stacks());
    const auto run_part = [&](Dim first, Dim part_count, int64_t steps) {
      if (part_count == Dim(0)) return;
      const Values parts = write_loop(first, part_count, steps);
      for (size_t i = 0; i < parts.size(); ++i)
        stacks[i].insert(scan_.reverse() ? stacks[i].begin() : stacks[i].end(), parts[i]);
    };
    if (scan_.reverse()) run_part(whole, length - whole, 1);
    run_part(0, count, steps_);
    if (!scan_.reverse()) run_part(whole, length - whole, 1);
    Values results = carries_;
    for (const Values& parts : stacks) results.push_back(parts.size() == 1 ? parts[0] : b_.concat(parts, 0));
    return results;
  }

 private:
  // A loop of `count` times so many steps, from step `first` on. Gives the stacks of all of them.
  Values write_loop(Dim first, Dim count, int64_t steps) {
    ScanBuilder loop(*b_.graph().function, b_.loc);
    Builder& body = loop.b();
    Values overs, states, uses;
    for (size_t i = 0; i < scan_.over.size(); ++i)
      overs.push_back(loop.over(cut(scan_.over[i], first, count, steps), scan_.over_param(i)->name));
    for (size_t i = 0; i < carries_.size(); ++i)
      states.push_back(loop.carry(carries_[i], scan_.carry_param(i)->name));
    for (size_t i = 0; i < scan_.use.size(); ++i)
      uses.push_back(loop.use(scan_.use[i], scan_.use_param(i)->name));
    Value* begin = steps == 1 ? loop.index() : body.mul(loop.index(), body.like(loop.index(), steps));
    if (first != Dim(0)) begin = body.add(begin, size_as_index(body, first));
    std::vector<Values> stacks(scan_.stacks(), Values(static_cast<size_t>(steps)));
    for (int64_t done = 0; done < steps; ++done) {
      const int64_t step = scan_.reverse() ? steps - 1 - done : done;
      Values args = {step == 0 ? begin : body.add(begin, body.like(begin, step))};
      for (Value* over : overs) args.push_back(steps == 1 ? over : at_time(body, over, step));
      args.insert(args.end(), states.begin(), states.end());
      args.insert(args.end(), uses.begin(), uses.end());
      const Values yields = copy_body(body, args);
      std::copy_n(yields.begin(), states.size(), states.begin());
      for (size_t i = 0; i < stacks.size(); ++i)
        stacks[i][static_cast<size_t>(step)] = yields[states.size() + i];
    }
    Values stacked;
    for (const Values& parts : stacks)
      stacked.push_back(steps == 1 ? parts[0] : passes::stacked(body, parts));
    const Op* op = loop.emit(b_, count, scan_.reverse(), states, stacked);
    for (size_t i = 0; i < carries_.size(); ++i) carries_[i] = op->results[i].get();
    Values results;
    for (size_t i = 0; i < stacked.size(); ++i) {
      Value* stack = op->results[carries_.size() + i].get();
      std::vector<Dim> dims = scan_.stack_result(i)->type.dims;
      dims[0] = count * steps;
      results.push_back(steps == 1 ? stack : b_.reshape(stack, dims));
    }
    return results;
  }

  // The times of an over that a loop goes over, `steps` at a time.
  Value* cut(Value* over, Dim first, Dim count, int64_t steps) {
    std::vector<Dim> dims = over->type.dims;
    const Dim end = first + count * steps;
    Value* part = first == Dim(0) && end == dims[0] ? over : times(b_, over, first, end);
    if (steps == 1) return part;
    dims[0] = steps;
    dims.insert(dims.begin(), count);
    return b_.reshape(part, dims);
  }

  Values copy_body(Builder& b, const Values& args) const {
    std::map<const Value*, Value*> values;
    for (size_t i = 0; i < args.size(); ++i) values[scan_.body->params[i].get()] = args[i];
    clone_ops(*scan_.body, b, values);
    Values yields;
    for (const Value* result : scan_.body->results) yields.push_back(values.at(result));
    return yields;
  }

  Builder& b_;
  const Scan scan_;
  const int64_t steps_;
  Values carries_;  // what they have come to
};

bool is_unrolled(const Op& op) {
  return op.row == &ops::scan && op.has_attr("unroll") && op.int_attr("unroll") > 1 && !op.has_attr("live") &&
         !can_record_error(op);
}

void check_budget(const Graph& graph, const Op& op) {
  int64_t inside = 0;
  for_each_op(*op.regions[0], [&](const Op&) { ++inside; });
  const int64_t steps = op.int_attr("unroll");
  if (steps > budget::kOpsMade / (inside + 1))
    fail_over_budget(*graph.function, &op,
                     "unroll-by: " + std::to_string(steps) + " copies of " + std::to_string(inside) + " ops",
                     "unroll by less");
}

bool unroll_graph(Graph& graph) {
  bool changed = false;
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= unroll_graph(*region);
  changed |= rewrite_ops(graph, [&](Builder& b, Op& op) -> Replacement {
    if (!is_unrolled(op)) return {};
    check_budget(graph, op);
    b.loc = op.loc.via("unroll-by");
    return Unroller(b, op).run();
  });
  return changed;
}

}  // namespace

bool unroll_by(Function& function) {
  if (!unroll_graph(function.body)) return false;
  remove_dead_code(function);
  return true;
}

}  // namespace rondo::passes
