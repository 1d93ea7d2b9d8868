// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gather, scatters and check: what can record an error.
#include "backends/llvm/kernel_emitter.h"

namespace rondo::codegen {

namespace {

using llvm::Value;

// x: [batch, before, axis, after], indices: [batch, places], picked: [batch, before, places, after].
class IndexedEmitter {
 public:
  explicit IndexedEmitter(KernelEmitter& e) : e_(e), b_(e.b) {
    const std::vector<Dim>& x = e.op.operands[0]->type.dims;
    const std::vector<Dim>& indices = e.op.operands[1]->type.dims;
    const auto axis = e.op.int_attr("axis"), batch_dims = e.op.int_attr("batch_dims");
    batch_ = product({x.begin(), x.begin() + batch_dims});
    before_ = product({x.begin() + batch_dims, x.begin() + axis});
    axis_ = x[axis];
    after = product({x.begin() + axis + 1, x.end()});
    places_ = product({indices.begin() + batch_dims, indices.end()});
  }

  Dim after;  // elements of a row

  // Calls use or skip for each picked row in row-major order, with the rows' first elements. Rows without
  // elements are not looked at: their indices may be anything.
  void for_each_row(llvm::function_ref<void(Value* in_x, Value* in_picked)> use,
                    llvm::function_ref<void(Value* in_picked)> skip) {
    emit_if(b_, b_.CreateICmpNE(e_.size(after), e_.index(0)), [&] { emit_rows(use, skip); });
  }

 private:
  void emit_rows(llvm::function_ref<void(Value* in_x, Value* in_picked)> use,
                 llvm::function_ref<void(Value* in_picked)> skip) {
    e_.loop(batch_, [&](Value* batch) {
      e_.loop(before_, [&](Value* before) {
        Value* outer = b_.CreateAdd(b_.CreateMul(batch, e_.size(before_)), before);
        e_.loop(places_, [&](Value* place) {
          Value* at = b_.CreateAdd(b_.CreateMul(batch, e_.size(places_)), place);
          const DType type = e_.op.operands[1]->type.dtype;
          Value* index = b_.CreateSExt(load_elements(b_, type, e_.operand(1), at, 1), b_.getInt64Ty());
          Value* picked = row(outer, places_, place);
          const auto inside = [&] {
            use(row(outer, axis_, index), picked);
            return Values{};
          };
          const auto outside = [&] {
            e_.record_error(at);
            skip(picked);
            return Values{};
          };
          emit_if(b_, b_.CreateICmpULT(index, e_.size(axis_)), inside, outside);
        });
      });
    });
  }

  Value* row(Value* outer, Dim rows, Value* nth) {
    return b_.CreateMul(b_.CreateAdd(b_.CreateMul(outer, e_.size(rows)), nth), e_.size(after));
  }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  Dim batch_, before_, axis_, places_;
};

// Copies a whole array unless both are the same memory.
void copy_unless_same(KernelEmitter& e, int operand) {
  const Type& type = e.op.operands[operand]->type;
  emit_if(e.b, e.b.CreateICmpNE(e.operand(operand), e.result(0)),
          [&] { copy_elements(e.b, type.dtype, e.result(0), e.operand(operand), e.size(type.size())); });
}

}  // namespace

void emit_gather(KernelEmitter& e) {
  IndexedEmitter rows(e);
  llvm::IRBuilder<>& b = e.b;
  const DType dtype = e.op.result()->type.dtype;
  llvm::Type* element = memory_type(b.getContext(), dtype);
  const llvm::Align align(dtype.bytes());
  const auto address = [&](Value* array, Value* at) { return b.CreateGEP(element, array, at); };
  rows.for_each_row(
      [&](Value* in_x, Value* picked) {
        copy_elements(b, dtype, address(e.result(0), picked), address(e.operand(0), in_x),
                      e.size(rows.after));
      },
      [&](Value* picked) {
        Value* bytes = b.CreateMul(e.size(rows.after), e.index(dtype.bytes()));
        b.CreateMemSet(address(e.result(0), picked), b.getInt8(0), bytes, align);
      });
}

void emit_scatter(KernelEmitter& e) {
  copy_unless_same(e, 0);
  IndexedEmitter rows(e);
  const DType dtype = e.op.result()->type.dtype;
  const bool adds = e.op.row == &ir::ops::scatter_add;
  rows.for_each_row(
      [&](Value* in_base, Value* picked) {
        e.vector_loop(rows.after, vector_lanes(e.target(), dtype), [&](const KernelEmitter::Span& span) {
          Value* at = e.b.CreateAdd(in_base, span.i);
          const auto load = [&](Value* array, Value* from) {
            return load_elements(e.b, dtype, array, from, span.lanes, span.mask);
          };
          Value* update = load(e.operand(2), e.b.CreateAdd(picked, span.i));
          if (adds) {
            Value *before = to_computed(e.b, dtype, load(e.result(0), at)),
                  *more = to_computed(e.b, dtype, update);
            update = to_stored(e.b, dtype, emit_add(e.b, before, more));
          }
          store_elements(e.b, dtype, update, e.result(0), at, span.lanes, span.mask);
        });
      },
      [](Value*) {});
}

// The error word keeps the least position, so every false element may be recorded.
void emit_check(KernelEmitter& e) {
  e.loop(e.op.operands[1]->type.size(), [&](Value* i) {
    Value* holds = load_elements(e.b, i1, e.operand(1), i, 1);
    emit_if(e.b, e.b.CreateNot(holds), [&] { e.record_error(i); });
  });
  copy_unless_same(e, 0);
}

void emit_reshape(KernelEmitter& e) { copy_unless_same(e, 0); }

}  // namespace rondo::codegen
