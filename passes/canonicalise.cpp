// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// canonicalise: brings a function into its plainest form.
//
// Before:  %a = mul %x, 1.0  %b = neg %a  %c = neg %b  %d = tanh %c  %e = tanh %x  %f = add %d, %e
// After:   %d = tanh %x  %f = add %d, %d
//
// Legal:   always, and exact: every rule gives the same bits, NaN apart (arithmetic_rules.cpp says which
//          common ones do not). `identity` is never looked through nor merged: it holds the order of sums for
//          vjp.
// A loss:  before vjp it may change the order in which a gradient is summed, as any rewriting of the program
//          does.
// Needs:   nothing. Every pass leaves work for it: vjp zeros, unroll shape ops.
//
// How: rounds over all graphs, outer ones first, until nothing changes. A round applies the rules op by op
// (operands before users, so chains collapse at once), redirects what scans bind twice or in vain, merges
// equal ops, and removes dead code.
#include <cstdio>
#include <unordered_map>

#include "ir/live_rows.h"
#include "passes/debug.h"
#include "passes/passes.h"
#include "passes/rules.h"

namespace rondo::passes {

using namespace ir;

namespace {

// Some chains give way one link a round, so there may be as many rounds as ops. What takes longer than this many
// visits of ops stays as it is by then; a few rounds are taken of any function.
constexpr int64_t kMaxVisits = int64_t{1} << 23;
constexpr int kFewRounds = 8;
constexpr int kMaxRounds = 1000;  // besides those

class Canonicaliser {
 public:
  bool run(Graph& graph) {
    if (is_rows_body(graph)) return false;
    bool changed = rewrite_ops(graph, [&](Builder& b, Op& op) { return apply_rules(b, op); });
    changed |= tidy_scans(graph);
    changed |= merge_equal_ops(graph);
    for (const auto& op : graph.ops) {
      for (const auto& region : op->regions) changed |= run(*region);
      drop_stale_live(*op);
    }
    return changed;
  }

  const std::string& last_rule() const { return last_rule_; }

 private:
  Replacement apply_rules(Builder& b, const Op& op) {
    auto found = rules().find(op.row);
    if (found == rules().end()) return {};
    b.loc = op.loc.via("canonicalise");
    for (const Rule& rule : found->second)
      if (Replacement replacement = rule.apply(b, op)) {
        last_rule_ = rule.name;
        if (shows_rules_)
          std::fprintf(stderr, "rondo: canonicalise: %s: %s\n", op.loc.text().c_str(), rule.name.c_str());
        return replacement;
      }
    return {};
  }

  static const std::unordered_map<const OpRow*, std::vector<Rule>>& rules() {
    static const auto& by_row = *[] {
      auto* map = new std::unordered_map<const OpRow*, std::vector<Rule>>;
      for (auto&& list : {arithmetic_rules(), shape_rules()})
        for (const Rule& rule : list) (*map)[rule.row].push_back(rule);
      return map;
    }();
    return by_row;
  }

  const bool shows_rules_ = Debug::get().shows(Debug::kRules, "canonicalise");
  std::string last_rule_;
};

}  // namespace

bool canonicalise(Function& function) {
  Canonicaliser canonicaliser;
  bool changed = remove_dead_code(function);
  int64_t ops = 0;
  for_each_op(function.body, [&](const Op&) { ++ops; });
  for (int64_t round = 0; canonicaliser.run(function.body); ++round) {
    if (round >= kFewRounds && round * ops > kMaxVisits) break;
    if (round >= kMaxRounds + 8 * ops)
      throw InternalError("canonicalise: @" + function.name + " still changes after " +
                          std::to_string(round) + " rounds; the last rule that fired is " +
                          canonicaliser.last_rule());
    remove_dead_code(function);
    changed = true;
  }
  return changed;
}

}  // namespace rondo::passes
