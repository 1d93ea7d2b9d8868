// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/tensor.h"

#include "frontend/src/broadcast.h"
#include "frontend/src/trace.h"

namespace rondo {

const Type& Tensor::type(Loc loc) const { return detail::Trace::current(loc).value(*this, loc)->type; }

Dim Tensor::dim(int64_t i, Loc loc) const {
  const Type& own = type(loc);
  return own.dims[detail::checked_dim(i, own, "dim", loc)];
}

namespace detail {

namespace {

// What the tensors among the operands agree on.
struct Common {
  DType dtype = f32;
  std::vector<Dim> dims;
};

// The operands' values; nullptr for a number.
ir::Values values_of(Trace& trace, const std::vector<Operand>& operands, Loc loc) {
  ir::Values values;
  for (const Operand& operand : operands) {
    const auto* tensor = std::get_if<Tensor>(&operand.value);
    values.push_back(tensor == nullptr ? nullptr : trace.value(*tensor, loc));
  }
  return values;
}

// Operands before `first_typed` (the condition of a select) have an element type of their own.
Common agree(const std::string& op, const ir::Values& values, size_t first_typed, Loc loc) {
  const ir::Value* typed = nullptr;
  const ir::Value* any = nullptr;
  Common common;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == nullptr) continue;
    if (any != nullptr) {
      common.dims = joined_dims(op, {common.dtype, common.dims}, values[i]->type, loc);
    } else {
      common.dims = values[i]->type.dims;
      any = values[i];
    }
    if (i < first_typed) continue;
    if (typed != nullptr && typed->type.dtype != values[i]->type.dtype)
      fail(loc, op + ": element types differ: " + typed->type.text() + " and " + values[i]->type.text() +
                    "; convert one of them by cast(x, " + std::string(typed->type.dtype.text()) + ")");
    typed = values[i];
    common.dtype = typed->type.dtype;
  }
  if (any == nullptr) fail(loc, op + ": one of the operands must be a tensor");
  return common;
}

ir::Value* operand_value(ir::Builder& b, const std::string& op, const Operand& operand, ir::Value* value,
                         const Type& wanted, Loc loc) {
  if (value != nullptr) return broadcast_value(b, value, wanted.dims, op, loc);
  const ir::Number literal = checked_literal(std::get<ir::Number>(operand.value), wanted.dtype, op, loc);
  return b.constant(wanted, literal);
}

// Operands brought to common dims and, from `first_typed` on, to one element type.
ir::Values prepared(ir::Builder& b, const std::string& op, const std::vector<Operand>& operands,
                    size_t first_typed, Loc loc) {
  ir::Values values = values_of(Trace::current(loc), operands, loc);
  const Common common = agree(op, values, first_typed, loc);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] =
        operand_value(b, op, operands[i], values[i], {i < first_typed ? i1 : common.dtype, common.dims}, loc);
  return values;
}

std::string element_types(const ir::ElementMath& math) {
  std::string text;
  for (const DType dtype : {f32, f64, bf16, i32, i64, i1})
    if (math.takes(dtype)) text += (text.empty() ? "" : ", ") + std::string(dtype.text());
  return text;
}

}  // namespace

Tensor elementwise(std::string_view name, std::initializer_list<Operand> operands, Loc loc) {
  Trace& trace = Trace::current(loc);
  ir::Builder b = trace.builder(loc);
  const std::string op(name.substr(0, name.find_last_not_of('_') + 1));
  const ir::OpRow& row = *ir::find_row(op);
  ir::Values values = prepared(b, op, operands, row.math.first_is_condition ? 1 : 0, loc);
  const Type& type = values.back()->type;
  if (!row.math.takes(type.dtype))
    fail(loc, op + ": it takes " + element_types(row.math) + ", found " + type.text() +
                  "; convert it by cast(x, " + std::string(row.math.takes(f32) ? "f32" : "i64") + ")");
  if (row.math.first_is_condition && values[0]->type.dtype != i1)
    fail(loc,
         op + ": the condition must be i1, found " + values[0]->type.text() + "; compare it, as in x > 0");
  return trace.tensor(b.emit(row, std::move(values))->result());
}

Tensor compare(const char* word, Operand x, Operand y, Loc loc) {
  Trace& trace = Trace::current(loc);
  ir::Builder b = trace.builder(loc);
  const ir::Values values = prepared(b, word, {x, y}, 0, loc);
  return trace.tensor(b.compare(word, values[0], values[1]));
}

}  // namespace detail
}  // namespace rondo
