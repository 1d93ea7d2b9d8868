// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions, as calls of a dot kernel. Dims of one kind that run on in both arrays are one dim; the kernel
// takes one dim of rows, one of columns and one that is contracted, and loops around the call take the
// others.
#include <algorithm>

#include "backends/llvm/dot_kernel.h"
#include "backends/llvm/kernel_emitter.h"
#include "ir/ops/support.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

// A dim and how far apart its elements are in x, y and the result; 0 where it isn't.
struct DotDim {
  Dim size, in_x, in_y, out;
};
using DotDims = std::vector<DotDim>;

std::vector<Dim> strides_of(const Type& type) {
  std::vector<Dim> strides(type.dims.size(), 1);
  for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * type.dims[i];
  return strides;
}

// Drops dims of size 1 and joins those that run on.
DotDims merged(const DotDims& dims) {
  DotDims result;
  for (const DotDim& dim : dims) {
    if (dim.size == 1) continue;
    const bool runs_on = !result.empty() && result.back().in_x == dim.in_x * dim.size &&
                         result.back().in_y == dim.in_y * dim.size && result.back().out == dim.out * dim.size;
    const Dim size = runs_on ? result.back().size * dim.size : dim.size;
    if (runs_on) result.pop_back();
    result.push_back({size, dim.in_x, dim.in_y, dim.out});
  }
  return result;
}

class DotEmitter {
 public:
  explicit DotEmitter(KernelEmitter& e) : e_(e), b_(e.b), dtype_(e.op.result()->type.dtype) { find_dims(); }

  void emit() {
    if (e_.op.has_attr("lanes")) return emit_lanes();
    // The kernel wants columns next to each other in y and in the result. A product commutes, so x may be y.
    if (!has_columns(columns_, &DotDim::in_y) && has_columns(rows_, &DotDim::in_x)) {
      std::swap(rows_, columns_);
      for (DotDims* dims : {&batch_, &rows_, &columns_, &contracted_})
        for (DotDim& dim : *dims) std::swap(dim.in_x, dim.in_y);
      std::swap(x_, y_);
    }
    DotDim columns = {1, 0, 1, 1};
    if (has_columns(columns_, &DotDim::in_y)) columns = take_last(columns_);
    const DotDim rows = take_last(rows_), contracted = take_last(contracted_);
    outer_ = batch_;
    outer_.insert(outer_.end(), rows_.begin(), rows_.end());
    outer_.insert(outer_.end(), columns_.begin(), columns_.end());
    emit_outer(0, {e_.index(0), e_.index(0), e_.index(0)},
               [&](const At& at) { emit_chain(at, rows, columns, contracted); });
  }

 private:
  struct At {
    Value *x, *y, *out;
  };

  void find_dims() {
    const ir::Op& op = e_.op;
    const Type &x = op.operands[0]->type, &y = op.operands[1]->type;
    const auto in_x = strides_of(x), in_y = strides_of(y), out = strides_of(op.result()->type);
    const auto contract_x = op.ints_attr("contract", 0), contract_y = op.ints_attr("contract", 1);
    std::vector<int64_t> batch_x, batch_y;
    if (op.has_attr("batch")) batch_x = op.ints_attr("batch", 0), batch_y = op.ints_attr("batch", 1);
    size_t next = 0;  // dim of the result
    for (size_t i = 0; i < contract_x.size(); ++i)
      contracted_.push_back({x.dims[contract_x[i]], in_x[contract_x[i]], in_y[contract_y[i]], 0});
    for (size_t i = 0; i < batch_x.size(); ++i)
      batch_.push_back({x.dims[batch_x[i]], in_x[batch_x[i]], in_y[batch_y[i]], out[next++]});
    for (int64_t i = 0; i < x.rank(); ++i)
      if (!ir::contains(contract_x, i) && !ir::contains(batch_x, i))
        rows_.push_back({x.dims[i], in_x[i], 0, out[next++]});
    for (int64_t i = 0; i < y.rank(); ++i)
      if (!ir::contains(contract_y, i) && !ir::contains(batch_y, i))
        columns_.push_back({y.dims[i], 0, in_y[i], out[next++]});
    for (DotDims* dims : {&batch_, &rows_, &columns_, &contracted_}) *dims = merged(*dims);
  }

