// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion_rules.h"

#include <algorithm>

#include "ir/fusion.h"
#include "ir/op_row.h"
#include "passes/fusion_plan.h"

namespace rondo::passes {

namespace {

// The innermost dim stays: along it, memory is read as it lies.
bool keeps_rows(const ir::Op& transpose) {
  const auto perm = transpose.ints_attr("perm");
  return perm.empty() || perm.back() == static_cast<int64_t>(perm.size()) - 1;
}

// A loop has code for every piece that it writes, and a copy of a split holds all parts.
constexpr size_t kMaxParts = 64;

bool has_equal_pieces(const ir::Op& concat) {
  return concat.operands.size() <= kMaxParts &&
         std::all_of(concat.operands.begin(), concat.operands.end(), [&](const ir::Value* piece) {
           return piece->type.dims == concat.operands[0]->type.dims;
         });
}

}  // namespace

bool can_fuse(const ir::Op& op) {
  if (op.row->is_elementwise() || op.row->family == ir::Family::kMake) return true;
  if (op.row == &ir::ops::transpose) return keeps_rows(op);
  if (op.row == &ir::ops::concat) return has_equal_pieces(op);
  if (ir::is_total(op)) return true;
  return ir::is_view(op) && op.results.size() <= kMaxParts;
}

const std::vector<Dim>& iteration_dims(const ir::Value& value) {
  const bool ends_loop = value.op != nullptr && ir::ends_loop(*value.op);
  return ends_loop ? value.op->operands[0]->type.dims : value.type.dims;
}

bool may_write_in_place(const ir::Op& op, int operand, int result) {
  const ir::Value* shared = op.operands[operand];
  if (op.row->updates >= 0)
    return operand == op.row->updates && std::count(op.operands.begin(), op.operands.end(), shared) == 1;
  if (!op.row->is_elementwise() && op.row != &ir::ops::fusion) return false;
  const Type &from = shared->type, &to = op.result(result)->type;
  if (from.dims != to.dims || from.dtype.bytes() != to.dtype.bytes()) return false;
  for (const Nest& nest : plan_fusion(op))
    for (const Step& step : nest.steps) {
      if (step.input < 0 || op.operands[step.input] != shared) continue;
      const auto writes_there = [&](const Write& write) {
        return write.result == result && write.at == step.at && write.total == nullptr;
      };
      if (std::none_of(nest.writes.begin(), nest.writes.end(), writes_there)) return false;
    }
  return true;
}

}  // namespace rondo::passes
