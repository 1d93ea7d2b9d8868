// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The arithmetic of element-wise ops on one element or one vector: the bits of ir/ops/scalar_math.h. bf16 is
// widened to f32 before and rounded after; what just moves bits takes it as it is. A
// function here gives nullptr for what it has no instructions for; the op is then a call of its row's host
// kernel.
#include <llvm/IR/Intrinsics.h>

#include <functional>

#include "backends/llvm/kernel_emitter.h"
#include "ir/error.h"
#include "ir/ops/elementwise.h"

namespace rondo::codegen {

namespace {

using llvm::Value;
using llvm::Intrinsic::ID;
using Builder = llvm::IRBuilder<>;
using Args = llvm::ArrayRef<Value*>;
using Predicate = llvm::CmpInst::Predicate;

struct Operation {
  Builder& b;
  const Target& target;
  const ir::Op& op;
  Args x;
  DType dtype;  // of the last of x
};
using Emit = Value* (*)(const Operation&);

Value* zero(const Value* like) { return llvm::Constant::getNullValue(like->getType()); }
Value* integer(const Value* like, std::int64_t value) {
  return llvm::ConstantInt::getSigned(like->getType(), value);
}

Value* sub(const Operation& o) {
  return o.dtype.is_float() ? o.b.CreateFSub(o.x[0], o.x[1]) : o.b.CreateSub(o.x[0], o.x[1]);
}
Value* mul(const Operation& o) {
  return o.dtype.is_float() ? o.b.CreateFMul(o.x[0], o.x[1]) : o.b.CreateMul(o.x[0], o.x[1]);
}
Value* neg(const Operation& o) { return o.dtype.is_float() ? o.b.CreateFNeg(o.x[0]) : o.b.CreateNeg(o.x[0]); }

// The machine traps at x/0 and MIN/-1: both divide by 1 instead, and are put right afterwards.
Value* divide(const Operation& o, bool remainder) {
  Value *x = o.x[0], *y = o.x[1];
  Value* by_zero = o.b.CreateICmpEQ(y, zero(y));
  Value* by_minus_one = o.b.CreateICmpEQ(y, integer(y, -1));
  Value* divisor = o.b.CreateSelect(o.b.CreateOr(by_zero, by_minus_one), integer(y, 1), y);
  if (remainder) return o.b.CreateSelect(by_zero, x, o.b.CreateSRem(x, divisor));
  Value* quotient = o.b.CreateSelect(by_minus_one, o.b.CreateNeg(x), o.b.CreateSDiv(x, divisor));
  return o.b.CreateSelect(by_zero, zero(x), quotient);
}
Value* div(const Operation& o) {
  return o.dtype.is_float() ? o.b.CreateFDiv(o.x[0], o.x[1]) : divide(o, false);
}
Value* rem(const Operation& o) { return o.dtype.is_float() ? nullptr : divide(o, true); }

// x if it wins or is NaN, else y: so y at a tie, and if y is NaN.
Value* extreme(Builder& b, Value* x, Value* y, Predicate wins, ID integers) {
  if (!x->getType()->isFPOrFPVectorTy()) return b.CreateBinaryIntrinsic(integers, x, y);
  Value* winner = b.CreateSelect(b.CreateFCmp(wins, x, y), x, y);
  return b.CreateSelect(b.CreateFCmpUNO(x, x), x, winner);
}

Value* abs(const Operation& o) {
  if (o.dtype.is_float()) return o.b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, o.x[0]);
  return o.b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, o.x[0], o.b.getFalse());
}
Value* sqrt(const Operation& o) { return o.b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, o.x[0]); }
Value* whole(const Operation& o, ID rounding) {  // the base has no such instruction
  return o.target.isa == Isa::base ? nullptr : o.b.CreateUnaryIntrinsic(rounding, o.x[0]);
}
Value* fma(const Operation& o) {
  return o.b.CreateIntrinsic(llvm::Intrinsic::fma, {o.x[0]->getType()}, {o.x[0], o.x[1], o.x[2]});
}

