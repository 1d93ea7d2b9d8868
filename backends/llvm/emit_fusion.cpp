// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fusions, lone element-wise ops and the ops that just move elements: one loop nest for each shape written,
// the innermost loop by vectors. Totals are kept where they are written, and one of a row in registers, in the lanes of
// ir/reduction_order.h.
#include <algorithm>

#include "backends/llvm/kernel_emitter.h"
#include "ir/ops/elementwise.h"
#include "ir/reduction_order.h"
#include "passes/fusion_plan.h"

namespace rondo::codegen {

namespace {

using llvm::Value;
using passes::Nest;
using passes::Place;
using passes::Step;
using passes::Write;
using Span = KernelEmitter::Span;

// Of what is used by a select alone: the step that is its condition, and what it must be.
struct Choice {
  int condition = -1;
  bool taken_where = true;
};

class NestEmitter {
 public:
  NestEmitter(KernelEmitter& e, const Nest& nest) : e_(e), b_(e.b), nest_(nest) {
    for (const Step& step : nest.steps) add_place(step.at);
    for (const Write& write : nest.writes) add_place(write.at);
    for (size_t s = 0; s < nest.steps.size(); ++s) choices_.push_back(find_choice(static_cast<int>(s)));
  }

  void emit() {
    for (const Write& write : nest_.writes)
      if (write.total != nullptr && !is_row(write)) fill_with_start(write);
    Values offsets;
    for (const Place* place : places_) offsets.push_back(e_.size(place->offset));
    emit_loops(0, offsets);
  }

 private:
  // Steps and writes, in this order, share places.
  void add_place(const Place& place) {
    const auto same =
        std::find_if(places_.begin(), places_.end(), [&](const Place* p) { return *p == place; });
    place_of_.push_back(static_cast<int>(same - places_.begin()));
    if (same == places_.end()) places_.push_back(&place);
  }

  // Follows a value that is used once, through conversions, to a select that takes it in some lanes only.
  Choice find_choice(int s) const {
    const auto is_written = [&](const Write& write) { return write.step == s; };
    const Step* user = nullptr;
    int user_number = 0, uses = std::any_of(nest_.writes.begin(), nest_.writes.end(), is_written) ? 2 : 0;
    for (size_t n = 0; n < nest_.steps.size(); ++n)
      for (int arg : nest_.steps[n].args)
        if (arg == s) user = &nest_.steps[n], user_number = static_cast<int>(n), ++uses;
    if (uses != 1) return {};
    if (user->op->row == &ir::ops::convert) return find_choice(user_number);
    if (user->op->row != &ir::ops::select || user->args[0] == s) return {};
    return {user->args[0], user->args[1] == s};
  }

  // `offsets`: the element of each place where the loops so far stand.
  void emit_loops(size_t level, const Values& offsets) {
    if (nest_.dims.empty()) {
      emit_body(offsets, {e_.index(0), 1, e_.index(1), nullptr});
      return;
    }
    if (level + 1 == nest_.dims.size()) {
      load_invariants(offsets);
      if (nest_.has_rows()) return emit_row(offsets);
      return e_.vector_loop(nest_.dims.back(), lanes(), [&](const Span& span) { emit_body(offsets, span); });
    }
    e_.loop(nest_.dims[level], [&](Value* i) {
      Values next;
      for (size_t p = 0; p < places_.size(); ++p)
        next.push_back(advance(offsets[p], places_[p]->strides[level], i));
      emit_loops(level + 1, next);
    });
  }

  Value* advance(Value* offset, Dim stride, Value* i) {
    if (stride == 0) return offset;
    Value* distance = stride == 1 ? i : b_.CreateMul(i, e_.size(stride));
    const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(offset);
    return constant != nullptr && constant->isZero() ? distance : b_.CreateAdd(offset, distance);
  }

  // As many as fill a register with what most steps compute: wider elements take more registers, narrower
  // ones a part of one. Elements that are written apart from each other are written one by one.
  int lanes() const {
    for (const Write& write : nest_.writes)
      if (write.at.strides.back() != 1 && !write.runs_along()) return 1;
    const auto wide = std::count_if(nest_.steps.begin(), nest_.steps.end(),
                                    [&](const Step& step) { return dtype(step).bytes() == 8; });
    return vector_lanes(e_.target(), 2 * wide > static_cast<std::ptrdiff_t>(nest_.steps.size()) ? f64 : f32);
  }

