// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/dead_rows.h"

#include <algorithm>

#include "ir/live_rows.h"
#include "ir/ops/elementwise.h"

namespace rondo::passes {

using namespace ir;

DeadRows::DeadRows(const Scan& scan, const Value* alive) : alive_(alive) {
  for (size_t i = 0; i < scan.carry.size(); ++i) states_[scan.carry_param(i)] = static_cast<int>(i);
  for (const auto& op : scan.body->ops) {
    const int state = result_of(*op);
    for (const auto& result : op->results) states_[result.get()] = state;
  }
}

bool DeadRows::is_alive(const Value* value) const { return without_broadcast(value) == alive_; }

int DeadRows::result_of(const Op& op) const {
  if (op.row == &ops::constant) return op.number_attr("value").as_double() == 0 ? kZero : kAny;
  if (op.row->is_elementwise()) return elementwise(op);
  const auto is_zero = [&](const Value* x) { return of(x) == kZero; };
  const std::span<Value* const> operands = op.operands;
  if (op.row == &ops::dot) {
    if (!is_zero(operands[0]) && !is_zero(operands[1])) return kAny;
    return operands.size() > 2 ? of(operands[2]) : kZero;
  }
  // These are linear in all of their operands together.
  const bool is_linear = op.row == &ops::reduce_sum ||
                         (op.row->family == Family::kShape && op.row != &ops::pad && !operands.empty());
  return is_linear && std::ranges::all_of(operands, is_zero) ? kZero : kAny;
}

int DeadRows::elementwise(const Op& op) const {
  const auto x = [&](size_t i) { return of(op.operands[i]); };
  if (op.row == &ops::select) {
    if (is_alive(op.operands[0])) return x(2);
    return x(1) == x(2) ? x(1) : kAny;
  }
  if (op.row == &ops::mul) return x(0) == kZero || x(1) == kZero ? kZero : kAny;
  if (op.row == &ops::div || op.row == &ops::neg) return x(0) == kZero ? kZero : kAny;
  if (op.row == &ops::convert) return x(0) == kZero ? kZero : kAny;
  if (op.row == &ops::add && x(0) == kZero) return x(1);
  if (op.row == &ops::add || op.row == &ops::sub) return x(1) == kZero ? x(0) : kAny;
  return kAny;
}

}  // namespace rondo::passes
