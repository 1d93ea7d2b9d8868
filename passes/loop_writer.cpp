// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/loop_writer.h"

#include <map>

#include "ir/batch.h"
#include "ir/live_rows.h"
#include "ir/scan.h"
#include "passes/row_cuts.h"

namespace rondo::passes {

using namespace ir;

bool is_spread(const Op& op) { return is_made(op) || op.row == &ops::broadcast; }

Values LoopWriter::write(const std::vector<Op*>& members, const Values& wanted) {
  for (const Op* member : members) {
    scan_.b().loc = member->loc.via("fuse-scans");
    member->row == &ops::scan ? write_loop(*member) : write_step(*member);
  }
  Values stacks;
  for (const Value* value : wanted)
    if (!carries_.contains(value)) stacks.push_back(inside_.at(value));
  Op& loop = *scan_.emit(place_.b, chain_.length, chain_.reverse, yields_, stacks);
  if (chain_.live) loop.set_attr("live", {});
  drop_stale_live(loop);
  Values results;
  int next_stack = static_cast<int>(yields_.size());
  for (const Value* value : wanted) {
    const auto carry = carries_.find(value);
    results.push_back(loop.result(carry != carries_.end() ? carry->second : next_stack++));
    results.back()->name = value->name;
  }
  return results;
}

void LoopWriter::write_loop(const Op& op) {
  const Scan scan(op);
  std::map<const Value*, Value*> values = {{scan.index(), scan_.index()}};
  for (size_t i = 0; i < scan.over.size(); ++i) values[scan.over_param(i)] = at_time(scan.over[i]);
  for (size_t i = 0; i < scan.carry.size(); ++i)
    values[scan.carry_param(i)] = scan_.carry(place_.in(scan.carry[i]), scan.carry_param(i)->name);
  for (size_t i = 0; i < scan.use.size(); ++i) values[scan.use_param(i)] = use(scan.use[i]);
  clone_ops(*scan.body, scan_.b(), values);
  for (size_t i = 0; i < scan.carry.size(); ++i) {
    carries_[scan.carry_result(i)] = static_cast<int>(yields_.size());
    yields_.push_back(values.at(scan.carry_yield(i)));
  }
  for (size_t i = 0; i < scan.stacks(); ++i) inside_[scan.stack_result(i)] = values.at(scan.stack_yield(i));
}

void LoopWriter::write_step(const Op& op) {
  const std::vector<bool>& batched = chains_.batched(op);
  Values operands;
  for (size_t i = 0; i < op.operands.size(); ++i)
    operands.push_back(batched[i] ? at_time(op.operands[i]) : use(op.operands[i]));
  const Values results = write_at_time(op, std::move(operands), batched);
  for (size_t i = 0; i < results.size(); ++i) inside_[op.result(static_cast<int>(i))] = results[i];
}

Values LoopWriter::write_at_time(const Op& op, Values operands, const std::vector<bool>& batched) {
  const Values results = unbatch_op(op, {scan_.b(), std::move(operands), batched});
  for (size_t i = 0; i < results.size(); ++i) results[i]->name = op.result(static_cast<int>(i))->name;
  return results;
}

Value* LoopWriter::at_time(Value* value) {
  Value*& inside = inside_[value];
  if (inside != nullptr) return inside;
  if (value->op != nullptr && is_spread(*value->op))
    for (const bool batched : {false, true}) {
      const std::vector<bool> each(value->op->operands.size(), batched);
      if (!can_unbatch(*value->op, each)) continue;
      Values operands;
      for (Value* operand : value->op->operands) operands.push_back(batched ? over(operand) : use(operand));
      return inside = write_at_time(*value->op, std::move(operands), each)[0];
    }
  return over(value);
}

Value* LoopWriter::over(Value* value) {
  Value*& inside = inside_[value];
  if (inside == nullptr) inside = scan_.over(place_.in(value), value->name);
  return inside;
}

Value* LoopWriter::use(Value* value) {
  Value*& used = uses_[value];
  if (used == nullptr) used = scan_.use(place_.in(value), value->name);
  return used;
}

}  // namespace rondo::passes
