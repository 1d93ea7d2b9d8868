// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/kernel_emitter.h"

#include <algorithm>
#include <limits>

#include "ir/bfloat16.h"
#include "ir/error.h"

namespace rondo::codegen {

using llvm::Value;

KernelEmitter::KernelEmitter(LibraryState& library, const CodeModule& code, const ir::Op& op,
                             const std::vector<Dim>& symbols, const std::string& name)
    : op(op), b(code.context()), library_(library), once_(code.context()), symbols_(symbols) {
  llvm::SmallVector<llvm::Type*, 16> types = {b.getPtrTy(), b.getInt64Ty()};
  types.append(op.operands.size() + op.results.size(), b.getPtrTy());
  types.append(symbols.size(), b.getInt64Ty());
  function_ = llvm::Function::Create(llvm::FunctionType::get(b.getVoidTy(), types, false),
                                     llvm::Function::ExternalLinkage, name, code.module());
  function_->setDoesNotThrow();
  once_.SetInsertPoint(llvm::BasicBlock::Create(b.getContext(), "once", function_));
  begin_ = llvm::BasicBlock::Create(b.getContext(), "begin", function_);
  b.SetInsertPoint(begin_);
}

Value* KernelEmitter::result(int i) const {
  return function_->getArg(2 + static_cast<unsigned>(op.operands.size()) + i);
}

Value* KernelEmitter::size(Dim dim) {
  const size_t first = 2 + op.operands.size() + op.results.size();
  const auto argument = [&](Dim symbol) -> Value* {
    const auto found = std::find(symbols_.begin(), symbols_.end(), symbol);
    return found == symbols_.end()
               ? nullptr
               : function_->getArg(static_cast<unsigned>(first + (found - symbols_.begin())));
  };
  if (Value* whole = argument(dim)) return whole;
  if (dim.is_constant()) return index(dim.constant());
  Value*& value = sizes_[dim.text()];
  if (value != nullptr) return value;
  for (const Dim::Term& term : dim.terms()) {
    Value* product = nullptr;
    for (const std::string& symbol : term.symbols) {
      Value* factor = argument(Dim(std::string_view(symbol)));
      product = product == nullptr ? factor : once_.CreateMul(product, factor);
    }
    if (product == nullptr)
      product = index(term.coefficient);
    else if (term.coefficient != 1)
      product = once_.CreateMul(product, index(term.coefficient));
    value = value == nullptr ? product : once_.CreateAdd(value, product);
  }
  return value;
}

Value* KernelEmitter::context(ContextField field) {
  Value*& value = fields_[field];
  if (value == nullptr)
    value =
        once_.CreateLoad(b.getPtrTy(), once_.CreateConstGEP1_64(b.getPtrTy(), function_->getArg(0), field));
  return value;
}

Value* KernelEmitter::stack_slot(std::int64_t bytes) {
  llvm::AllocaInst* slot = once_.CreateAlloca(llvm::ArrayType::get(b.getInt8Ty(), bytes));
  slot->setAlignment(llvm::Align(64));
  return slot;
}

Value* KernelEmitter::scratch(std::int64_t bytes) {
  library_.scratch_bytes = std::max(library_.scratch_bytes, bytes);
  return context(kScratchField);
}

// An entry of the table that a field of the context points at: a pointer.
Value* KernelEmitter::entry(ContextField table, std::int64_t number) {
  return once_.CreateLoad(b.getPtrTy(), once_.CreateConstGEP1_64(b.getPtrTy(), context(table), number));
}

Value* KernelEmitter::host_kernel(ir::Kernel kernel) {
  std::vector<ir::Kernel>& called = library_.called;
  auto found = std::find(called.begin(), called.end(), kernel);
  if (found == called.end()) found = called.insert(found, kernel);
  return entry(kKernelsField, found - called.begin());
}

void KernelEmitter::call_prebuilt(unsigned field, llvm::ArrayRef<Value*> args) {
  llvm::SmallVector<llvm::Type*> types;
  for (Value* arg : args) types.push_back(arg->getType());
  auto* type = llvm::FunctionType::get(b.getVoidTy(), types, false);
  b.CreateCall(type, entry(kPrebuiltField, field), args)->setDoesNotThrow();
}

void KernelEmitter::record_error(Value* position) {
  auto* type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty()}, false);
  llvm::CallInst* call =
      b.CreateCall(type, context(kRecordErrorField), {context(kErrorField), op_number(), position});
  call->setDoesNotThrow();
}

void KernelEmitter::loop(Dim size, llvm::function_ref<void(Value*)> body) {
  if (size.is_constant(1)) return body(index(0));
  emit_loop(b, index(0), this->size(size), index(1), body);
}

