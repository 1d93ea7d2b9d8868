// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A transpose that moves the innermost dim. A helper turns matrices of any size by tiles of 8 x 8 elements,
// which are read row by row, turned in registers and written row by row; what tiles leave over goes element
// by element.
#include <string>

#include "backends/llvm/kernel_emitter.h"
#include "passes/fusion_plan.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

constexpr int kTile = 8;

// void transpose_N(ptr in, ptr out, i64 rows, i64 columns, i64 in_stride, i64 out_stride), for elements of N
// bytes: element [row, column] of in lies at row * in_stride + column, of out at column * out_stride + row.
class HelperEmitter {
 public:
  HelperEmitter(const CodeModule& code, const std::string& name, std::int64_t bytes)
      : b_(code.context()), element_(b_.getIntNTy(static_cast<unsigned>(8 * bytes))), align_(bytes) {
    llvm::Type *pointer = b_.getPtrTy(), *index = b_.getInt64Ty();
    Values args;
    begin_function(b_, code.module(), name, {pointer, pointer, index, index, index, index},
                   llvm::Function::InternalLinkage, args);
    in_ = args[0], out_ = args[1], rows_ = args[2], columns_ = args[3], in_stride_ = args[4],
    out_stride_ = args[5];
  }

  // Tiles, then the columns beside them, then the rows below.
  void emit() {
    Value *tiled_rows = b_.CreateAnd(rows_, number(-kTile)),
          *tiled_columns = b_.CreateAnd(columns_, number(-kTile));
    emit_square(number(0), tiled_rows, number(0), tiled_columns, kTile);
    emit_square(number(0), tiled_rows, tiled_columns, columns_, 1);
    emit_square(tiled_rows, rows_, number(0), columns_, 1);
    b_.CreateRetVoid();
  }

 private:
  Value* number(std::int64_t value) { return b_.getInt64(value); }

  void emit_square(Value* row, Value* row_end, Value* column, Value* column_end, int size) {
    emit_loop(b_, row, row_end, number(size), [&](Value* r) {
      emit_loop(b_, column, column_end, number(size), [&](Value* c) { emit_tile(r, c, size); });
    });
  }

  void emit_tile(Value* row, Value* column, int size) {
    llvm::Type* line = lanes_of(element_, size);
    Values lines;
    for (int k = 0; k < size; ++k)
      lines.push_back(b_.CreateAlignedLoad(line, address(in_, row, k, in_stride_, column), align_));
    if (size > 1) lines = turned(lines);
    for (int k = 0; k < size; ++k)
      b_.CreateAlignedStore(lines[k], address(out_, column, k, out_stride_, row), align_);
  }

  Value* address(Value* array, Value* line, int nth, Value* stride, Value* at) {
    Value* offset = b_.CreateMul(b_.CreateAdd(line, number(nth)), stride);
    return b_.CreateGEP(element_, array, b_.CreateAdd(offset, at));
  }

  // After the round for `distance`, the squares of that size stand where they belong.
  Values turned(Values lines) {
    for (int distance = kTile / 2; distance > 0; distance /= 2) {
      llvm::SmallVector<int> low, high;
      for (int lane = 0; lane < kTile; ++lane) {
        const bool from_second = (lane & distance) != 0;
        low.push_back(from_second ? kTile + lane - distance : lane);
        high.push_back(from_second ? kTile + lane : lane + distance);
      }
      for (int k = 0; k < kTile; ++k) {
        if ((k & distance) != 0) continue;
        Value *first = lines[k], *second = lines[k + distance];
        lines[k] = b_.CreateShuffleVector(first, second, low);
        lines[k + distance] = b_.CreateShuffleVector(first, second, high);
      }
    }
    return lines;
  }

  llvm::IRBuilder<> b_;
  llvm::Type* element_;
  const llvm::Align align_;
  Value *in_, *out_, *rows_, *columns_, *in_stride_, *out_stride_;
};

class TransposeEmitter {
 public:
  TransposeEmitter(KernelEmitter& e, const passes::Nest& nest, size_t contiguous)
      : e_(e), nest_(nest), contiguous_(contiguous), last_(nest.dims.size() - 1) {}

  void emit() { emit_outer(0, e_.index(0), e_.index(0)); }

 private:
  void emit_outer(size_t level, Value* in, Value* out) {
    if (level == last_) return call_helper(in, out);
    if (level == contiguous_) return emit_outer(level + 1, in, out);
    e_.loop(nest_.dims[level], [&](Value* i) {
      emit_outer(level + 1, step(in, i, from().strides[level]), step(out, i, to().strides[level]));
    });
  }

  // The operand's rows lie along the loop that the result is contiguous in.
  void call_helper(Value* in, Value* out) {
    const std::int64_t bytes = e_.op.result()->type.dtype.bytes();
    const std::string name = "transpose_" + std::to_string(bytes);
    llvm::Function* helper =
        e_.helper(name, [&](const CodeModule& code) { HelperEmitter(code, name, bytes).emit(); });
    e_.b.CreateCall(helper, {address(e_.operand(0), in), address(e_.result(0), out),
                             e_.size(nest_.dims[last_]), e_.size(nest_.dims[contiguous_]),
                             e_.size(from().strides[last_]), e_.size(to().strides[contiguous_])});
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
