// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The k greatest of each row, by insertion: the results hold the best so far, in order, and most elements fall to
// the first comparison, with the least of them.
#include "backends/llvm/kernel_emitter.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

class TopkEmitter {
 public:
  explicit TopkEmitter(KernelEmitter& e)
      : e_(e), b_(e.b), dtype_(e.op.operands[0]->type.dtype), k_(e.op.dim_attr("k")) {
    const std::vector<Dim>& dims = e.op.operands[0]->type.dims;
    n_ = dims.back();
    rows_ = product({dims.begin(), dims.end() - 1});
  }

  void emit() {
    emit_if(b_, b_.CreateICmpSGT(e_.size(k_), e_.index(0)), [&] {
      e_.loop(rows_, [&](Value* row) {
        Value* in = b_.CreateMul(row, e_.size(n_));
        Value* out = b_.CreateMul(row, e_.size(k_));
        e_.loop(n_, [&](Value* i) { visit(i, load(e_.operand(0), b_.CreateAdd(in, i)), out); });
      });
    });
  }

 private:
  Value* load(Value* base, Value* at) { return load_elements(b_, dtype_, base, at, 1); }

  void put(Value* at, Value* value, Value* index) {
    store_elements(b_, dtype_, value, e_.result(0), at, 1);
    store_elements(b_, i32, index, e_.result(1), at, 1);
  }

  // Element i of the row that the results from `out` on belong to.
  void visit(Value* i, Value* value, Value* out) {
    Value* last = b_.CreateSub(e_.size(k_), e_.index(1));
    Value* full = b_.CreateICmpSGT(i, last);
    Value* place = b_.CreateSelect(full, last, i);  // the first that is free, or else the least of the best
    Value* least = load(e_.result(0), b_.CreateAdd(out, b_.CreateSelect(full, last, e_.index(0))));
    emit_if(b_, b_.CreateOr(b_.CreateNot(full), is_greater(value, least)),
            [&] { insert(i, value, out, place); });
  }

  // Moves what is less one place on, from `place` back.
  void insert(Value* i, Value* value, Value* out, Value* place) {
    const auto before = [&](Value* at) { return b_.CreateAdd(out, b_.CreateSub(at, e_.index(1))); };
    const Values end = emit_while_loop(
        b_, {place},
        [&](llvm::ArrayRef<Value*> at) {
          const auto less = [&] { return Values{is_greater(value, load(e_.result(0), before(at[0])))}; };
          const auto none = [&] { return Values{b_.getFalse()}; };
          return emit_if(b_, b_.CreateICmpSGT(at[0], e_.index(0)), less, none)[0];
        },
        [&](llvm::ArrayRef<Value*> at) {
          put(b_.CreateAdd(out, at[0]), load(e_.result(0), before(at[0])),
              load_elements(b_, i32, e_.result(1), before(at[0]), 1));
          return Values{b_.CreateSub(at[0], e_.index(1))};
        });
    put(b_.CreateAdd(out, end[0]), value, b_.CreateTrunc(i, b_.getInt32Ty()));
  }

  Value* is_greater(Value* x, Value* y) {
    if (!dtype_.is_float()) return b_.CreateICmpSGT(x, y);
    x = to_computed(b_, dtype_, x), y = to_computed(b_, dtype_, y);
    Value* only_x_is_nan = b_.CreateAnd(b_.CreateFCmpUNO(x, x), b_.CreateFCmpORD(y, y));
    return b_.CreateOr(b_.CreateFCmpOGT(x, y), only_x_is_nan);
  }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  const DType dtype_;
  Dim n_, rows_, k_;
};

}  // namespace

void emit_topk(KernelEmitter& e) { TopkEmitter(e).emit(); }

}  // namespace rondo::codegen
