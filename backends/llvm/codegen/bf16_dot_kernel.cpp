// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel behind dots of bf16: it packs blocks of both operands and leaves them to a kernel of dot_kernel.cpp.
//
//   for each block of K
//     for each few rows of a            packed once for all columns
//       for each few columns of b       packed, then one call
//
// Where the machine multiplies pairs of bf16 (vdpbf16ps), an element that is packed is a pair. Elsewhere it is one
// f32, the odd element of a pair before the even one, and the f32 kernel runs while the machine flushes what is below
// the normal numbers: its fma then has the bits of ir::flushed_fma.
#include <llvm/IR/IntrinsicsX86.h>

#include <string>

#include "backends/llvm/codegen/builder_llvm.h"
#include "backends/llvm/codegen/dot_kernel.h"

namespace rondo::codegen {
namespace {

using llvm::Value;

// What is packed: fewer rows than the other kernel would pack once more.
constexpr std::int64_t kDepth = 128, kRows = 42, kColumns = 64;

class Bf16DotGenerator {
 public:
  Bf16DotGenerator(const CodeModule& code, const Target& target, std::string_view packed,
                   std::string_view name)
      : code_(code),
        b_(code.context()),
        pairs_(has_bf16_pairs(target)),
        lanes_(target.lanes(4)),
        name_(name),
        packed_(code.module().getFunction(llvm::StringRef(packed))),
        pointer_(b_.getPtrTy()),
        index_(b_.getInt64Ty()) {}

  void emit() {
    pack_ = emit_pack();
    Values args;
    llvm::Function* blocks = begin_function(b_, code_.module(), name_ + ".blocks",
                                            {pointer_, pointer_, pointer_, index_, index_, index_, index_,
                                             index_, index_, index_, pointer_, index_},
                                            llvm::Function::InternalLinkage, args);
    emit_blocks(args);
    emit_flushed(code_, name_, blocks);
  }

 private:
  Value* number(std::int64_t value) { return b_.getInt64(value); }
  Value* least(Value* x, Value* y) { return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, x, y); }
  Value* element(Value* base, Value* at) { return b_.CreateGEP(b_.getInt16Ty(), base, at); }
  Value* word(Value* base, Value* at) { return b_.CreateGEP(b_.getInt32Ty(), base, at); }

  void emit_blocks(const Values& args) {
    Value *a = args[0], *b = args[1], *c = args[2], *m = args[3], *n = args[4], *k = args[5];
    Value *a_row = args[6], *a_k = args[7], *b_k = args[8], *c_row = args[9], *scratch = args[10];
    Value* accumulate = b_.CreateICmpNE(args[11], number(0));
    Value* packed_b = word(scratch, number(kRows * kDepth));
    Value* rest = word(packed_b, number(kColumns * kDepth));
    const std::int64_t depth = pairs_ ? 2 * kDepth : kDepth;
    // Even without any k there is a block: it clears c.
    Value* end = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, k, number(1));
    emit_loop(b_, number(0), end, number(depth), [&](Value* first) {
      Value* size = least(b_.CreateSub(k, first), number(depth));
      Value* pairs = b_.CreateLShr(b_.CreateAdd(size, number(1)), number(1));
      Value* from_c = b_.CreateZExt(b_.CreateOr(accumulate, b_.CreateICmpSGT(first, number(0))), index_);
      Value* a_block = element(a, b_.CreateMul(first, a_k));
      Value* b_block = element(b, b_.CreateMul(first, b_k));
      emit_loop(b_, number(0), m, number(kRows), [&](Value* row) {
        Value* rows = least(b_.CreateSub(m, row), number(kRows));
        Value* a_part = element(a_block, b_.CreateMul(row, a_row));
        b_.CreateCall(pack_, {a_part, scratch, size, rows, a_k, a_row, number(kRows)});
        emit_loop(b_, number(0), n, number(kColumns), [&](Value* column) {
          Value* columns = least(b_.CreateSub(n, column), number(kColumns));
          b_.CreateCall(
              pack_, {element(b_block, column), packed_b, size, columns, b_k, number(1), number(kColumns)});
          Value* c_part = word(c, b_.CreateAdd(b_.CreateMul(row, c_row), column));
          Value* packed_k = pairs_ ? pairs : b_.CreateShl(pairs, number(1));
          b_.CreateCall(packed_, {scratch, packed_b, c_part, rows, columns, packed_k, number(1),
                                  number(kRows), number(kColumns), c_row, rest, from_c});
        });
      });
    });
    b_.CreateRetVoid();
  }