Value* shift(const Operation& o, llvm::Instruction::BinaryOps direction) {
  Value *x = o.x[0], *amount = o.x[1];
  Value* within = o.b.CreateICmpULT(amount, integer(amount, 8 * o.dtype.bytes()));
  return o.b.CreateSelect(within, o.b.CreateBinOp(direction, x, amount), zero(x));
}

Value* compare(const Operation& o) {
  struct Row {
    Predicate floats, integers, truths;
  };
  static const std::unordered_map<std::string, Row> rows = {
      {"eq", {Predicate::FCMP_OEQ, Predicate::ICMP_EQ, Predicate::ICMP_EQ}},
      {"ne", {Predicate::FCMP_UNE, Predicate::ICMP_NE, Predicate::ICMP_NE}},
      {"lt", {Predicate::FCMP_OLT, Predicate::ICMP_SLT, Predicate::ICMP_ULT}},
      {"le", {Predicate::FCMP_OLE, Predicate::ICMP_SLE, Predicate::ICMP_ULE}},
      {"gt", {Predicate::FCMP_OGT, Predicate::ICMP_SGT, Predicate::ICMP_UGT}},
      {"ge", {Predicate::FCMP_OGE, Predicate::ICMP_SGE, Predicate::ICMP_UGE}},
  };
  const Row& row = rows.at(o.op.text_attr("is"));
  if (o.dtype.is_float()) return o.b.CreateFCmp(row.floats, o.x[0], o.x[1]);
  return o.b.CreateICmp(o.dtype == i1 ? row.truths : row.integers, o.x[0], o.x[1]);
}

llvm::Type* result_type(const Operation& o) {
  llvm::Type* element = register_type(o.b.getContext(), o.op.result()->type.dtype);
  return o.x[0]->getType()->getWithNewType(element);
}

Value* convert(const Operation& o) {
  const DType from = computed(o.dtype), to = o.op.result()->type.dtype;
  if (o.dtype == to) return o.x[0];
  Value* x = to_computed(o.b, o.dtype, o.x[0]);
  if (to == bf16) return round_to_bf16(o.b, x);
  if (from == to) return x;
  llvm::Type* type = result_type(o);
  if (to == i1) return from.is_float() ? o.b.CreateFCmpUNE(x, zero(x)) : o.b.CreateICmpNE(x, zero(x));
  if (from.is_float() && to.is_float()) return o.b.CreateFPCast(x, type);
  if (from.is_float()) return o.b.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {type, x->getType()}, {x});
  if (to.is_float()) return from == i1 ? o.b.CreateUIToFP(x, type) : o.b.CreateSIToFP(x, type);
  return from == i1 ? o.b.CreateZExt(x, type) : o.b.CreateSExtOrTrunc(x, type);
}

const std::unordered_map<const ir::OpRow*, Emit>& instructions() {
  namespace ops = ir::ops;
  static const std::unordered_map<const ir::OpRow*, Emit> table = {
      {&ops::add, [](const Operation& o) { return emit_add(o.b, o.x[0], o.x[1]); }},
      {&ops::sub, sub},
      {&ops::mul, mul},
      {&ops::div, div},
      {&ops::rem, rem},
      {&ops::neg, neg},
      {&ops::abs, abs},
      {&ops::sqrt, sqrt},
      {&ops::floor, [](const Operation& o) { return whole(o, llvm::Intrinsic::floor); }},
      {&ops::ceil, [](const Operation& o) { return whole(o, llvm::Intrinsic::ceil); }},
      {&ops::round, [](const Operation& o) { return whole(o, llvm::Intrinsic::roundeven); }},
      {&ops::fma, fma},
      {&ops::min, [](const Operation& o) { return emit_min(o.b, o.x[0], o.x[1]); }},
      {&ops::max, [](const Operation& o) { return emit_max(o.b, o.x[0], o.x[1]); }},
      {&ops::compare, compare},
      {&ops::select, [](const Operation& o) { return o.b.CreateSelect(o.x[0], o.x[1], o.x[2]); }},
      {&ops::convert, convert},
      {&ops::bitcast, [](const Operation& o) { return o.b.CreateBitCast(o.x[0], result_type(o)); }},
      {&ops::and_, [](const Operation& o) { return o.b.CreateAnd(o.x[0], o.x[1]); }},
      {&ops::or_, [](const Operation& o) { return o.b.CreateOr(o.x[0], o.x[1]); }},
      {&ops::xor_, [](const Operation& o) { return o.b.CreateXor(o.x[0], o.x[1]); }},
      {&ops::not_, [](const Operation& o) { return o.b.CreateNot(o.x[0]); }},
      {&ops::shl, [](const Operation& o) { return shift(o, llvm::Instruction::Shl); }},
      {&ops::shr, [](const Operation& o) { return shift(o, llvm::Instruction::LShr); }},
      {&ops::identity, [](const Operation& o) { return o.x[0]; }},
      {&ops::stop_gradient, [](const Operation& o) { return o.x[0]; }},
  };
  return table;
}

