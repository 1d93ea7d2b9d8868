// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A transpose that moves the innermost dim, as calls of a prebuilt kernel for matrices.
#include <bit>

#include "backends/llvm/kernel_emitter.h"
#include "passes/fusion_plan.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

class TransposeEmitter {
 public:
  TransposeEmitter(KernelEmitter& e, const passes::Nest& nest, size_t contiguous)
      : e_(e), nest_(nest), contiguous_(contiguous), last_(nest.dims.size() - 1) {}

  void emit() { emit_outer(0, e_.index(0), e_.index(0)); }

 private:
  void emit_outer(size_t level, Value* in, Value* out) {
    if (level == last_) return call_kernel(in, out);
    if (level == contiguous_) return emit_outer(level + 1, in, out);
    e_.loop(nest_.dims[level], [&](Value* i) {
      emit_outer(level + 1, step(in, i, from().strides[level]), step(out, i, to().strides[level]));
    });
  }

  // The operand's rows lie along the loop that the result is contiguous in.
  void call_kernel(Value* in, Value* out) {
    const auto bytes = static_cast<std::uint64_t>(e_.op.result()->type.dtype.bytes());
    e_.call_prebuilt(kTransposes + std::countr_zero(bytes),
                     {address(e_.operand(0), in), address(e_.result(0), out), e_.size(nest_.dims[last_]),
                      e_.size(nest_.dims[contiguous_]), e_.size(from().strides[last_]),
                      e_.size(to().strides[contiguous_])});
  }

  const passes::Place& from() const { return nest_.steps[0].at; }
  const passes::Place& to() const { return nest_.writes[0].at; }
  Value* step(Value* offset, Value* i, Dim stride) {
    return e_.b.CreateAdd(offset, e_.b.CreateMul(i, e_.size(stride)));
  }
  Value* address(Value* array, Value* at) {
    return e_.b.CreateGEP(memory_type(e_.b.getContext(), e_.op.result()->type.dtype), array, at);
  }

  KernelEmitter& e_;
  const passes::Nest& nest_;
  const size_t contiguous_,
      last_;  // loops: where the operand's elements, and where the result's, are neighbours
};

}  // namespace

void emit_transpose(KernelEmitter& e) {
  const passes::Nest nest = passes::plan_fusion(e.op)[0];
  const std::vector<Dim>& strides = nest.steps[0].at.strides;
  for (size_t loop = 0; loop + 1 < nest.dims.size(); ++loop)
    if (strides[loop] == 1 && strides.back() != 1) return TransposeEmitter(e, nest, loop).emit();
  emit_fusion(e);
}

}  // namespace rondo::codegen
