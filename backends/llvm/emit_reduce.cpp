// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions, in the order of ir/reduction_order.h: every element of the result is computed by itself, so
// loops over the dims that are kept may run as they like. Where the innermost dim is reduced, a row's 16
// lanes are one vector; where it is kept, the results along it are vectors of chains. A descending dim is one of a
// negative stride, from the last element on.
#include <algorithm>

#include "backends/llvm/kernel_emitter.h"
#include "backends/operand_strides.h"
#include "ir/reduction_order.h"

namespace rondo::codegen {

namespace {

using llvm::Value;
using Span = KernelEmitter::Span;

constexpr int kColumns = 4;  // vectors of chains side by side: they hide the latency of an addition
constexpr int kRows =
    32;  // links of a chain before the next columns: few rows stay within reach of prefetching

struct LoopDim {
  Dim size, in_stride, out_stride;
  bool reduced;
};

class ReduceEmitter {
 public:
  explicit ReduceEmitter(KernelEmitter& e) : e_(e), b_(e.b), dtype_(e.op.result()->type.dtype) {
    find_loops();
  }

  void emit() { emit_kept(0, e_.size(first_), e_.index(0)); }

 private:
  // Strides, row length, and loops merged where they run on.
  void find_loops() {
    const Type& x = e_.op.operands[0]->type;
    const auto reduced = e_.op.ints_attr("dims");
    auto in_strides = backends::operand_strides(e_.op, 0);
    for (int64_t k = 0; k < ir::descending_dims(e_.op); ++k) {
      first_ = first_ + (x.dims[reduced[k]] - 1) * in_strides[reduced[k]];
      in_strides[reduced[k]] = 0 - in_strides[reduced[k]];
    }
    std::vector<LoopDim> dims;
    Dim out_stride = 1;
    for (int64_t i = x.rank() - 1; i >= 0; --i) {
      const bool is_reduced = std::find(reduced.begin(), reduced.end(), i) != reduced.end();
      if (x.dims[i].is_constant(1)) continue;  // a link of one: the same bits without a loop
      if (is_reduced && i == x.rank() - 1)
        row_ = x.dims[i], has_row_ = true;
      else
        dims.insert(dims.begin(), {x.dims[i], in_strides[i], is_reduced ? 0 : out_stride, is_reduced});
      if (!is_reduced) out_stride = out_stride * x.dims[i];
    }
    for (const LoopDim& dim : dims) {
      std::vector<LoopDim>& loops = dim.reduced ? reduced_ : kept_;
      const bool runs_on = !loops.empty() && loops.back().in_stride == dim.in_stride * dim.size;
      const Dim size = runs_on ? loops.back().size * dim.size : dim.size;
      if (runs_on) loops.pop_back();
      loops.push_back({size, dim.in_stride, dim.out_stride, dim.reduced});
    }
  }

  void emit_kept(size_t level, Value* in, Value* out) {
    const bool last = level + 1 == kept_.size();
    if (level < kept_.size() && !(last && kept_[level].in_stride == 1)) {
      e_.loop(kept_[level].size, [&](Value* i) {
        emit_kept(level + 1, step(in, i, kept_[level].in_stride), step(out, i, kept_[level].out_stride));
      });
    } else if (last) {
      emit_columns(in, out, kept_[level].size);
    } else {
      const Values total =
          emit_chain(0, in, {start_at(out, 1)}, [&](Value* at, llvm::ArrayRef<Value*> totals) {
            Value* x = has_row_ ? emit_row(at) : load(at, 1);
            return Values{combine(totals[0], x)};
          });
      store(total[0], out, 1);
    }
  }

  Value* step(Value* offset, Value* i, Dim stride) {
    return b_.CreateAdd(offset, b_.CreateMul(i, e_.size(stride)));
  }

  // One chain over the dims that are reduced, in listed order; over a part of the first of them if that is
  // given.
  using Link = llvm::function_ref<Values(Value* at, llvm::ArrayRef<Value*> totals)>;
  Values emit_chain(size_t level, Value* at, llvm::ArrayRef<Value*> totals, Link link, Value* begin = nullptr,
                    Value* end = nullptr) {
    if (level == reduced_.size()) return link(at, totals);
    const LoopDim& dim = reduced_[level];
    return emit_loop(b_, begin ? begin : e_.index(0), end ? end : e_.size(dim.size), e_.index(1), totals,
                     [&](Value* i, llvm::ArrayRef<Value*> carried) {
                       return emit_chain(level + 1, step(at, i, dim.in_stride), carried, link);
                     });
  }

