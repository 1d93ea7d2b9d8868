// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// merge-dots: makes dots of one value by several weights one dot.
//
// Before:  %i = dot %h, %Ui contract([1],[0]) : f32[B,128]
//          %f = dot %h, %Uf contract([1],[0]) : f32[B,128]
// After:   %0 = concat %Ui, %Uf dim(1) : f32[128,256]
//          %1 = dot %h, %0 contract([1],[0]) : f32[B,256]
//          %i, %f = split %1 dim(1) sizes([128,128])
//
// Legal:   exact: columns are joined, or rows, never what is summed. The weights exist before the first of the dots, so
//          none of them depends on another.
// A loss:  the weights are copied, so their sizes must be known; they are parameters of the function, or pieces of them,
//          and in a loop they come by `use`: then hoist takes the copying out. With very few rows in all, copying costs more than one dot for many saves.
// Needs:   hoist before it brings the weights out of the loop. Feeds hoist with the concat; vjp makes one dot of what
//          goes back through all gates.
#include <map>
#include <unordered_map>

#include "ir/ops/support.h"
#include "passes/applications.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

using Dims = std::vector<int64_t>;

// What dots that become one have in common: the shared operand and where it stands, what is contracted, and the only
// free dim of the other operand.
struct Form {
  const Value* shared;
  int side;
  Dims shared_contract, other_contract;
  int64_t free;
  auto operator<=>(const Form&) const = default;
};

// The dim that a dot neither contracts nor batches, if there is exactly one; else -1.
int64_t only_free_dim(const Op& dot, int operand) {
  const Dims contract = dot.ints_attr("contract", operand);
  int64_t free = -1;
  for (int64_t i = 0; i < dot.operands[operand]->type.rank(); ++i) {
    if (contains(contract, i)) continue;
    if (free >= 0) return -1;
    free = i;
  }
  return free;
}

class DotMerger {
 public:
  explicit DotMerger(Graph& graph) : graph_(graph) {}

  bool run() {
    if (is_rows_body(graph_)) return false;
    bool changed = false;
    for (const auto& op : graph_.ops)
      for (const auto& region : op->regions) changed |= DotMerger(*region).run();
    find_groups();
    return rewrite_ops(graph_, [&](Builder& b, Op& op) { return visit(b, op); }) || changed;
  }

 private:
  using Group = std::vector<const Op*>;

  bool is_weight(const Value& value) const {
    for (const Dim dim : value.type.dims)
      if (!dim.is_constant()) return false;
    if (graph_.owner == nullptr)
      return value.op == nullptr ||
             (value.op->row->family == Family::kShape && value.op->operands[0]->op == nullptr);
    if (graph_.owner->row != &ops::scan || value.op != nullptr) return false;
    return value.index > graph_.owner->groups[0] + graph_.owner->groups[1];
  }

  void find_groups() {
    std::map<Form, Group> open;
    std::unordered_map<const Op*, size_t> place;
    for (size_t at = 0; at < graph_.ops.size(); ++at) {
      const Op& op = *graph_.ops[at];
      place[&op] = at;
      if (op.row != &ops::dot || op.has_attr("batch") || op.has_attr("lanes")) continue;
      if (start_of_sums(op) != nullptr || descending_dims(op) > 0) continue;
      for (const int side : {0, 1}) {
        const Value* other = op.operands[1 - side];
        const int64_t free = only_free_dim(op, 1 - side);
        if (free < 0 || !is_weight(*other) || other == op.operands[side]) continue;
        Group& group = open[{op.operands[side], side, op.ints_attr("contract", side),
                             op.ints_attr("contract", 1 - side), free}];
        if (!group.empty() && other->op != nullptr && place.at(other->op) > place.at(group[0])) continue;
        group.push_back(&op);
        break;
      }
    }
    for (const auto& [form, group] : open) {
      if (group.size() < 2) continue;
      groups_[group[0]] = {form, group};
      for (const Op* op : group) parts_[op] = nullptr;
    }
  }

  Replacement visit(Builder& b, Op& op) {
    if (auto found = groups_.find(&op); found != groups_.end())
      merge(b, op, found->second.first, found->second.second);
    const auto part = parts_.find(&op);
    if (part == parts_.end() || part->second == nullptr) return {};
    return Values{part->second};
  }

  void merge(Builder& b, const Op& first, const Form& form, const Group& group) {
    b.loc = first.loc.via("merge-dots");
    Values weights, operands(2);
    std::vector<Dim> sizes;
    for (const Op* dot : group) {
      weights.push_back(dot->operands[1 - form.side]);
      sizes.push_back(weights.back()->type.dims[form.free]);
    }
    operands[form.side] = first.operands[form.side];
    operands[1 - form.side] = b.concat(weights, form.free);
    Value* all = b.emit(ops::dot, std::move(operands), first.attrs)->result();
    const Values parts = b.split(all, form.side == 0 ? all->type.rank() - 1 : 0, sizes);
    for (size_t i = 0; i < group.size(); ++i) parts_[group[i]] = parts[i];
  }

  Graph& graph_;
  std::unordered_map<const Op*, std::pair<Form, Group>> groups_;  // by the first dot
  std::unordered_map<const Op*, Value*> parts_;                   // of the merged dot, once it is written
};

}  // namespace

bool merge_dots(Function& function) { return DotMerger(function.body).run(); }

}  // namespace rondo::passes
