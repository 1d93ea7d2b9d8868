// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// bf16 in registers: an i16 as it is stored, an f32 where it is computed with. The bits of ir/bfloat16.h. (The
// instruction vcvtneps2bf16 has others: it takes denormals for zeros.)
#include "backends/llvm/kernel_emitter.h"

namespace rondo::codegen {

namespace {

using llvm::Value;
using Builder = llvm::IRBuilder<>;

// As many lanes of another element.
llvm::Type* like(const Value* x, llvm::Type* element) { return x->getType()->getWithNewType(element); }
Value* integer(const Value* like, std::int64_t value) {
  return llvm::ConstantInt::getSigned(like->getType(), value);
}

// The f64 cut to f32, its last bit set if that lost anything: rounding this again is rounding once.
Value* to_odd(Builder& b, Value* x) {
  Value* nearest = b.CreateFPTrunc(x, like(x, b.getFloatTy()));
  Value* back = b.CreateFPExt(nearest, x->getType());
  const auto magnitude = [&](Value* y) { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, y); };
  Value* bits = b.CreateBitCast(nearest, like(x, b.getInt32Ty()));
  Value* above = b.CreateZExt(b.CreateFCmpOGT(magnitude(back), magnitude(x)), bits->getType());
  Value* odd = b.CreateOr(b.CreateSub(bits, above), integer(bits, 1));
  return b.CreateBitCast(b.CreateSelect(b.CreateFCmpONE(back, x), odd, bits), nearest->getType());
}

// Bits far below the last that counts are folded into one, so that a double holds the rest.
Value* to_f64(Builder& b, Value* x) {
  if (x->getType()->getScalarSizeInBits() == 64) {
    constexpr std::int64_t kSmall = std::int64_t{1} << 40, kLow = 0xfff, kLost = 0x800;
    Value* small = b.CreateICmpULT(b.CreateAdd(x, integer(x, kSmall)), integer(x, 2 * kSmall));
    Value* low = b.CreateAnd(x, integer(x, kLow));
    Value* lost = b.CreateSelect(b.CreateICmpEQ(low, integer(x, 0)), integer(x, 0), integer(x, kLost));
    x = b.CreateSelect(small, x, b.CreateOr(b.CreateXor(x, low), lost));
  }
  return b.CreateSIToFP(x, like(x, b.getDoubleTy()));
}

}  // namespace

DType computed(DType dtype) { return dtype == bf16 ? f32 : dtype; }

Value* to_computed(Builder& b, DType dtype, Value* stored) {
  if (dtype != bf16) return stored;
  Value* bits = b.CreateZExt(stored, like(stored, b.getInt32Ty()));
  return b.CreateBitCast(b.CreateShl(bits, integer(bits, 16)), like(stored, b.getFloatTy()));
}

Value* to_stored(Builder& b, DType dtype, Value* computed) {
  return dtype == bf16 ? round_to_bf16(b, computed) : computed;
}

Value* round_to_bf16(Builder& b, Value* x) {
  llvm::Type* element = x->getType()->getScalarType();
  if (element->isIntegerTy(1))
    x = b.CreateUIToFP(x, like(x, b.getFloatTy()));
  else if (element->isIntegerTy())
    x = to_odd(b, to_f64(b, x));
  else if (element->isDoubleTy())
    x = to_odd(b, x);
  Value* bits = b.CreateBitCast(x, like(x, b.getInt32Ty()));
  Value* last = b.CreateAnd(b.CreateLShr(bits, integer(bits, 16)), integer(bits, 1));
  Value* nearest = b.CreateAdd(b.CreateAdd(bits, integer(bits, 0x7fff)), last);
  Value* nan = b.CreateOr(bits, integer(bits, 0x400000));
  Value* rounded = b.CreateSelect(b.CreateFCmpUNO(x, x), nan, nearest);
  return b.CreateTrunc(b.CreateLShr(rounded, integer(bits, 16)), like(x, b.getInt16Ty()));
}

}  // namespace rondo::codegen