  DType dtype(const Step& step) const {
    return step.op ? step.op->result()->type.dtype : e_.op.operands[step.input]->type.dtype;
  }

  // What stays the same in the innermost loop is read before it.
  void load_invariants(const Values& offsets) {
    invariants_.assign(nest_.steps.size(), nullptr);
    for (size_t s = 0; s < nest_.steps.size(); ++s) {
      const Step& step = nest_.steps[s];
      if (step.input >= 0 && step.at.strides.back() == 0)
        invariants_[s] = load_elements(b_, dtype(step), e_.operand(step.input), offsets[place_of_[s]], 1);
    }
  }

  // Is the total one of a row, and of no more than that?
  bool is_row(const Write& write) const {
    return write.total->ints_attr("dims").size() == 1 && write.runs_along();
  }

  void fill_with_start(const Write& write) {
    const Type& type = e_.op.result(write.result)->type;
    e_.vector_loop(product(type.dims), vector_lanes(e_.target(), type.dtype), [&](const Span& span) {
      store_elements(b_, type.dtype, start(write, span.lanes), e_.result(write.result), span.i, span.lanes,
                     span.mask);
    });
  }

  llvm::Constant* start(const Write& write, int lanes) {
    return start_of_total(b_.getContext(), *write.total, computed(e_.op.result(write.result)->type.dtype),
                          lanes);
  }

  // Totals of the innermost loop, block by block. Their lanes are in vectors, of which each takes its turn.
  void emit_row(const Values& offsets) {
    vectors_ = static_cast<size_t>(ir::kLanes / lanes());
    Values totals, begins;
    for (const Write& write : nest_.writes) {
      if (!write.runs_along()) continue;
      totals.push_back(start(write, 1));
      begins.insert(begins.end(), vectors_, start(write, lanes()));
    }
    const Dim row = nest_.dims.back();
    Value* end = e_.size(row);
    const auto add_block = [&](Value* first, llvm::ArrayRef<Value*> before) {
      Value* left =
          b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(end, first), e_.index(ir::kBlock));
      Value* whole = b_.CreateAdd(first, b_.CreateAnd(left, e_.index(-ir::kLanes)));
      const auto add_vector = [&](Value* i, llvm::ArrayRef<Value*> carried) {
        return add(offsets, {i, lanes(), e_.index(lanes()), nullptr}, carried);
      };
      Values block = emit_loop(b_, first, whole, e_.index(lanes()), begins, add_vector);
      if (!row.is_constant() || row.constant() % ir::kLanes != 0)
        block = emit_tail(offsets, whole, b_.CreateAdd(first, left), block);
      return combine_lanes(before, block);
    };
    const bool one_block = row.is_constant() && row.constant() <= ir::kBlock;
    totals = one_block ? add_block(e_.index(0), totals)
                       : emit_loop(b_, e_.index(0), end, e_.index(ir::kBlock), totals, add_block);
    write_totals(offsets, totals);
  }

  // The first vector of each total takes the elements of a span, and goes behind the others.
  Values add(const Values& offsets, const Span& span, llvm::ArrayRef<Value*> block) {
    return turned(block, emit_body(offsets, span, firsts(block)));
  }
  Values firsts(llvm::ArrayRef<Value*> block) const {
    Values firsts;
    for (size_t k = 0; k < block.size(); k += vectors_) firsts.push_back(block[k]);
    return firsts;
  }
  Values turned(llvm::ArrayRef<Value*> block, llvm::ArrayRef<Value*> lasts) const {
    Values next;
    for (size_t k = 0; k < lasts.size(); ++k) {
      const llvm::ArrayRef<Value*> total = block.slice(k * vectors_, vectors_);
      next.append(total.begin() + 1, total.end());
      next.push_back(lasts[k]);
    }
    return next;
  }

  // AVX2 has masks for what is as wide as an f32.
  bool has_masks() const {
    if (e_.target().isa != Isa::avx2) return e_.target().isa > Isa::avx2;
    const auto is_wide = [](DType dtype) { return dtype.bytes() >= f32.bytes(); };
    return std::all_of(nest_.steps.begin(), nest_.steps.end(),
                       [&](const Step& step) { return step.input < 0 || is_wide(dtype(step)); }) &&
           std::all_of(nest_.writes.begin(), nest_.writes.end(),
                       [&](const Write& write) { return is_wide(e_.op.result(write.result)->type.dtype); });
  }

