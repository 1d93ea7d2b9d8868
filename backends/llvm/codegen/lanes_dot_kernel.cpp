// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel behind dots in the order of a reduction: both operands contiguous in K, no free dim on the
// right. A row is a chain of fmas over one 16-lane vector, which is all latency, so a few rows run side by
// side. A lane takes an element at a time, or, of bf16, a pair: loaded as 32 bits, widened to two f32.
#include "backends/llvm/codegen/dot_kernel.h"

#include <array>
#include <vector>

#include "backends/llvm/codegen/builder_llvm.h"

namespace rondo::codegen {
namespace {

using llvm::Value;

constexpr int kLanes = 16;             // of the language, whatever the machine's vectors are
constexpr std::int64_t kBlock = 4096;  // elements

class LanesDotGenerator {
 public:
  LanesDotGenerator(const CodeModule& code, const Target& target, runtime::ElementType type,
                    std::string_view name)
      : module_(code.module()),
        builder_(code.context()),
        code_(code),
        name_(name),
        pairs_(type == runtime::ElementType::bf16),
        align_(runtime::element_size(type)),
        sum_(float_type(code.context(), pairs_ ? runtime::ElementType::f32 : type)),
        sums_(llvm::FixedVectorType::get(sum_, kLanes)),
        element_(pairs_ ? builder_.getInt16Ty() : sum_),
        term_(pairs_ ? builder_.getInt32Ty() : sum_) {
    int registers_a_row = kLanes / target.lanes(static_cast<int>(sum_->getScalarSizeInBits() / 8));
    if (target.isa == Isa::base) {
      row_groups_ = {1};
    } else {
      row_groups_ = {registers_a_row <= 2 ? 4 : 2, 1};
    }
  }

  void emit() {
    Values args;
    llvm::Type *pointer = builder_.getPtrTy(), *index = builder_.getInt64Ty();
    llvm::Function* function =
        begin_function(builder_, module_, pairs_ ? name_ + ".rows" : name_,
                       {pointer, pointer, pointer, index, index, index, index, index},
                       pairs_ ? llvm::Function::InternalLinkage : llvm::Function::ExternalLinkage, args);
    auto [a, b, c, m, k, a_row, b_row, c_stride] =
        std::array{args[0], args[1], args[2], args[3], args[4], args[5], args[6], args[7]};
    Value* begin = constant(0);
    for (int rows : row_groups_) {
      Value* end = builder_.CreateSub(m, builder_.CreateSRem(m, constant(rows)));
      emit_loop(builder_, begin, end, constant(rows), [&](Value* row) {
        Values a_rows, b_rows;
        for (int r = 0; r < rows; ++r) {
          Value* position = builder_.CreateAdd(row, constant(r));
          a_rows.push_back(at(a, builder_.CreateMul(position, a_row)));
          b_rows.push_back(at(b, builder_.CreateMul(position, b_row)));
        }
        Values sums = emit_rows(a_rows, b_rows, k);
        for (int r = 0; r < rows; ++r) {
          Value* position = builder_.CreateAdd(row, constant(r));
          Value* address = builder_.CreateGEP(sum_, c, builder_.CreateMul(position, c_stride));
          builder_.CreateAlignedStore(sums[r], address, llvm::Align(sum_->getScalarSizeInBits() / 8));
        }
      });
      begin = end;
    }
    builder_.CreateRetVoid();
    if (pairs_) emit_flushed(code_, name_, function);
  }

 private:
  Value* constant(std::int64_t value) { return builder_.getInt64(value); }
  Value* at(Value* base, Value* offset) { return builder_.CreateGEP(element_, base, offset); }

  /// The inner products of a few rows.
  Values emit_rows(const Values& a_rows, const Values& b_rows, Value* k) {
    Values zeros(a_rows.size(), llvm::Constant::getNullValue(sum_));
    return emit_loop(builder_, constant(0), k, constant(kBlock), zeros,
                     [&](Value* first, llvm::ArrayRef<Value*> totals) {
                       Value* block_end = builder_.CreateAdd(first, constant(kBlock));
                       Value* end = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, block_end, k);
                       Values lanes = emit_block(a_rows, b_rows, first, end);
                       Values next;
                       for (auto [total, lane] : llvm::zip(totals, lanes))
                         next.push_back(builder_.CreateFAdd(total, emit_halving(lane)));
                       return next;
                     });
  }