  static bool has_columns(const DotDims& dims, Dim DotDim::* in) {
    return !dims.empty() && dims.back().*in == 1 && dims.back().out == 1;
  }

  // The innermost dim leaves the list; a list without dims counts as one of size 1.
  static DotDim take_last(DotDims& dims) {
    if (dims.empty()) return {1, 0, 0, 0};
    const DotDim last = dims.back();
    dims.pop_back();
    return last;
  }

  void emit_outer(size_t level, const At& at, llvm::function_ref<void(const At&)> body) {
    if (level == outer_.size()) return body(at);
    e_.loop(outer_[level].size, [&](Value* i) { emit_outer(level + 1, step(at, i, outer_[level]), body); });
  }

  At step(const At& at, Value* i, const DotDim& dim) {
    return {advance(at.x, i, dim.in_x), advance(at.y, i, dim.in_y), advance(at.out, i, dim.out)};
  }
  Value* advance(Value* offset, Value* i, Dim stride) {
    return stride == 0 ? offset : b_.CreateAdd(offset, b_.CreateMul(i, e_.size(stride)));
  }

  // Contracted dims that don't run on: the kernel clears the result, then continues the chains call by call.
  void emit_chain(const At& at, const DotDim& rows, const DotDim& columns, const DotDim& contracted) {
    if (contracted_.empty()) return call(at, rows, columns, contracted, false);
    call(at, rows, columns, {0, 0, 0, 0}, false);
    outer_ = contracted_;
    emit_outer(0, at, [&](const At& part) { call(part, rows, columns, contracted, true); });
  }

  runtime::ElementType element_type() const {
    return dtype_ == f64 ? runtime::ElementType::f64 : runtime::ElementType::f32;
  }
  llvm::Function* kernel() {
    const std::string name = "dot_" + std::string(dtype_.text());
    return e_.helper(
        name, [&](const CodeModule& code) { emit_dot_kernel(code, e_.target(), element_type(), name); });
  }
  llvm::Function* lanes_kernel() {
    const std::string name = "lanes_dot_" + std::string(dtype_.text());
    return e_.helper(name, [&](const CodeModule& code) {
      emit_lanes_dot_kernel(code, e_.target(), element_type(), name);
    });
  }

  void call(const At& at, const DotDim& rows, const DotDim& columns, const DotDim& contracted,
            bool accumulate) {
    Value* scratch = e_.scratch(dot_scratch_size(e_.target(), element_type()) * dtype_.bytes());
    b_.CreateCall(kernel(), {address(e_.operand(x_), at.x), address(e_.operand(y_), at.y),
                             address(e_.result(0), at.out), e_.size(rows.size), e_.size(columns.size),
                             e_.size(contracted.size), e_.size(rows.in_x), e_.size(contracted.in_x),
                             e_.size(contracted.in_y), e_.size(rows.out), scratch, e_.index(accumulate)});
  }

  // No columns, and the innermost dims are contracted: rows one after another.
  void emit_lanes() {
    const DotDim row = rows_.empty() ? take_last(batch_) : take_last(rows_);
    const DotDim contracted = take_last(contracted_);
    outer_ = batch_;
    outer_.insert(outer_.end(), rows_.begin(), rows_.end());
    emit_outer(0, {e_.index(0), e_.index(0), e_.index(0)}, [&](const At& at) {
      b_.CreateCall(lanes_kernel(),
                    {address(e_.operand(0), at.x), address(e_.operand(1), at.y),
                     address(e_.result(0), at.out), e_.size(row.size), e_.size(contracted.size),
                     e_.size(row.in_x), e_.size(row.in_y), e_.size(row.out)});
    });
  }

  Value* address(Value* base, Value* at) {
    return b_.CreateGEP(memory_type(b_.getContext(), dtype_), base, at);
  }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  const DType dtype_;
  DotDims batch_, rows_, columns_, contracted_, outer_;
  int x_ = 0, y_ = 1;  // the operands that give rows and columns
};

}  // namespace

void emit_dot(KernelEmitter& e) { DotEmitter(e).emit(); }

}  // namespace rondo::codegen