  // Less than all lanes: masked, or else element by element.
  Values emit_tail(const Values& offsets, Value* begin, Value* end, const Values& block) {
    if (!has_masks()) return emit_singles(offsets, begin, end, block);
    const Values added =
        emit_loop(b_, begin, end, e_.index(lanes()), block, [&](Value* i, llvm::ArrayRef<Value*> carried) {
          Value* active =
              b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(end, i), e_.index(lanes()));
          return add(offsets, {i, lanes(), active, emit_lane_mask(b_, lanes(), active)}, carried);
        });
    if (vectors_ == 1) return added;
    // Those that had no turn take one, so that the first lanes are first again.
    Value* taken =
        b_.CreateAnd(b_.CreateAdd(b_.CreateSub(end, begin), e_.index(lanes() - 1)), e_.index(-lanes()));
    const auto turn = [&](Value*, llvm::ArrayRef<Value*> carried) {
      return turned(carried, firsts(carried));
    };
    return emit_loop(b_, taken, e_.index(ir::kLanes), e_.index(lanes()), added, turn);
  }

  // The lanes wait in memory, where an element finds its own.
  Values emit_singles(const Values& offsets, Value* begin, Value* end, const Values& block) {
    Values slots, next;
    const auto align_of = [&](size_t k) {
      return llvm::Align(block[k]->getType()->getScalarSizeInBits() / 8);
    };
    const auto vector_of = [&](size_t k) {
      return b_.CreateConstGEP1_64(block[k]->getType(), slots[k / vectors_],
                                   static_cast<std::int64_t>(k % vectors_));
    };
    for (size_t k = 0; k < block.size(); ++k) {
      if (k % vectors_ == 0) slots.push_back(e_.stack_slot(ir::kLanes * f64.bytes()));
      b_.CreateAlignedStore(block[k], vector_of(k), align_of(k));
    }
    const auto element = [&](size_t total) { return block[total * vectors_]->getType()->getScalarType(); };
    const auto lane_of = [&](size_t total, Value* i) {
      return b_.CreateGEP(element(total), slots[total], b_.CreateSub(i, begin));
    };
    emit_loop(b_, begin, end, e_.index(1), [&](Value* i) {
      Values singles;
      for (size_t total = 0; total < slots.size(); ++total)
        singles.push_back(b_.CreateLoad(element(total), lane_of(total, i)));
      singles = emit_body(offsets, {i, 1, e_.index(1), nullptr}, singles);
      for (size_t total = 0; total < slots.size(); ++total) b_.CreateStore(singles[total], lane_of(total, i));
    });
    for (size_t k = 0; k < block.size(); ++k)
      next.push_back(b_.CreateAlignedLoad(block[k]->getType(), vector_of(k), align_of(k)));
    return next;
  }

  Values combine_lanes(llvm::ArrayRef<Value*> totals, llvm::ArrayRef<Value*> block) {
    Values next;
    for (const Write& write : nest_.writes)
      if (write.runs_along()) {
        const size_t k = next.size();
        Value* lanes = emit_halving(b_, *write.total, block.slice(k * vectors_, vectors_));
        next.push_back(emit_combine(b_, *write.total, totals[k], lanes));
      }
    return next;
  }

  void write_totals(const Values& offsets, const Values& totals) {
    size_t next = 0;
    for (size_t w = 0; w < nest_.writes.size(); ++w) {
      const Write& write = nest_.writes[w];
      if (!write.runs_along()) continue;
      const DType dtype = e_.op.result(write.result)->type.dtype;
      Value *total = totals[next++], *at = offsets[place_of_[nest_.steps.size() + w]];
      if (!is_row(write))
        total =
            emit_combine(b_, *write.total, load_elements(b_, dtype, e_.result(write.result), at, 1), total);
      store_elements(b_, dtype, to_stored(b_, dtype, total), e_.result(write.result), at, 1);
    }
  }

