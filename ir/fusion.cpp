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

bool is_concat(const Op* op) { return op != nullptr && op->row == &ops::concat; }

}  // namespace

bool is_view(const Op& op) {
  if (op.row == &ops::reshape)
    return without_units(op.operands[0]->type.dims) == without_units(op.result()->type.dims);
  static constexpr std::array views = {&ops::slice, &ops::split, &ops::broadcast, &ops::transpose};
  return std::find(views.begin(), views.end(), op.row) != views.end();
}

std::string fusion_flaw(const Graph& body) {
  for (const auto& op : body.ops) {
    const bool fits =
        op->row->is_elementwise() || op->row->family == Family::kMake || is_view(*op) || is_concat(op.get());
    if (!fits) return op->row->name + " can't stand in a loop over elements";
    for (const Value* operand : op->operands)
      if (is_concat(operand->op)) return op->row->name + " reads a concat of the same loop";
  }
  return "";
}

}  // namespace rondo::ir
