// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/batch.h"

#include <numeric>

#include "ir/builder.h"
#include "ir/ops/support.h"

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

}  // namespace rondo::ir
