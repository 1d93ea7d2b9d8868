// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/fusion.h"

#include <algorithm>
#include <array>
#include <vector>

#include "ir/op_row.h"

namespace rondo::ir {

namespace {

std::vector<Dim> without_units(std::vector<Dim> dims) {
  std::erase_if(dims, [](Dim dim) { return dim.is_constant(1); });
  return dims;
}

}  // namespace

bool is_view(const Op& op) {
  if (op.row == &ops::reshape)
    return without_units(op.operands[0]->type.dims) == without_units(op.result()->type.dims);
  static constexpr std::array views = {&ops::slice, &ops::split, &ops::broadcast, &ops::transpose};
  return std::find(views.begin(), views.end(), op.row) != views.end();
}

bool is_reduction(const Op& op) {
  return op.row == &ops::reduce_sum || op.row == &ops::reduce_max || op.row == &ops::reduce_min;
}

bool is_total(const Op& op) {
  if (!is_reduction(op)) return false;
  const Type& x = op.operands[0]->type;
  const auto dims = op.ints_attr("dims");
  if (op.operands.size() > 1 || op.has_attr("descending") || dims.empty() || x.dims.back().is_constant(1))
    return false;
  return x.dtype != bf16 || (dims.size() == 1 && dims[0] == x.rank() - 1);
}

bool ends_loop(const Op& op) { return op.row == &ops::concat || is_total(op); }

std::string fusion_flaw(const Graph& body) {
  for (const auto& op : body.ops) {
    const bool fits =
        op->row->is_elementwise() || op->row->family == Family::kMake || is_view(*op) || ends_loop(*op);
    if (!fits) return op->row->name + " can't stand in a loop over elements";
    for (const Value* operand : op->operands)
      if (operand->op != nullptr && ends_loop(*operand->op))
        return op->row->name + " reads a " + operand->op->row->name + " of the same loop";
  }
  return "";
}

}  // namespace rondo::ir
