// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// remove-dead-code: removes what no result of the function depends on.
//
// Before:  %a = exp %x
//          %h, %n, %ys = scan T index(%t) over(%xt = %x, %wt = %w) carry(%h = %h0, %n = %n0) use() {
//            %h1 = add %h, %xt  %n1 = mul %n, %wt
//            yield carry(%h1, %n1) stack(%h1) }
//          return %h
// After:   %h = scan T index(%t) over(%xt = %x) carry(%h = %h0) use() {
//            %h1 = add %h, %xt
//            yield carry(%h1) stack() }
//          return %h
//
// Legal:   always. A carry that feeds only itself is dead. A check or a gather goes too if its value is not
//          used: errors keep nothing alive.
// A loss:  never.
// Needs:   nothing. vjp runs it, since a gradient seldom needs all of the forward pass; canonicalise runs it
//          every round.
#include <algorithm>

#include "ir/builder.h"
#include "ir/dataflow.h"
#include "ir/live_rows.h"
#include "passes/passes.h"

namespace rondo::passes {

using namespace ir;

namespace {

using Live = std::unordered_set<const Value*>;
using Keep = std::vector<bool>;

// Erases the elements of a list that are not kept.
template <class List>
void filter(List& list, const Keep& keep) {
  size_t at = 0;
  std::erase_if(list, [&](const auto&) { return !keep[at++]; });
}

void number(const std::vector<std::unique_ptr<Value>>& values) {
  for (size_t i = 0; i < values.size(); ++i) values[i]->index = static_cast<int>(i);
}

// A carry is kept whole: its operand, parameters, yield and result. So is a call: what its block vjp gets is all
// of it.
bool remove_dead_parts(Op& op, const Live& live) {
  if (op.row == &ops::call) return false;
  const RegionSpec& spec = op.row->region;
  const size_t first_param = spec.index ? 1 : 0;
  const size_t bound = op.operands.size() - op.row->operands.size();
  Keep operands, results;
  for (size_t i = 0; i < bound; ++i)
    operands.push_back(std::any_of(op.regions.begin(), op.regions.end(), [&](const auto& region) {
      return live.contains(region->param(static_cast<int>(first_param + i)));
    }));
  for (const auto& result : op.results) results.push_back(live.contains(result.get()));
  const CarryRange carries = carries_of(op);
  for (int i = 0; i < carries.count; ++i) {
    const int operand = carries.first + i;
    operands[operand] = results[i] = operands[operand] || results[i];
  }
  const auto all = [](const Keep& keep) { return std::find(keep.begin(), keep.end(), false) == keep.end(); };
  if (all(operands) && all(results)) return false;

  size_t first = 0;
  for (int& group : op.groups) {
    const size_t end = first + group;
    group = static_cast<int>(std::count(operands.begin() + first, operands.begin() + end, true));
    first = end;
  }
  if (op.row == &ops::rows) {
    auto cut = op.ints_attr("dims", 0), yielded = op.ints_attr("dims", 1);
    filter(cut, operands);
    filter(yielded, results);
    op.set_attr("dims", {ints(cut), ints(yielded)});
  }
  Keep params = operands;
  params.insert(params.begin(), first_param, true);
  operands.resize(op.operands.size(), true);
  filter(op.operands, operands);
  filter(op.results, results);
  number(op.results);
  for (size_t i = 0; i < op.regions.size(); ++i) {
    filter(op.regions[i]->params, params);
    number(op.regions[i]->params);
    if (spec.blocks[i].gives == BlockSpec::Gives::kResults) filter(op.regions[i]->results, results);
  }
  return true;
}

bool remove_dead_ops(Graph& graph, const Live& live) {
  const size_t removed = std::erase_if(graph.ops, [&](const auto& op) {
    return std::none_of(op->results.begin(), op->results.end(),
                        [&](const auto& result) { return live.contains(result.get()); });
  });
  bool changed = removed > 0;
  for (const auto& op : graph.ops) {
    if (op->regions.empty()) continue;
    const bool fewer_parts = remove_dead_parts(*op, live);
    changed |= fewer_parts;
    for (const auto& region : op->regions) changed |= remove_dead_ops(*region, live);
    if (fewer_parts) drop_stale_live(*op);
  }
  return changed;
}

}  // namespace

bool remove_dead_code(Function& function) {
  return remove_dead_ops(function.body, live_values(function.body));
}

}  // namespace rondo::passes