void KernelEmitter::vector_loop(Dim size, int lanes, llvm::function_ref<void(const Span&)> body,
                                Value* begin) {
  const bool from_start = begin == nullptr;
  Value* end = this->size(size);
  if (from_start) begin = index(0);
  if (from_start && size.is_constant(lanes)) return body({begin, lanes, end, nullptr});
  const auto emit_range = [&](Value* from, Value* to, int width) {
    emit_loop(b, from, to, index(width), [&](Value* i) { body({i, width, index(width), nullptr}); });
  };
  const bool multiple = std::all_of(size.terms().begin(), size.terms().end(),
                                    [&](const Dim::Term& term) { return term.coefficient % lanes == 0; });
  if (multiple) return emit_range(begin, end, lanes);
  if (target().isa >= Isa::avx512) {
    const auto masked = [&](Value* i) {
      Value* active = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateSub(end, i), index(lanes));
      body({i, lanes, active, emit_lane_mask(b, lanes, active)});
    };
    const bool single = from_start && size.is_constant() && size.constant() < lanes;  // and not 0, a multiple
    return single ? masked(begin) : emit_loop(b, begin, end, index(lanes), masked);
  }
  Value* middle = b.CreateAnd(end, index(-lanes));
  emit_range(begin, middle, lanes);
  emit_range(middle, end, 1);
}

void KernelEmitter::finish() {
  b.CreateRetVoid();
  once_.CreateBr(begin_);
}

llvm::Type* register_type(llvm::LLVMContext& context, DType dtype) {
  switch (dtype.id()) {
    case DType::kF32:
      return llvm::Type::getFloatTy(context);
    case DType::kF64:
      return llvm::Type::getDoubleTy(context);
    case DType::kBf16:
      return llvm::Type::getInt16Ty(context);
    case DType::kI32:
      return llvm::Type::getInt32Ty(context);
    case DType::kI64:
      return llvm::Type::getInt64Ty(context);
    case DType::kI1:
      return llvm::Type::getInt1Ty(context);
  }
  throw InternalError("llvm: no type for " + std::string(dtype.text()));
}

llvm::Type* memory_type(llvm::LLVMContext& context, DType dtype) {
  return dtype == i1 ? llvm::Type::getInt8Ty(context) : register_type(context, dtype);
}

llvm::Type* lanes_of(llvm::Type* type, int lanes) {
  return lanes == 1 ? type : llvm::FixedVectorType::get(type, lanes);
}

llvm::Constant* constant_element(llvm::LLVMContext& context, DType dtype, const ir::Number& value,
                                 int lanes) {
  llvm::Type* type = lanes_of(register_type(context, dtype), lanes);
  const ir::Number element = value.as(dtype);
  if (dtype == f32)
    return llvm::ConstantFP::get(type, llvm::APFloat(static_cast<float>(element.as_double())));
  if (dtype == f64) return llvm::ConstantFP::get(type, llvm::APFloat(element.as_double()));
  if (dtype == bf16) return llvm::ConstantInt::get(type, ir::Bfloat16(element.as_double()).bits);
  return llvm::ConstantInt::getSigned(type, element.as_int());
}

llvm::Constant* least_element(llvm::LLVMContext& context, DType dtype, int lanes) {
  if (dtype.is_float())
    return constant_element(context, dtype, -std::numeric_limits<double>::infinity(), lanes);
  const auto bits = static_cast<unsigned>(8 * dtype.bytes());
  return llvm::ConstantInt::get(lanes_of(register_type(context, dtype), lanes),
                                llvm::APInt::getSignedMinValue(bits));
}

llvm::Constant* greatest_element(llvm::LLVMContext& context, DType dtype, int lanes) {
  if (dtype.is_float())
    return constant_element(context, dtype, std::numeric_limits<double>::infinity(), lanes);
  const auto bits = static_cast<unsigned>(8 * dtype.bytes());
  return llvm::ConstantInt::get(lanes_of(register_type(context, dtype), lanes),
                                llvm::APInt::getSignedMaxValue(bits));
}

int vector_lanes(const Target& target, DType dtype) {
  return target.lanes(static_cast<int>(std::max(f32.bytes(), dtype.bytes())));
}

Value* load_elements(llvm::IRBuilder<>& b, DType dtype, Value* base, Value* at, int lanes, Value* mask) {
  llvm::Type* element = memory_type(b.getContext(), dtype);
  llvm::Type* type = lanes_of(element, lanes);
  Value* address = b.CreateGEP(element, base, at);
  const llvm::Align align(dtype.bytes());
  Value* loaded = mask == nullptr
                      ? static_cast<Value*>(b.CreateAlignedLoad(type, address, align))
                      : b.CreateMaskedLoad(type, address, align, mask, llvm::Constant::getNullValue(type));
  return dtype == i1 ? b.CreateICmpNE(loaded, llvm::Constant::getNullValue(type)) : loaded;
}

void store_elements(llvm::IRBuilder<>& b, DType dtype, Value* value, Value* base, Value* at, int lanes,
                    Value* mask) {
  llvm::Type* element = memory_type(b.getContext(), dtype);
  if (dtype == i1) value = b.CreateZExt(value, lanes_of(element, lanes));
  Value* address = b.CreateGEP(element, base, at);
  const llvm::Align align(dtype.bytes());
  if (mask == nullptr)
    b.CreateAlignedStore(value, address, align);
  else
    b.CreateMaskedStore(value, address, align, mask);
}

void copy_elements(llvm::IRBuilder<>& b, DType dtype, Value* to, Value* from, Value* count) {
  const llvm::Align align(dtype.bytes());
  b.CreateMemCpy(to, align, from, align, b.CreateMul(count, b.getInt64(dtype.bytes())));
}

}  // namespace rondo::codegen