bool moves_bits(const ir::OpRow* row) {
  namespace ops = ir::ops;
  return row == &ops::select || row == &ops::identity || row == &ops::stop_gradient || row == &ops::bitcast ||
         row == &ops::convert;  // which sees to bf16 itself
}

// nullptr if there are no instructions.
Value* emit_instructions(KernelEmitter& e, const ir::Op& op, Args args) {
  const auto found = instructions().find(op.row);
  if (found == instructions().end()) return nullptr;
  const DType dtype = op.operands.back()->type.dtype;
  if (moves_bits(op.row)) return found->second({e.b, e.target(), op, args, dtype});
  Values wide;
  for (size_t i = 0; i < args.size(); ++i)
    wide.push_back(to_computed(e.b, op.operands[i]->type.dtype, args[i]));
  Value* value = found->second({e.b, e.target(), op, wide, computed(dtype)});
  return value == nullptr ? nullptr : to_stored(e.b, op.result()->type.dtype, value);
}

// Vectors go through the stack.
Value* call_host_kernel(KernelEmitter& e, const ir::Op& op, Args args, const KernelEmitter::Span& span) {
  const DType dtype = op.operands.back()->type.dtype;
  const ir::Kernel kernel = ir::element_math(op).kernels[dtype.id()];
  if (kernel == nullptr)
    throw InternalError("llvm: no code for " + op.row->name + " of " + std::string(dtype.text()));
  Value* operands = e.stack_slot(static_cast<std::int64_t>(args.size() * sizeof(void*)));
  for (size_t i = 0; i < args.size(); ++i) {
    const DType element = op.operands[i]->type.dtype;
    Value* slot = e.stack_slot(span.lanes * element.bytes());
    store_elements(e.b, element, args[i], slot, e.index(0), span.lanes);
    e.b.CreateStore(slot, e.b.CreateConstGEP1_64(e.b.getPtrTy(), operands, i));
  }
  const DType element = op.result()->type.dtype;
  Value* result = e.stack_slot(span.lanes * element.bytes());
  auto* type =
      llvm::FunctionType::get(e.b.getVoidTy(), {e.b.getPtrTy(), e.b.getPtrTy(), e.b.getInt64Ty()}, false);
  const auto call = [&, code = e.host_kernel(kernel)] {
    e.b.CreateCall(type, code, {operands, result, span.active})->setDoesNotThrow();
  };
  if (span.needed == nullptr)
    call();
  else
    emit_if(e.b, span.lanes == 1 ? span.needed : e.b.CreateOrReduce(span.needed), call);
  return load_elements(e.b, element, result, e.index(0), span.lanes);
}

}  // namespace

Value* emit_add(Builder& b, Value* x, Value* y) {
  return x->getType()->isFPOrFPVectorTy() ? b.CreateFAdd(x, y) : b.CreateAdd(x, y);
}

Value* emit_max(Builder& b, Value* x, Value* y) {
  return extreme(b, x, y, Predicate::FCMP_OGT, llvm::Intrinsic::smax);
}

Value* emit_min(Builder& b, Value* x, Value* y) {
  return extreme(b, x, y, Predicate::FCMP_OLT, llvm::Intrinsic::smin);
}

Value* emit_elementwise(KernelEmitter& e, const ir::Op& op, Args args, const KernelEmitter::Span& span) {
  Value* value = emit_instructions(e, op, args);
  return value != nullptr ? value : call_host_kernel(e, op, args, span);
}

}  // namespace rondo::codegen