  // All is read before anything is written: a result may lie where an operand lies. Takes and gives what the totals of a
  // row have come to.
  Values emit_body(const Values& offsets, const Span& span, llvm::ArrayRef<Value*> totals = {}) {
    Values values, next;
    for (size_t s = 0; s < nest_.steps.size(); ++s) {
      const Step& step = nest_.steps[s];
      if (step.input >= 0) {
        values.push_back(read(s, offsets[place_of_[s]], span));
      } else if (step.op->row->is_elementwise()) {
        Values args;
        for (int arg : step.args) args.push_back(values[arg]);
        values.push_back(emit_elementwise(e_, *step.op, args, needed(s, values, span)));
      } else {
        values.push_back(make(step, offsets[place_of_[s]], span));
      }
    }
    for (size_t w = 0; w < nest_.writes.size(); ++w) {
      const Write& write = nest_.writes[w];
      const DType dtype = e_.op.result(write.result)->type.dtype;
      Value *at = position(write.at, offsets[place_of_[nest_.steps.size() + w]], span.i),
            *value = values[write.step];
      if (write.runs_along()) {
        value = to_computed(b_, dtype, value);
        if (span.mask != nullptr) value = b_.CreateSelect(span.mask, value, start(write, span.lanes));
        next.push_back(emit_combine(b_, *write.total, totals[next.size()], value));
        continue;
      }
      Value* base = e_.result(write.result);
      if (write.total != nullptr)
        value =
            emit_combine(b_, *write.total, load_elements(b_, dtype, base, at, span.lanes, span.mask), value);
      store_elements(b_, dtype, value, base, at, span.lanes, span.mask);
    }
    return next;
  }

  Span needed(size_t s, const Values& values, Span span) {
    const Choice& choice = choices_[s];
    if (choice.condition < 0 || choice.condition >= static_cast<int>(values.size())) return span;
    Value* condition = values[choice.condition];
    span.needed = choice.taken_where ? condition : b_.CreateNot(condition);
    return span;
  }

  bool stays(const Place& place) const { return nest_.dims.empty() || place.strides.back() == 0; }
  Value* position(const Place& place, Value* offset, Value* i) {
    return stays(place) ? offset : advance(offset, place.strides.back(), i);
  }

  Value* spread(Value* value, const Span& span) {
    return span.lanes == 1 ? value : b_.CreateVectorSplat(span.lanes, value);
  }

  Value* read(size_t s, Value* offset, const Span& span) {
    const Step& step = nest_.steps[s];
    Value* base = e_.operand(step.input);
    if (!nest_.dims.empty() && stays(step.at)) return spread(invariants_[s], span);
    if (span.lanes == 1 || step.at.strides.back() == 1)
      return load_elements(b_, dtype(step), base, position(step.at, offset, span.i), span.lanes, span.mask);
    // Apart from each other: one by one, where masked lanes read the last active element again.
    Value* last = b_.CreateSub(span.active, e_.index(1));
    Value* vector = llvm::PoisonValue::get(lanes_of(register_type(b_.getContext(), dtype(step)), span.lanes));
    for (int lane = 0; lane < span.lanes; ++lane) {
      Value* nth = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, e_.index(lane), last);
      Value* at = position(step.at, offset, b_.CreateAdd(span.i, nth));
      vector = b_.CreateInsertElement(vector, load_elements(b_, dtype(step), base, at, 1), lane);
    }
    return vector;
  }

  // A constant, the padding of a pad, an iota or a dim.
  Value* make(const Step& step, Value* offset, const Span& span) {
    const ir::Op& op = *step.op;
    if (op.row == &ir::ops::dim) return spread(e_.size(op.dim_attr("size")), span);
    if (op.row != &ir::ops::iota)
      return constant_element(b_.getContext(), dtype(step), op.number_attr("value"), span.lanes);
    Value* first =
        b_.CreateTrunc(position(step.at, offset, span.i), register_type(b_.getContext(), dtype(step)));
    if (stays(step.at) || span.lanes == 1) return spread(first, span);
    return b_.CreateAdd(spread(first, span), b_.CreateStepVector(lanes_of(first->getType(), span.lanes)));
  }

  KernelEmitter& e_;
  llvm::IRBuilder<>& b_;
  const Nest& nest_;
  std::vector<const Place*> places_;  // each once
  std::vector<int> place_of_;         // each step and each write
  Values invariants_;                 // by step
  std::vector<Choice> choices_;       // by step
  size_t vectors_ = 1;                // that hold the lanes of a row's total
};

}  // namespace

void emit_fusion(KernelEmitter& e) {
  for (const Nest& nest : passes::plan_fusion(e.op)) NestEmitter(e, nest).emit();
}

}  // namespace rondo::codegen
