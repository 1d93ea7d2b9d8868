// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/loop_motion.h"

#include <algorithm>

#include "ir/batch.h"

namespace rondo::passes {

using namespace ir;

namespace {

// Such an op is not computed where the loop would not have run.
bool may_fail_or_never_end(const Op& op) {
  bool found = false;
  const auto visit = [&](const Op& each) {
    found |= each.row->family == Family::kIndexed || each.row->family == Family::kError ||
             each.row == &ops::while_;
  };
  visit(op);
  for (const auto& region : op.regions) for_each_op(*region, visit);
  return found;
}

}  // namespace

LoopMotion::LoopMotion(const Op& op) : body_(*op.regions[0]), length_(op.dim_attr("length")) {
  const Scan scan(op);
  kinds_[scan.index()] = kTimed;
  for (size_t i = 0; i < scan.over.size(); ++i) {
    kinds_[scan.over_param(i)] = kTimed;
    outside_[scan.over_param(i)] = scan.over[i];
  }
  for (size_t i = 0; i < scan.carry.size(); ++i) kinds_[scan.carry_param(i)] = kCarried;
  for (size_t i = 0; i < scan.use.size(); ++i) {
    kinds_[scan.use_param(i)] = kInvariant;
    outside_[scan.use_param(i)] = scan.use[i];
  }
  for (const auto& each : body_.ops) find_kind(*each);
}

void LoopMotion::find_kind(const Op& op) {
  Kind kind = kInvariant;
  bool movable = true;
  for (const Value* operand : op.operands) {
    kind = std::max(kind, kinds_.at(operand));
    movable &= operand->op == nullptr || is_movable(*operand->op);
  }
  for (const auto& result : op.results) kinds_[result.get()] = kind;
  if (!movable || kind == kCarried) return;
  if (kind == kTimed ? can_batch(op, batched(op), length_) : !may_fail_or_never_end(op)) movable_.insert(&op);
}

std::vector<bool> LoopMotion::batched(const Op& op) const {
  std::vector<bool> batched;
  for (const Value* operand : op.operands) batched.push_back(goes_with_time(operand));
  return batched;
}

std::vector<const Op*> LoopMotion::with_sources(const OpSet& ops,
                                                const std::function<bool(const Op&)>& takes) const {
  OpSet wanted = ops;
  std::vector<const Op*> list;
  for (size_t i = body_.ops.size(); i-- > 0;) {
    const Op* op = body_.ops[i].get();
    if (!wanted.contains(op)) continue;
    list.push_back(op);
    for (const Value* operand : op->operands)
      if (operand->op != nullptr && is_movable(*operand->op) && takes(*operand->op) && !is_outside(operand))
        wanted.insert(operand->op);
  }
  std::ranges::reverse(list);
  return list;
}

Value* LoopMotion::outside(Builder& b, const Value* value) {
  Value*& outside = outside_[value];
  if (outside == nullptr) outside = b.iota({value->type.dtype, {length_}}, 0);  // the index
  return outside;
}

void LoopMotion::write(Builder& b, const Op& op) {
  Values operands, results;
  for (const Value* operand : op.operands) operands.push_back(outside(b, operand));
  if (goes_with_time(op.result())) {
    results = batch_op(op, {b, std::move(operands), batched(op), length_});
  } else {
    Op* copy = b.clone(op, std::move(operands));
    copy->loc = b.loc;
    for (const auto& result : copy->results) results.push_back(result.get());
  }
  for (size_t i = 0; i < results.size(); ++i) {
    outside_[op.results[i].get()] = results[i];
    if (results[i]->name.empty() && !op.operands.empty()) results[i]->name = op.results[i]->name;
  }
}

}  // namespace rondo::passes