  // Results next to each other. A few rows are added to all of them before the next few, so that memory is
  // read as it lies; meanwhile the totals wait in the result, unless that would round them.
  void emit_columns(Value* in, Value* out, Dim size) {
    const int lanes = vector_lanes(e_.target(), dtype_);
    const auto emit_rows = [&](Value* begin, Value* end) {
      emit_column_blocks(size, lanes, [&](const Span& span, int vectors) {
        emit_chains(b_.CreateAdd(in, span.i), b_.CreateAdd(out, span.i), span, vectors, begin, end);
      });
    };
    if (computed(dtype_) != dtype_) return emit_rows(nullptr, nullptr);
    e_.vector_loop(size, lanes, [&](const Span& span) {
      Value* at = b_.CreateAdd(out, span.i);
      store(start_at(at, span.lanes, span.mask), at, span.lanes, span.mask);
    });
    Value* rows = e_.size(reduced_.empty() ? Dim(1) : reduced_[0].size);
    emit_loop(b_, e_.index(0), rows, e_.index(kRows), [&](Value* begin) {
      Value* end =
          b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateAdd(begin, e_.index(kRows)), rows);
      emit_rows(begin, end);
    });
  }

  void emit_column_blocks(Dim size, int lanes, llvm::function_ref<void(const Span&, int vectors)> body) {
    const int block = kColumns * lanes;
    Value* blocks_end = b_.CreateAnd(e_.size(size), e_.index(-block));
    if (!size.is_constant() || size.constant() >= block)
      emit_loop(b_, e_.index(0), blocks_end, e_.index(block),
                [&](Value* i) { body({i, lanes, e_.index(lanes), nullptr}, kColumns); });
    if (size.is_constant() && size.constant() % block == 0) return;
    e_.vector_loop(size, lanes, [&](const Span& span) { body(span, 1); }, blocks_end);
  }

  // Some vectors of chains: their totals go on from what is in the result, over rows `begin` to `end`; or run from
  // the start over all rows, if these are nullptr.
  void emit_chains(Value* in, Value* out, const Span& span, int vectors, Value* begin, Value* end) {
    const auto column = [&](Value* at, int v) { return b_.CreateAdd(at, e_.index(v * span.lanes)); };
    Values totals;
    for (int v = 0; v < vectors; ++v)
      totals.push_back(begin == nullptr
                           ? start_at(column(out, v), span.lanes, span.mask)
                           : load_elements(b_, dtype_, e_.result(0), column(out, v), span.lanes, span.mask));
    const auto link = [&](Value* at, llvm::ArrayRef<Value*> before) {
      Values next;
      for (int v = 0; v < vectors; ++v)
        next.push_back(combine(before[v], load(column(at, v), span.lanes, span.mask)));
      return next;
    };
    totals = emit_chain(0, in, totals, link, begin, end);
    for (int v = 0; v < vectors; ++v) store(totals[v], column(out, v), span.lanes, span.mask);
  }

  // The innermost dim, from element `at` on.
  Value* emit_row(Value* at) {
    Value* end = e_.size(row_);
    if (row_.is_constant() && row_.constant() <= ir::kBlock) return combine(start(1), emit_block(at, end));
    const auto add_block = [&](Value* first, llvm::ArrayRef<Value*> totals) {
      Value* left = b_.CreateSub(end, first);
      Value* count = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, e_.index(ir::kBlock));
      return Values{combine(totals[0], emit_block(b_.CreateAdd(at, first), count))};
    };
    return emit_loop(b_, e_.index(0), end, e_.index(ir::kBlock), {start(1)}, add_block)[0];
  }

