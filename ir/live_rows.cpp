// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/live_rows.h"

#include <cmath>

#include "ir/ops/elementwise.h"

namespace rondo::ir {

namespace {

// What a value is on the other side of the walls of fusions.
const Value* source(const Value* value) {
  for (;;) {
    const Op* owner = value->graph->owner;
    if (value->op != nullptr && value->op->row == &ops::fusion)
      value = value->op->regions[0]->results[static_cast<size_t>(value->index)];
    else if (value->op == nullptr && owner != nullptr && owner->row == &ops::fusion)
      value = owner->operands[static_cast<size_t>(value->index)];
    else
      return value;
  }
}

bool is_plus_zero(const Value* value) {
  if (value->op == nullptr || value->op->row != &ops::constant) return false;
  const double number = value->op->number_attr("value").as_double();
  return number == 0 && !std::signbit(number);
}

class Finder {
 public:
  explicit Finder(const Scan& scan) : scan_(scan) {}

  LiveRows run() {
    for (size_t i = 0; i < scan_.carry.size(); ++i) {
      const Value* param = scan_.carry_param(i);
      check(scan_.carry_yield(i), [&](const Value* other) { return other == param; });
    }
    for (size_t k = 0; k < scan_.stacks(); ++k) {
      const Value* yield = scan_.stack_yield(k);
      check(yield, [&](const Value* other) {
        return is_plus_zero(other) || (other == yield && scan_.carry_number(other) >= 0);
      });
    }
    if (alive_ == nullptr) fail("nothing in it is selected by what it goes over");
    for (const auto& op : scan_.body->ops)
      if (!op->regions.empty() && op->row != &ops::fusion) fail("a " + op->row->name + " stands in it");
    if (live_.flaw.empty()) follow_rows();
    return std::move(live_);
  }

 private:
  void fail(std::string flaw) {
    if (live_.flaw.empty()) live_.flaw = std::move(flaw);
  }

  // `passes`: whether a value is what rows get that have ended.
  template <class Passes>
  void check(const Value* yield, Passes&& passes) {
    const Value* value = source(yield);
    rows_.emplace_back(yield, 0);
    if (passes(value)) return;
    if (value->op == nullptr || value->op->row != &ops::select || !passes(source(value->op->operands[2])))
      return fail("a value of type " + yield->type.text() + " is yielded for rows that have ended");
    const Value* alive = without_broadcast(value->op->operands[0]);
    if (alive_ == nullptr) alive_ = alive;
    if (alive != alive_) fail("there are several values that say which rows are alive");
  }

  void follow_rows() {
    while (live_.over < scan_.over.size() && scan_.over_param(live_.over) != alive_) ++live_.over;
    if (live_.over == scan_.over.size() || alive_->type.rank() != 1)
      return fail("what says which rows are alive, " + alive_->type.text() + ", is no over i1[T,B]");
    rows_.emplace_back(alive_, 0);
    live_.dims = find_row_dims(scan_, rows_);
    fail(live_.dims.flaw);
    for (const auto& param : scan_.body->params)
      if (live_.dims.of(param.get()) > 0)
        fail("'" + param->name + "' does not hold rows along its first dim");
  }

  const Scan& scan_;
  const Value* alive_ = nullptr;
  std::vector<std::pair<const Value*, int>> rows_;
  LiveRows live_;
};

}  // namespace

const Value* without_broadcast(const Value* condition) {
  condition = source(condition);
  const Op* op = condition->op;
  if (op == nullptr || op->row != &ops::broadcast || op->ints_attr("dims") != std::vector<int64_t>{0})
    return condition;
  return source(op->operands[0]);
}

LiveRows find_live_rows(const Scan& scan) { return Finder(scan).run(); }

void drop_stale_live(Op& scan) {
  if (scan.has_attr("live") && !find_live_rows(Scan(scan)).flaw.empty()) scan.erase_attr("live");
}

}  // namespace rondo::ir
