// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// unroll: replaces every scan of a constant length by copies of its body.
//
// Before:  %hT, %ys = scan 2 index(%t) over(%x = %xs) carry(%h = %h0) use() { .. yield carry(%h1) stack(%h1) }
// After:   %xs' = identity %xs backwards  %h0' = identity %h0             operands, in listed order; backwards, of an
//                                                                         over, if the loop's gradient goes so
//          %t = 0  %x = reshape(slice(%xs', 0))                           the first time step
//          identity of %t, %x, %h0'; the body; identity of %h1 (the carry), %h1 (the stack)
//                                                                         of a use: identity .. descending, if the
//                                                                         loop's gradient goes backwards
//          ..                                                             the second time step
//          %hT = identity ..  %ys = identity (concat of the reshaped %h1) results
//
// Legal:   always; a scan of symbolic length stays. No time step at all gives the initial carries and empty
//          stacks.
// A loss:  nearly always: it makes as many ops as there are time steps. It serves to check scans and their
//          gradients, and it refuses to make more than budget::kOpsMade.
// Needs:   nothing. It feeds vjp in tests; drop-identities and canonicalise clean up after it.
//
// Why the identities: the gradient of a loop has the bits of the gradient of its unrolled copies. The vjp of
// a scan sums the cotangents of a step's values within the step, and of operands over steps; without a mark
// at each region parameter and each yielded value, vjp of the copies would see one value with many uses and
// sum in another order.
#include "ir/budgets.h"
#include "ir/op_row.h"
#include "ir/scan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/time_parts.h"

namespace rondo::passes {

using namespace ir;

namespace {

bool has_constant_length(const Op& op) { return op.row == &ops::scan && Scan(op).length().is_constant(); }

// How many ops the graph has once it is unrolled; Error if too many.
int64_t unrolled_size(const Graph& graph) {
  int64_t size = 0;
  for (const auto& op : graph.ops) {
    int64_t inside = 1;
    for (const auto& region : op->regions) inside += unrolled_size(*region);
    if (has_constant_length(*op)) {
      const Scan scan(*op);
      inside += static_cast<int64_t>(2 * op->operands.size() + 2 * scan.body->results.size());
      const int64_t length = scan.length().constant();
      if (length > budget::kOpsMade / inside)
        fail_over_budget(
            *graph.function, op.get(),
            "unroll: " + std::to_string(length) + " copies of about " + std::to_string(inside) + " ops",
            "leave this scan a loop");
      inside *= length;
    }
    size += inside;
    if (size > budget::kOpsMade)
      fail_over_budget(*graph.function, nullptr, "unroll: all copies together", "leave scans loops");
  }
  return size;
}

// One time step: `args` bound to the body's parameters; returns what it yields.
Values copy_body(Builder& b, const Scan& scan, const Values& args) {
  const Graph& body = *scan.body;
  std::map<const Value*, Value*> values;
  for (size_t i = 0; i < args.size(); ++i) {
    Value* copy = b.identity(args[i]);
    if (i + scan.use.size() >= args.size() && !scan.reverse()) copy->op->set_attr("descending", {});
    values[body.params[i].get()] = copy;
  }
  clone_ops(body, b, values);
  Values yields;
  for (const Value* result : body.results) yields.push_back(b.identity(values.at(result)));
  return yields;
}

Values unroll_scan(Builder& b, const Op& op) {
  const Scan scan(op);
  Values operands;
  for (Value* operand : op.operands) {
    operands.push_back(b.identity(operand));
    const bool is_over = operands.size() <= scan.over.size();
    if (is_over && !scan.reverse()) operands.back()->op->set_attr("backwards", {});
  }
  const size_t overs = scan.over.size(), carries = scan.carry.size();
  const int64_t length = scan.length().constant();

  Values carry(operands.begin() + overs, operands.begin() + overs + carries);
  std::vector<Values> parts(scan.stacks(), Values(length));
  for (int64_t step = 0; step < length; ++step) {
    const int64_t t = scan.reverse() ? length - 1 - step : step;
    Values args = {b.constant(scan.index()->type, t)};
    for (size_t i = 0; i < overs; ++i) args.push_back(at_time(b, operands[i], t));
    args.insert(args.end(), carry.begin(), carry.end());
    args.insert(args.end(), operands.begin() + overs + carries, operands.end());
    const Values yields = copy_body(b, scan, args);
    std::copy_n(yields.begin(), carries, carry.begin());
    for (size_t i = 0; i < parts.size(); ++i) parts[i][t] = yields[carries + i];
  }

  Values results;
  for (Value* value : carry) results.push_back(b.identity(value));
  for (size_t i = 0; i < parts.size(); ++i)
    results.push_back(
        b.identity(parts[i].empty() ? b.constant(scan.stack_result(i)->type, 0) : stacked(b, parts[i])));
  return results;
}

bool unroll_graph(Graph& graph) {
  bool changed = false;
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= unroll_graph(*region);
  changed |= rewrite_ops(graph, [](Builder& b, Op& op) -> Replacement {
    if (!has_constant_length(op)) return {};
    const size_t first = b.graph().ops.size();
    Values results = unroll_scan(b, op);
    for (size_t i = first; i < b.graph().ops.size(); ++i)
      b.graph().ops[i]->loc = b.graph().ops[i]->loc.via("unroll");
    return results;
  });
  return changed;
}

}  // namespace

bool unroll(Function& function) {
  unrolled_size(function.body);
  return unroll_graph(function.body);
}

}  // namespace rondo::passes
