// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions, as calls of a dot kernel. Dims of one kind that run on in both arrays are one dim; the kernel
// takes one dim of rows, one of columns and one that is contracted, and loops around the call take the
// others. A descending dim is one of negative strides, from the last element on.
#include <algorithm>

#include "backends/dot_loops.h"
#include "backends/llvm/kernel_emitter.h"
#include "backends/llvm/prebuilt.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

using DotDim = backends::DotDim<Dim>;
using DotDims = backends::DotDims<Dim>;

class DotEmitter {
 public:
  explicit DotEmitter(KernelEmitter& e)
      : e_(e),
        b_(e.b),
        from_(e.op.operands[0]->type.dtype),
        dtype_(e.op.result()->type.dtype),
        loops_(backends::dot_loops(e.op)) {}

  void emit() {
    if (e_.op.has_attr("lanes")) return emit_lanes();
    At first = {e_.index(0), e_.size(loops_.first_in_y), e_.size(loops_.first_out)};
    for (DotDim& dim : loops_.contracted) {
      if (!dim.descending) continue;
      Value* last = e_.size(dim.size - 1);
      first = step(first, last, dim);
      dim.in_x = 0 - dim.in_x;
      dim.in_y = 0 - dim.in_y;
    }
    // The kernel wants columns next to each other in y and in the result. A product commutes, so x may be y.
    if (!has_columns(loops_.columns, &DotDim::in_y) && has_columns(loops_.rows, &DotDim::in_x)) {
      std::swap(loops_.rows, loops_.columns);
      for (DotDims* dims : {&loops_.batch, &loops_.rows, &loops_.columns, &loops_.contracted})
        for (DotDim& dim : *dims) std::swap(dim.in_x, dim.in_y);
      std::swap(x_, y_);
      std::swap(first.x, first.y);
    }
    DotDim columns = {1, 0, 1, 1};
    if (has_columns(loops_.columns, &DotDim::in_y)) columns = take_last(loops_.columns);
    const DotDim rows = take_last(loops_.rows), contracted = take_last(loops_.contracted);
    outer_ = loops_.batch;
    outer_.insert(outer_.end(), loops_.rows.begin(), loops_.rows.end());
    outer_.insert(outer_.end(), loops_.columns.begin(), loops_.columns.end());
    if (ir::start_of_sums(e_.op) != nullptr) copy_start();
    emit_outer(0, first, [&](const At& at) { emit_chain(at, rows, columns, contracted); });
  }

 private:
  struct At {
    Value *x, *y, *out;
  };

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

  // The chains go on from there; it may be the result's memory already.
  void copy_start() {
    Value* apart = b_.CreateICmpNE(e_.operand(2), e_.result(0));
    Value* count = b_.CreateSelect(apart, e_.size(e_.op.result()->type.size()), e_.index(0));
    copy_elements(b_, dtype_, e_.result(0), e_.operand(2), count);
  }

  // Contracted dims that don't run on: the kernel clears the result, then continues the chains call by call.
  void emit_chain(const At& at, const DotDim& rows, const DotDim& columns, const DotDim& contracted) {
    const bool goes_on = ir::start_of_sums(e_.op) != nullptr;
    if (loops_.contracted.empty()) return call(at, rows, columns, contracted, goes_on);
    if (!goes_on) call(at, rows, columns, {0, 0, 0, 0}, false);
    outer_ = loops_.contracted;
    emit_outer(0, at, [&](const At& part) { call(part, rows, columns, contracted, true); });
  }

  // Elements of scratch memory are those of the result.
  std::int64_t scratch_size() const {
    const PrebuiltKernels& table = prebuilt_kernels(e_.target().isa);
    if (from_ == bf16) return table.bf16.scratch_size;
    return from_ == f64 ? table.f64.scratch_size : table.f32.scratch_size;
  }

  void call_kernel(PrebuiltField kernel, llvm::ArrayRef<Value*> args) {
    const unsigned type = from_ == f32 ? 0 : from_ == f64 ? 1 : 2;
    e_.call_prebuilt(type * kDotFields + kernel, args);
  }

  void call(const At& at, const DotDim& rows, const DotDim& columns, const DotDim& contracted,
            bool accumulate) {
    Value* scratch = e_.scratch(scratch_size() * dtype_.bytes());
    call_kernel(
        kDot, {operand(x_, at.x), operand(y_, at.y), result(at.out), e_.size(rows.size),
               e_.size(columns.size), e_.size(contracted.size), e_.size(rows.in_x), e_.size(contracted.in_x),
               e_.size(contracted.in_y), e_.size(rows.out), scratch, e_.index(accumulate)});
  }

  // No columns, and the innermost dims are contracted: rows one after another.
  void emit_lanes() {
    const DotDim row = loops_.rows.empty() ? take_last(loops_.batch) : take_last(loops_.rows);
    const DotDim contracted = take_last(loops_.contracted);
    outer_ = loops_.batch;
    outer_.insert(outer_.end(), loops_.rows.begin(), loops_.rows.end());
    emit_outer(0, {e_.index(0), e_.index(0), e_.index(0)}, [&](const At& at) {
      call_kernel(kLanesDot,
                  {operand(0, at.x), operand(1, at.y), result(at.out), e_.size(row.size),
                   e_.size(contracted.size), e_.size(row.in_x), e_.size(row.in_y), e_.size(row.out)});
    });
  }

  Value* operand(int i, Value* at) {
    return b_.CreateGEP(memory_type(b_.getContext(), from_), e_.operand(i), at);
  }
  Value* result(Value* at) { return b_.CreateGEP(memory_type(b_.getContext(), dtype_), e_.result(0), at); }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  const DType from_, dtype_;  // of the operands, of the result
  backends::DotLoops<Dim> loops_;
  DotDims outer_;
  int x_ = 0, y_ = 1;  // the operands that give rows and columns
};

}  // namespace

void emit_dot(KernelEmitter& e) { DotEmitter(e).emit(); }

}  // namespace rondo::codegen
