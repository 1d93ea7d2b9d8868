// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <string>

#include "ir/graph.h"

namespace rondo::ir {

/// A scan op by its named parts. The view is cheap and goes stale when operands or results are added.
struct Scan {
  explicit Scan(const Op& op)
      : op(&op), body(op.regions[0].get()), over(op.group(0)), carry(op.group(1)), use(op.group(2)) {}

  const Op* op;
  Graph* body;
  std::span<Value* const> over, carry, use;  // operands

  Dim length() const { return op->dim_attr("length"); }
  bool reverse() const { return op->has_attr("reverse"); }

  // Parameters of the body.
  Value* index() const { return body->param(0); }
  Value* over_param(size_t i) const { return body->param(static_cast<int>(1 + i)); }
  Value* carry_param(size_t i) const { return body->param(static_cast<int>(1 + over.size() + i)); }
  Value* use_param(size_t i) const {
    return body->param(static_cast<int>(1 + over.size() + carry.size() + i));
  }

  // What the body yields, and the op's results: carries first, then stacks.
  size_t stacks() const { return body->results.size() - carry.size(); }
  Value* carry_yield(size_t i) const { return body->results[i]; }
  Value* stack_yield(size_t i) const { return body->results[carry.size() + i]; }
  Value* carry_result(size_t i) const { return op->result(static_cast<int>(i)); }
  /// The number of the carry whose parameter a value of the body is; -1 if it is none.
  int carry_number(const Value* value) const {
    const int number = value->index - 1 - static_cast<int>(over.size());
    return value->op == nullptr && number >= 0 && number < static_cast<int>(carry.size()) ? number : -1;
  }
  Value* stack_result(size_t i) const { return op->result(static_cast<int>(carry.size() + i)); }
};

/// Binds more operands, the last of their list, and returns the parameters that the body reads them by. Views go stale.
Values add_overs(Op& scan, const Values& operands, const std::vector<std::string>& names);
/// The same of one operand of the list `use`.
Value* add_use(Op& scan, Value* operand, std::string name = {});

/// Stacks one value more of the body, and returns the stack. Views go stale.
Value* add_stack(Op& scan, Value* value);

}  // namespace rondo::ir
