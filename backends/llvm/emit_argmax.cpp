// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a dim is greatest. Along the innermost dim each lane of a vector searches its share of a row, and the
// lanes are compared in the end; along any other, a lane searches a column of its own. A search starts from
// the least element: if nothing is greater, or there is nothing, the answer is 0.
#include <llvm/ADT/STLExtras.h>

#include <limits>

#include "backends/llvm/kernel_emitter.h"

namespace rondo::codegen {

namespace {

using llvm::Value;
using Span = KernelEmitter::Span;

class ArgmaxEmitter {
 public:
  explicit ArgmaxEmitter(KernelEmitter& e)
      : e_(e),
        b_(e.b),
        x_(e.op.operands[0]->type),
        lanes_(vector_lanes(e.target(), i32)),
        count_(x_.dims[e.op.int_attr("dim")]) {
    const auto dim = x_.dims.begin() + e.op.int_attr("dim");
    outer_ = product({x_.dims.begin(), dim});
    inner_ = product({dim + 1, x_.dims.end()});
  }

  void emit() {
    e_.loop(outer_, [&](Value* o) {
      Value* in = b_.CreateMul(o, e_.size(count_ * inner_));
      if (inner_ == 1) return store_elements(b_, i32, search_row(in), e_.result(0), o, 1);
      Value* out = b_.CreateMul(o, e_.size(inner_));
      e_.vector_loop(inner_, lanes_, [&](const Span& span) {
        Value* best = search_columns(b_.CreateAdd(in, span.i), span);
        store_elements(b_, i32, best, e_.result(0), b_.CreateAdd(out, span.i), span.lanes, span.mask);
      });
    });
  }

 private:
  struct Best {
    Value *index, *value;
  };

  Value* search_columns(Value* in, const Span& span) {
    const Values start = {integer(0, span.lanes),
                          least_element(b_.getContext(), computed(x_.dtype), span.lanes)};
    return emit_loop(b_, e_.index(0), e_.size(count_), e_.index(1), start,
                     [&](Value* k, llvm::ArrayRef<Value*> carried) {
                       Value* at = b_.CreateAdd(in, b_.CreateMul(k, e_.size(inner_)));
                       Value* value = load_elements(b_, x_.dtype, e_.operand(0), at, span.lanes, span.mask);
                       value = to_computed(b_, x_.dtype, value);
                       return better({carried[0], carried[1]}, {spread(k, span.lanes), value}, nullptr);
                     })[0];
  }

  // Lanes that have found nothing yet hold the greatest index, so that they lose a tie.
  Value* search_row(Value* in) {
    Value* least = least_element(b_.getContext(), computed(x_.dtype), lanes_);
    Value* stored_least = least_element(b_.getContext(), x_.dtype, lanes_);
    Value* none = integer(std::numeric_limits<std::int32_t>::max(), lanes_);
    Value* step = b_.CreateStepVector(none->getType());
    const Values found = emit_loop(
        b_, e_.index(0), e_.size(count_), e_.index(lanes_), {none, least},
        [&](Value* k, llvm::ArrayRef<Value*> carried) {
          Value* mask = emit_lane_mask(b_, lanes_, b_.CreateSub(e_.size(count_), k));
          llvm::Type* element = register_type(b_.getContext(), x_.dtype);
          Value* address = b_.CreateGEP(element, e_.operand(0), b_.CreateAdd(in, k));
          Value* value = b_.CreateMaskedLoad(stored_least->getType(), address, llvm::Align(x_.dtype.bytes()),
                                             mask, stored_least);
          value = to_computed(b_, x_.dtype, value);
          return better({carried[0], carried[1]}, {b_.CreateAdd(spread(k, lanes_), step), value}, nullptr);
        });
    Best best = {found[0], found[1]};
    for (int half = lanes_ / 2; half > 0; half /= 2) {
      const auto low = llvm::to_vector(llvm::seq(0, half)), high = llvm::to_vector(llvm::seq(half, 2 * half));
      const Best first = {b_.CreateShuffleVector(best.index, low), b_.CreateShuffleVector(best.value, low)};
      const Best second = {b_.CreateShuffleVector(best.index, high),
                           b_.CreateShuffleVector(best.value, high)};
      const Values winner = better(first, second, b_.CreateICmpSLT(second.index, first.index));
      best = {winner[0], winner[1]};
    }
    Value* index = b_.CreateExtractElement(best.index, std::uint64_t{0});
    Value* nothing = b_.CreateICmpEQ(index, b_.getInt32(std::numeric_limits<std::int32_t>::max()));
    return b_.CreateSelect(nothing, b_.getInt32(0), index);
  }

  // The second if it is greater, or NaN when the first is not; at a tie, if `wins_tie`.
  Values better(const Best& first, const Best& second, Value* wins_tie) {
    Value *x = first.value, *y = second.value;
    Value *greater, *tie;
    if (x_.dtype.is_float()) {
      Value *x_is_nan = b_.CreateFCmpUNO(x, x), *y_is_nan = b_.CreateFCmpUNO(y, y);
      greater = b_.CreateOr(b_.CreateFCmpOGT(y, x), b_.CreateAnd(y_is_nan, b_.CreateNot(x_is_nan)));
      tie = b_.CreateOr(b_.CreateFCmpOEQ(y, x), b_.CreateAnd(y_is_nan, x_is_nan));
    } else {
      greater = b_.CreateICmpSGT(y, x);
      tie = b_.CreateICmpEQ(y, x);
    }
    Value* wins = wins_tie ? b_.CreateOr(greater, b_.CreateAnd(tie, wins_tie)) : greater;
    return {b_.CreateSelect(wins, second.index, first.index), b_.CreateSelect(wins, y, x)};
  }

  Value* spread(Value* k, int lanes) {
    Value* index = b_.CreateTrunc(k, b_.getInt32Ty());
    return lanes == 1 ? index : b_.CreateVectorSplat(lanes, index);
  }
  Value* integer(std::int32_t value, int lanes) {
    return llvm::ConstantInt::get(lanes_of(b_.getInt32Ty(), lanes), value);
  }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  const Type& x_;
  const int lanes_;
  Dim outer_, count_, inner_;  // x is [outer, count, inner]
};

}  // namespace

void emit_argmax(KernelEmitter& e) { ArgmaxEmitter(e).emit(); }

}  // namespace rondo::codegen