  /// The lanes of one block. A lane that has no element left adds 0 * 0, which could only turn its -0 into
  /// +0, and the total, which starts from +0, hides that. The mask of full vectors is no bother: the loads
  /// are what such a loop waits for.
  Values emit_block(const Values& a_rows, const Values& b_rows, Value* first, Value* end) {
    Values zeros(a_rows.size(), llvm::Constant::getNullValue(sums_));
    const auto add = [&](llvm::ArrayRef<Value*> sums, llvm::function_ref<Value*(Value * row)> load) {
      Values next;
      for (auto [a, b, sum] : llvm::zip(a_rows, b_rows, sums))
        next.push_back(emit_terms(load(a), load(b), sum));
      return next;
    };
    Values sums = emit_loop(builder_, first, end, constant(pairs_ ? 2 * kLanes : kLanes), zeros,
                            [&](Value* from, llvm::ArrayRef<Value*> now) {
                              Value* left = builder_.CreateSub(end, from);
                              if (pairs_) left = builder_.CreateLShr(left, constant(1));
                              Value* mask = emit_lane_mask(builder_, kLanes, left);
                              return add(now, [&](Value* row) { return load(at(row, from), mask); });
                            });
    if (!pairs_) return sums;
    // A last element without its odd one.
    Value* count = builder_.CreateSub(end, first);
    Value* lane = builder_.CreateAnd(builder_.CreateLShr(count, constant(1)), constant(kLanes - 1));
    const auto last = [&](Value* row) {
      Value* element =
          builder_.CreateAlignedLoad(element_, at(row, builder_.CreateSub(end, constant(1))), align_);
      Value* nothing = llvm::Constant::getNullValue(llvm::FixedVectorType::get(term_, kLanes));
      return builder_.CreateInsertElement(nothing, builder_.CreateZExt(element, term_), lane);
    };
    Value* is_odd = builder_.CreateTrunc(count, builder_.getInt1Ty());
    return emit_if(builder_, is_odd, [&] { return add(sums, last); }, [&] { return sums; });
  }

  Value* load(Value* address, Value* mask) {
    llvm::Type* type = llvm::FixedVectorType::get(term_, kLanes);
    return builder_.CreateMaskedLoad(type, address, align_, mask, llvm::Constant::getNullValue(type));
  }

  Value* emit_terms(Value* x, Value* y, Value* sum) {
    const auto fma = [&](Value* a, Value* b, Value* c) {
      return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {sums_}, {a, b, c});
    };
    if (!pairs_) return fma(x, y, sum);
    const auto odd = [&](Value* pairs) {
      Value* high = llvm::ConstantInt::get(pairs->getType(), 0xffff0000);
      return builder_.CreateBitCast(builder_.CreateAnd(pairs, high), sums_);
    };
    const auto even = [&](Value* pairs) {
      return builder_.CreateBitCast(builder_.CreateShl(pairs, 16), sums_);
    };
    return fma(even(x), even(y), fma(odd(x), odd(y), sum));
  }

  /// Lane i + lane i+8, then i + i+4, i + i+2, i + i+1.
  Value* emit_halving(Value* lanes) {
    for (int half = kLanes / 2; half > 0; half /= 2) {
      llvm::SmallVector<int, 8> low, high;
      for (int i = 0; i < half; ++i) {
        low.push_back(i);
        high.push_back(i + half);
      }
      lanes = builder_.CreateFAdd(builder_.CreateShuffleVector(lanes, low),
                                  builder_.CreateShuffleVector(lanes, high));
    }
    return builder_.CreateExtractElement(lanes, constant(0));
  }

  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  const CodeModule& code_;
  std::string name_;
  bool pairs_;
  llvm::Align align_;
  llvm::Type* sum_;
  llvm::FixedVectorType* sums_;
  llvm::Type* element_;          // of a and b
  llvm::Type* term_;             // what a lane takes at a time
  std::vector<int> row_groups_;  // how many rows run side by side, high to low
};

}  // namespace

void emit_lanes_dot_kernel(const CodeModule& code, const Target& target, runtime::ElementType type,
                           std::string_view name) {
  LanesDotGenerator(code, target, type, name).emit();
}

}  // namespace rondo::codegen
