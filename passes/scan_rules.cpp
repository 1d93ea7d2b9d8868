// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What canonicalise does to the bindings of a scan. Values are only redirected here: what nothing uses any
// more goes with the dead code.
//   over(%a = %x, %b = %x)            %b is %a; use(%a = %w, %b = %w) likewise
//   use(%a = 2.0), over(%a = 2.0)     the constant is written in the body
//   carry(%h = %h0) .. yield %h       %h is what use(%u = %h0) gives, and the result is %h0
//   over(%a = %x) .. stack(%a)        the stack is %x
//   stack(%a, %a)                     one stack is the other
#include <unordered_map>
#include <unordered_set>

#include "ir/scan.h"
#include "passes/applications.h"
#include "passes/rules.h"

namespace rondo::passes {

using namespace ir;

namespace {

using Redirects = std::unordered_map<const Value*, Value*>;

Value* resolve(const Redirects& redirects, Value* value) {
  for (auto found = redirects.find(value); found != redirects.end(); found = redirects.find(value))
    value = found->second;
  return value;
}

void redirect(const Redirects& redirects, Graph& graph) {
  for (const auto& op : graph.ops)
    for (Value*& operand : op->operands) operand = resolve(redirects, operand);
  for (Value*& result : graph.results) result = resolve(redirects, result);
}

// Adds only what changes something: a value without uses stays out, so that the rounds come to an end.
class ScanTidy {
 public:
  ScanTidy(Op& op, Redirects& outside) : op_(op), scan_(op), outside_(outside) {
    for (const auto& inner : scan_.body->ops) used_.insert(inner->operands.begin(), inner->operands.end());
    used_.insert(scan_.body->results.begin(), scan_.body->results.end());
  }

  bool run() {
    const size_t before = outside_.size();
    redirect_results();
    merge_bindings(scan_.over, [&](size_t i) { return scan_.over_param(i); });
    merge_bindings(scan_.use, [&](size_t i) { return scan_.use_param(i); });
    write_constants();
    use_invariant_carries();
    redirect(inside_, *scan_.body);
    return !inside_.empty() || outside_.size() > before;
  }

 private:
  bool is_used(const Value* param) const { return used_.contains(param) && !inside_.contains(param); }

  template <class Param>
  void merge_bindings(std::span<Value* const> operands, Param&& param) {
    std::unordered_map<const Value*, Value*> bound;
    for (size_t i = 0; i < operands.size(); ++i) {
      auto [entry, fresh] = bound.try_emplace(operands[i], param(i));
      if (!fresh && is_used(param(i))) inside_[param(i)] = entry->second;
    }
  }

  void write_constants() {
    std::vector<std::unique_ptr<Op>> constants;
    const auto write = [&](const Value* operand, Value* param) {
      if (!is_constant(operand) || !is_used(param)) return;
      Graph scratch(scan_.body->function);
      inside_[param] = Builder(scratch, operand->op->loc).constant(param->type, splat_of(operand));
      constants.push_back(std::move(scratch.ops[0]));
    };
    for (size_t i = 0; i < scan_.over.size(); ++i) write(scan_.over[i], scan_.over_param(i));
    for (size_t i = 0; i < scan_.use.size(); ++i) write(scan_.use[i], scan_.use_param(i));
    for (auto& op : constants) {
      op->graph = scan_.body;
      op->results[0]->graph = scan_.body;
    }
    auto& ops = scan_.body->ops;
    ops.insert(ops.begin(), std::make_move_iterator(constants.begin()),
               std::make_move_iterator(constants.end()));
  }

  void use_invariant_carries() {
    for (size_t i = 0; i < scan_.carry.size(); ++i) {
      Value* param = scan_.carry_param(i);
      if (scan_.carry_yield(i) != param) continue;
      inside_[param] = add_use(op_, scan_.carry[i], param->name);
      scan_ = Scan(op_);
    }
  }

  void redirect_results() {
    std::unordered_map<const Value*, Value*> stacks;
    for (size_t i = 0; i < scan_.over.size(); ++i) stacks[scan_.over_param(i)] = scan_.over[i];
    for (size_t i = 0; i < scan_.stacks(); ++i) {
      auto [entry, fresh] = stacks.try_emplace(scan_.stack_yield(i), scan_.stack_result(i));
      if (!fresh) outside_[scan_.stack_result(i)] = entry->second;
    }
    for (size_t i = 0; i < scan_.carry.size(); ++i)
      if (scan_.carry_yield(i) == scan_.carry_param(i)) outside_[scan_.carry_result(i)] = scan_.carry[i];
  }

  Op& op_;
  Scan scan_;
  Redirects& outside_;
  Redirects inside_;
  std::unordered_set<const Value*> used_;
};

}  // namespace

bool tidy_scans(Graph& graph) {
  Redirects redirects;
  bool changed = false;
  for (const auto& op : graph.ops) {
    if (op->row != &ops::scan || !Applications::one_more() || !ScanTidy(*op, redirects).run()) continue;
    Applications::done();
    changed = true;
  }
  redirect(redirects, graph);
  return changed;
}

}  // namespace rondo::passes