  // void pack(ptr from, ptr to, i64 k, i64 n, i64 k_stride, i64 n_stride, i64 to_stride): rows of n elements, pair by
  // pair; the last one has +0 for its odd row if k is odd.
  llvm::Function* emit_pack() {
    Values args;
    llvm::Function* function = begin_function(b_, code_.module(), name_ + ".pack",
                                              {pointer_, pointer_, index_, index_, index_, index_, index_},
                                              llvm::Function::InternalLinkage, args);
    Value *from = args[0], *to = args[1], *k = args[2], *n = args[3], *k_stride = args[4],
          *n_stride = args[5];
    Value* to_step = b_.CreateMul(args[6], number(pairs_ ? 1 : 2));
    const auto emit_pair = [&](Value* first, bool has_odd) {
      Value* even = element(from, b_.CreateMul(first, k_stride));
      Value* odd = has_odd ? element(even, k_stride) : nullptr;
      Value* row = word(to, b_.CreateMul(b_.CreateLShr(first, number(1)), to_step));
      emit_row(even, odd, row, word(row, args[6]), n, n_stride);
    };
    Value* whole = b_.CreateAnd(k, number(-2));
    emit_loop(b_, number(0), whole, number(2), [&](Value* first) { emit_pair(first, true); });
    emit_if(b_, b_.CreateICmpNE(k, whole), [&] { emit_pair(whole, false); });
    b_.CreateRetVoid();
    return function;
  }

  // By vectors as long as elements lie next to each other.
  void emit_row(Value* even, Value* odd, Value* to, Value* to_second, Value* n, Value* n_stride) {
    const auto copy = [&](Value* i, int lanes) {
      const auto load = [&](Value* row) -> Value* {
        llvm::Type* wide = llvm::FixedVectorType::get(b_.getInt32Ty(), lanes);
        if (row == nullptr) return llvm::Constant::getNullValue(wide);
        llvm::Type* type = llvm::FixedVectorType::get(b_.getInt16Ty(), lanes);
        Value* address = element(row, b_.CreateMul(i, n_stride));
        return b_.CreateZExt(b_.CreateAlignedLoad(type, address, llvm::Align(2)), wide);
      };
      const auto store = [&](Value* value, Value* row) {
        b_.CreateAlignedStore(value, word(row, i), llvm::Align(4));
      };
      Value* low = load(even);
      Value* high = b_.CreateShl(load(odd), 16);
      if (pairs_) return store(b_.CreateOr(low, high), to);
      store(high, to);
      store(b_.CreateShl(low, 16), to_second);
    };
    Value* vectors = b_.CreateAnd(n, number(-lanes_));
    Value* done = b_.CreateSelect(b_.CreateICmpEQ(n_stride, number(1)), vectors, number(0));
    emit_loop(b_, number(0), done, number(lanes_), [&](Value* i) { copy(i, lanes_); });
    emit_loop(b_, done, n, number(1), [&](Value* i) { copy(i, 1); });
  }

  const CodeModule& code_;
  llvm::IRBuilder<> b_;
  const bool pairs_;
  const int lanes_;
  const std::string name_;
  llvm::Function* const packed_;
  llvm::Function* pack_ = nullptr;
  llvm::Type *pointer_, *index_;
};

}  // namespace

bool has_bf16_pairs(const Target& target) { return target.isa >= Isa::avx512bf16; }

std::int64_t bf16_dot_scratch_size(const Target& target) {
  return (kRows + kColumns) * kDepth + dot_scratch_size(target, runtime::ElementType::f32);
}

void emit_bf16_dot_kernel(const CodeModule& code, const Target& target, std::string_view packed,
                          std::string_view name) {
  Bf16DotGenerator(code, target, packed, name).emit();
}

// The calls keep arithmetic from moving out of reach of the mode.
void emit_flushed(const CodeModule& code, const std::string& name, llvm::Function* function) {
  llvm::IRBuilder<> b(code.context());
  auto* flushed = llvm::Function::Create(function->getFunctionType(), llvm::Function::ExternalLinkage, name,
                                         code.module());
  flushed->setDoesNotThrow();
  function->addFnAttr(llvm::Attribute::NoInline);
  b.SetInsertPoint(llvm::BasicBlock::Create(code.context(), "entry", flushed));
  Value* saved = b.CreateAlloca(b.getInt32Ty());
  Value* changed = b.CreateAlloca(b.getInt32Ty());
  const auto call = [&](llvm::Intrinsic::ID id, Value* mode) { b.CreateIntrinsic(id, {}, {mode}); };
  call(llvm::Intrinsic::x86_sse_stmxcsr, saved);
  constexpr int kFlushResults = 0x8000, kFlushOperands = 0x0040;
  Value* mode = b.CreateOr(b.CreateLoad(b.getInt32Ty(), saved), b.getInt32(kFlushResults | kFlushOperands));
  b.CreateStore(mode, changed);
  call(llvm::Intrinsic::x86_sse_ldmxcsr, changed);
  llvm::SmallVector<Value*> args;
  for (llvm::Argument& argument : flushed->args()) args.push_back(&argument);
  b.CreateCall(function, args);
  call(llvm::Intrinsic::x86_sse_ldmxcsr, saved);
  b.CreateRetVoid();
}

}  // namespace rondo::codegen
