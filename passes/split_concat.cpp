// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// split-concat: makes a dot of joined values the sum of their dots, in a loop that carries only some of them.
//
// Before:  %hx = concat %h, %xt dim(1)
//          %z = dot %hx, %w contract([1],[0])
// After:   %0 = slice %w lo([0,0]) hi([128,512])
//          %1 = dot %h, %0 contract([1],[0])
//          %2 = slice %w lo([128,0]) hi([192,512])
//          %3 = dot %xt, %2 contract([1],[0])
//          %z = add %1, %3
//
// Legal:   reassoc: the chain of a sum is cut where the values meet.
// A loss:  two dots for one; so only where one of them can leave the loop: some parts are carried, some are not, and the
//          other operand does not change.
// Needs:   nothing. Feeds hoist, which takes out the slices and the dots that no carry needs, and merge-dots, when each
//          gate has a dot of its own.
#include "ir/ops/support.h"
#include "passes/loop_motion.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

// Neighbours among the operands of a concat of which all are carried, or none.
struct Run {
  size_t first, count;
};

std::vector<Run> runs_of(const Op& concat, const LoopMotion& motion) {
  std::vector<Run> runs;
  bool carried = false;
  for (size_t i = 0; i < concat.operands.size(); ++i) {
    const bool is_carried = motion.kind(concat.operands[i]) == LoopMotion::kCarried;
    if (runs.empty() || is_carried != carried) runs.push_back({i, 0});
    ++runs.back().count;
    carried = is_carried;
  }
  return runs;
}

class Splitter {
 public:
  Splitter(Builder& b, const Op& dot, int joined) : b_(b), dot_(dot), joined_(joined) {
    const auto contract = dot.ints_attr("contract", joined);
    const Value* value = dot.operands[joined];
    if (value->op == nullptr || value->op->row != &ops::concat || dot.has_attr("lanes")) return;
    if (start_of_sums(dot) != nullptr || descending_dims(dot) > 0) return;
    for (size_t i = 0; i < contract.size(); ++i)
      if (contract[i] == value->op->int_attr("dim")) {
        concat_ = value->op;
        other_dim_ = dot.ints_attr("contract", 1 - joined)[i];
      }
  }

  bool can() const { return concat_ != nullptr; }

  bool should(const LoopMotion& motion) const {
    return motion.kind(dot_.operands[1 - joined_]) == LoopMotion::kInvariant &&
           runs_of(*concat_, motion).size() > 1;
  }

  Value* split(const LoopMotion& motion) {
    const int64_t dim = concat_->int_attr("dim");
    Value* other = dot_.operands[1 - joined_];
    std::vector<Dim> lo(other->type.dims.size(), 0), hi = other->type.dims;
    Value* sum = nullptr;
    Dim at = 0;
    for (const Run& run : runs_of(*concat_, motion)) {
      const Values parts(concat_->operands.begin() + run.first,
                         concat_->operands.begin() + run.first + run.count);
      Value* joined = parts.size() == 1 ? parts[0] : b_.concat(parts, dim);
      lo[other_dim_] = at;
      hi[other_dim_] = at = at + joined->type.dims[dim];
      Values operands(2);
      operands[joined_] = joined;
      operands[1 - joined_] = b_.slice(other, lo, hi);
      Value* product = b_.clone(dot_, std::move(operands))->result();
      product->op->loc = b_.loc;
      sum = sum == nullptr ? product : b_.add(sum, product);
    }
    return sum;
  }

 private:
  Builder& b_;
  const Op& dot_;
  const int joined_;
  const Op* concat_ = nullptr;
  int64_t other_dim_ = 0;
};

bool split_in(Graph& graph) {
  if (is_rows_body(graph)) return false;
  bool changed = false;
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= split_in(*region);
  if (graph.owner == nullptr || graph.owner->row != &ops::scan) return changed;
  LoopMotion motion(*graph.owner);
  changed |= rewrite_ops(graph, [&](Builder& b, Op& op) -> Replacement {
    if (op.row != &ops::dot) return {};
    for (const int joined : {0, 1})
      if (Splitter splitter(b, op, joined); splitter.can() && splitter.should(motion)) {
        b.loc = op.loc.via("split-concat");
        Value* sum = splitter.split(motion);
        motion.set_stand_in(sum, op.result());
        return Values{sum};
      }
    return {};
  });
  return changed;
}

}  // namespace

bool split_concat(Function& function) {
  if (!split_in(function.body)) return false;
  remove_dead_code(function);
  return true;
}

}  // namespace rondo::passes
