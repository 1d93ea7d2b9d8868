// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/batch.h"

#include <numeric>

#include "ir/builder.h"
#include "ir/ops/support.h"
#include "ir/row_dims.h"

namespace rondo::ir {

std::vector<Dim> Batched::dims(const std::vector<Dim>& inner) const {
  std::vector<Dim> result = {size};
  result.insert(result.end(), inner.begin(), inner.end());
  return result;
}

Value* Batched::spread(size_t i) const {
  Value* value = values[i];
  if (batched[i]) return value;
  if (value->op != nullptr && value->op->row == &ops::constant)
    return b.constant({value->type.dtype, dims(value->type.dims)}, value->op->number_attr("value"));
  std::vector<int64_t> behind(value->type.dims.size());
  std::iota(behind.begin(), behind.end(), 1);
  return b.broadcast(value, behind, dims(value->type.dims));
}

namespace {

Values batch_elementwise(const Op& op, const Batched& x) {
  Values operands;
  for (size_t i = 0; i < x.values.size(); ++i) operands.push_back(x.spread(i));
  std::vector<Type> declared;
  if (op.row->declared_results) declared.push_back({op.result()->type.dtype, x.dims(op.result()->type.dims)});
  return {x.b.emit(*op.row, std::move(operands), op.attrs, std::move(declared))->result()};
}

}  // namespace

Values batch_op(const Op& op, const Batched& x) {
  if (op.row->batch != nullptr) return op.row->batch(op, x);
  return op.row->is_elementwise() ? batch_elementwise(op, x) : Values{};
}

Type batched_type(Type type, Dim size) {
  type.dims.insert(type.dims.begin(), size);
  return type;
}

bool can_batch(const Op& op, const std::vector<bool>& batched, Dim size) {
  const auto has_flaw = [&](const Type& type) { return !batched_type(type, size).flaw().empty(); };
  for (const auto& result : op.results)
    if (has_flaw(result->type)) return false;
  Graph scratch(op.graph->function);
  Builder b(scratch, op.loc);
  Batched x{b, {}, batched, size};
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Type& type = op.operands[i]->type;
    if (has_flaw(type)) return false;
    x.values.push_back(scratch.add_param(batched[i] ? batched_type(type, size) : type));
  }
  return !batch_op(op, x).empty();
}

Values unbatch_op(const Op& op, const AtOneTime& x) {
  if (op.row->unbatch != nullptr) return op.row->unbatch(op, x);
  if (!op.row->is_elementwise()) return {};
  std::vector<Type> declared;
  const Type& all = op.result()->type;
  if (op.row->declared_results) declared.push_back({all.dtype, x.dims(all.dims)});
  return {x.b.emit(*op.row, x.values, op.attrs, std::move(declared))->result()};
}

bool can_unbatch(const Op& op, const std::vector<bool>& batched) {
  const auto is_linked = [&](const RowLink& link) {
    for (size_t i = 0; i < batched.size(); ++i)
      if (link.operands[i] != (batched[i] ? 0 : -1)) return false;
    return std::ranges::all_of(link.results, [](int dim) { return dim == 0; });
  };
  if (!op.regions.empty() || !std::ranges::any_of(row_links(op), is_linked)) return false;
  Graph scratch(op.graph->function);
  Builder b(scratch, op.loc);
  AtOneTime x{b, {}, batched};
  for (size_t i = 0; i < op.operands.size(); ++i) {
    Type type = op.operands[i]->type;
    if (batched[i]) type.dims.erase(type.dims.begin());
    x.values.push_back(scratch.add_param(std::move(type)));
  }
  return !unbatch_op(op, x).empty();
}

}  // namespace rondo::ir
