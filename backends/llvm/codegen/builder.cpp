// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/codegen/builder_llvm.h"

#include "ir/error.h"

namespace rondo::codegen {
namespace {

llvm::BasicBlock* append_block(llvm::IRBuilder<>& builder, const char* name) {
  return llvm::BasicBlock::Create(builder.getContext(), name, builder.GetInsertBlock()->getParent());
}

}  // namespace

// Tested at the bottom, with a guard in front: the shape that LICM and the code generator want.
Values emit_loop(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, llvm::Value* step,
                 llvm::ArrayRef<llvm::Value*> carried,
                 llvm::function_ref<Values(llvm::Value* index, llvm::ArrayRef<llvm::Value*> carried)> body) {
  llvm::BasicBlock* before = builder.GetInsertBlock();
  llvm::BasicBlock* loop = append_block(builder, "loop");
  llvm::BasicBlock* after = append_block(builder, "after");
  builder.CreateCondBr(builder.CreateICmpSLT(begin, end), loop, after);

  builder.SetInsertPoint(loop);
  llvm::PHINode* index = builder.CreatePHI(builder.getInt64Ty(), 2, "index");
  index->addIncoming(begin, before);
  llvm::SmallVector<llvm::PHINode*, 32> phis;
  for (llvm::Value* value : carried) {
    phis.push_back(builder.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
  }
  Values next = body(index, Values(phis.begin(), phis.end()));
  assert(next.size() == carried.size());
  llvm::Value* next_index = builder.CreateNSWAdd(index, step);
  llvm::BasicBlock* latch = builder.GetInsertBlock();
  index->addIncoming(next_index, latch);
  for (auto [phi, value] : llvm::zip_equal(phis, next)) phi->addIncoming(value, latch);
  builder.CreateCondBr(builder.CreateICmpSLT(next_index, end), loop, after);

  builder.SetInsertPoint(after);
  Values results;
  for (auto [value_before, value_next] : llvm::zip_equal(carried, next)) {
    llvm::PHINode* phi = builder.CreatePHI(value_before->getType(), 2);
    phi->addIncoming(value_before, before);
    phi->addIncoming(value_next, latch);
    results.push_back(phi);
  }
  return results;
}

void emit_loop(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, llvm::Value* step,
               llvm::function_ref<void(llvm::Value* index)> body) {
  emit_loop(builder, begin, end, step, {}, [&](llvm::Value* index, llvm::ArrayRef<llvm::Value*>) {
    body(index);
    return Values{};
  });
}

Values emit_while_loop(llvm::IRBuilder<>& builder, llvm::ArrayRef<llvm::Value*> carried,
                       llvm::function_ref<llvm::Value*(llvm::ArrayRef<llvm::Value*> carried)> test,
                       llvm::function_ref<Values(llvm::ArrayRef<llvm::Value*> carried)> body) {
  llvm::BasicBlock* before = builder.GetInsertBlock();
  llvm::BasicBlock* head = append_block(builder, "test");
  llvm::BasicBlock* loop = append_block(builder, "do");
  llvm::BasicBlock* after = append_block(builder, "after");
  builder.CreateBr(head);
  builder.SetInsertPoint(head);
  Values phis;
  for (llvm::Value* value : carried) {
    llvm::PHINode* phi = builder.CreatePHI(value->getType(), 2);
    phi->addIncoming(value, before);
    phis.push_back(phi);
  }
  builder.CreateCondBr(test(phis), loop, after);
  builder.SetInsertPoint(loop);
  const Values next = body(phis);
  for (auto [phi, value] : llvm::zip_equal(phis, next))
    llvm::cast<llvm::PHINode>(phi)->addIncoming(value, builder.GetInsertBlock());
  builder.CreateBr(head);
  builder.SetInsertPoint(after);
  return phis;
}

Values emit_if(llvm::IRBuilder<>& builder, llvm::Value* condition, llvm::function_ref<Values()> then,
               llvm::function_ref<Values()> otherwise) {
  llvm::BasicBlock* then_block = append_block(builder, "then");
  llvm::BasicBlock* else_block = append_block(builder, "else");
  llvm::BasicBlock* join = append_block(builder, "join");
  builder.CreateCondBr(condition, then_block, else_block);
  builder.SetInsertPoint(then_block);
  Values then_values = then();
  then_block = builder.GetInsertBlock();
  builder.CreateBr(join);
  builder.SetInsertPoint(else_block);
  Values else_values = otherwise();
  else_block = builder.GetInsertBlock();
  builder.CreateBr(join);
  builder.SetInsertPoint(join);
  Values merged;
  for (auto [a, b] : llvm::zip_equal(then_values, else_values)) {
    llvm::PHINode* phi = builder.CreatePHI(a->getType(), 2);
    phi->addIncoming(a, then_block);
    phi->addIncoming(b, else_block);
    merged.push_back(phi);
  }
  return merged;
}

void emit_if(llvm::IRBuilder<>& builder, llvm::Value* condition, llvm::function_ref<void()> then) {
  llvm::BasicBlock* then_block = append_block(builder, "then");
  llvm::BasicBlock* join = append_block(builder, "join");
  builder.CreateCondBr(condition, then_block, join);
  builder.SetInsertPoint(then_block);
  then();
  builder.CreateBr(join);
  builder.SetInsertPoint(join);
}

// Compared as i32, which takes half the registers of i64.
llvm::Value* emit_lane_mask(llvm::IRBuilder<>& builder, int lanes, llvm::Value* count) {
  llvm::Value* used = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, count, builder.getInt64(lanes));
  llvm::Value* limit = builder.CreateVectorSplat(lanes, builder.CreateTrunc(used, builder.getInt32Ty()));
  llvm::Value* lane = builder.CreateStepVector(llvm::FixedVectorType::get(builder.getInt32Ty(), lanes));
  return builder.CreateICmpULT(lane, limit);
}

llvm::Type* float_type(llvm::LLVMContext& context, runtime::ElementType type) {
  if (type == runtime::ElementType::f32) return llvm::Type::getFloatTy(context);
  if (type == runtime::ElementType::f64) return llvm::Type::getDoubleTy(context);
  throw InternalError(std::string("llvm: no dot kernel for ") + runtime::name(type));
}

llvm::Function* begin_function(llvm::IRBuilder<>& builder, llvm::Module& module, const llvm::Twine& name,
                               llvm::ArrayRef<llvm::Type*> types, llvm::Function::LinkageTypes linkage,
                               Values& arguments) {
  auto* function = llvm::Function::Create(llvm::FunctionType::get(builder.getVoidTy(), types, false), linkage,
                                          name, module);
  function->setDoesNotThrow();
  for (llvm::Argument& argument : function->args()) {
    if (argument.getType()->isPointerTy()) argument.addAttr(llvm::Attribute::NoAlias);
    arguments.push_back(&argument);
  }
  builder.SetInsertPoint(llvm::BasicBlock::Create(builder.getContext(), "entry", function));
  return function;
}

}  // namespace rondo::codegen