  // Lanes that a tail leaves out take the start once more, which changes nothing.
  Value* emit_block(Value* at, Value* count) {
    const auto load_lanes = [&](Value* first) { return load(b_.CreateAdd(at, first), ir::kLanes); };
    const auto load_tail = [&](Value* first, Value* mask) {
      llvm::Type* element = register_type(b_.getContext(), dtype_);
      Value* address = b_.CreateGEP(element, e_.operand(0), b_.CreateAdd(at, first));
      Value* tail = b_.CreateMaskedLoad(lanes_of(element, ir::kLanes), address, llvm::Align(dtype_.bytes()),
                                        mask, start_of(dtype_, ir::kLanes));
      return to_computed(b_, dtype_, tail);
    };
    Value* whole = b_.CreateAnd(count, e_.index(-ir::kLanes));
    Value* lanes = emit_loop(b_, e_.index(0), whole, e_.index(ir::kLanes), {start(ir::kLanes)},
                             [&](Value* i, llvm::ArrayRef<Value*> carried) {
                               return Values{combine(carried[0], load_lanes(i))};
                             })[0];
    const bool has_tail = !row_.is_constant() || row_.constant() % ir::kLanes != 0;
    if (has_tail)
      lanes = combine(lanes, load_tail(whole, emit_lane_mask(b_, ir::kLanes, b_.CreateSub(count, whole))));
    return emit_halving(b_, e_.op, lanes);
  }

  Value* load(Value* at, int lanes, Value* mask = nullptr) {
    return to_computed(b_, dtype_, load_elements(b_, dtype_, e_.operand(0), at, lanes, mask));
  }
  void store(Value* total, Value* at, int lanes, Value* mask = nullptr) {
    store_elements(b_, dtype_, to_stored(b_, dtype_, total), e_.result(0), at, lanes, mask);
  }
  Value* combine(Value* x, Value* y) { return emit_combine(b_, e_.op, x, y); }
  // What the chain of a result begins with.
  Value* start_at(Value* out, int lanes, Value* mask = nullptr) {
    if (ir::start_of_sums(e_.op) == nullptr) return start(lanes);
    return to_computed(b_, dtype_, load_elements(b_, dtype_, e_.operand(1), out, lanes, mask));
  }
  llvm::Constant* start(int lanes) { return start_of(computed(dtype_), lanes); }
  llvm::Constant* start_of(DType dtype, int lanes) {
    return start_of_total(b_.getContext(), e_.op, dtype, lanes);
  }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  const DType dtype_;
  Dim row_;        // the innermost dim, if it is reduced
  Dim first_ = 0;  // where the first element lies
  bool has_row_ = false;
  std::vector<LoopDim> kept_, reduced_;
};

}  // namespace

llvm::Constant* start_of_total(llvm::LLVMContext& context, const ir::Op& reduction, DType dtype, int lanes) {
  if (reduction.row == &ir::ops::reduce_sum) return constant_element(context, dtype, 0, lanes);
  return reduction.row == &ir::ops::reduce_max ? least_element(context, dtype, lanes)
                                               : greatest_element(context, dtype, lanes);
}

Value* emit_combine(llvm::IRBuilder<>& b, const ir::Op& reduction, Value* x, Value* y) {
  if (reduction.row == &ir::ops::reduce_sum) return emit_add(b, x, y);
  return reduction.row == &ir::ops::reduce_max ? emit_max(b, x, y) : emit_min(b, x, y);
}

Value* emit_halving(llvm::IRBuilder<>& b, const ir::Op& reduction, llvm::ArrayRef<Value*> vectors) {
  Values left(vectors.begin(), vectors.end());
  while (left.size() > 1) {
    const size_t half = left.size() / 2;
    for (size_t i = 0; i < half; ++i) left[i] = emit_combine(b, reduction, left[i], left[i + half]);
    left.resize(half);
  }
  Value* lanes = left[0];
  for (int half = ir::kLanes / static_cast<int>(vectors.size()) / 2; half > 0; half /= 2) {
    llvm::SmallVector<int> low, high;
    for (int j = 0; j < half; ++j) low.push_back(j), high.push_back(j + half);
    lanes = emit_combine(b, reduction, b.CreateShuffleVector(lanes, low), b.CreateShuffleVector(lanes, high));
  }
  return b.CreateExtractElement(lanes, std::uint64_t{0});
}

void emit_reduce(KernelEmitter& e) { ReduceEmitter(e).emit(); }

}  // namespace rondo::codegen
