// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel behind transposes that move the innermost dim. It goes by tiles of 8 x 8 elements, which are read row
// by row, turned in registers and written row by row; what tiles leave over goes element by element.
#include "backends/llvm/codegen/transpose_kernel.h"

#include "backends/llvm/codegen/builder_llvm.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

constexpr int kTile = 8;

class TransposeGenerator {
 public:
  TransposeGenerator(const CodeModule& code, std::string_view name, std::int64_t bytes)
      : b_(code.context()), element_(b_.getIntNTy(static_cast<unsigned>(8 * bytes))), align_(bytes) {
    llvm::Type *pointer = b_.getPtrTy(), *index = b_.getInt64Ty();
    Values args;
    begin_function(b_, code.module(), llvm::StringRef(name), {pointer, pointer, index, index, index, index},
                   llvm::Function::ExternalLinkage, args);
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
    llvm::Type* line = size == 1 ? element_ : llvm::FixedVectorType::get(element_, size);
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

}  // namespace

void emit_transpose_kernel(const CodeModule& code, std::int64_t bytes, std::string_view name) {
  TransposeGenerator(code, name, bytes).emit();
}

}  // namespace rondo::codegen
