// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to backends/llvm: it includes LLVM.
#pragma once

#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <string>

#include "backends/llvm/codegen/code_module.h"
#include "runtime/array.h"

namespace rondo::codegen {

using Values = llvm::SmallVector<llvm::Value*, 32>;

/// Emits `for (index = begin; index < end; index += step)`, signed i64, whose body maps the carried values to
/// their next ones (of the same types and number). Leaves the builder behind the loop and gives the values
/// that were carried out of it: those that went in, if the loop doesn't run.
Values emit_loop(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, llvm::Value* step,
                 llvm::ArrayRef<llvm::Value*> carried,
                 llvm::function_ref<Values(llvm::Value* index, llvm::ArrayRef<llvm::Value*> carried)> body);

/// The same without carried values.
void emit_loop(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, llvm::Value* step,
               llvm::function_ref<void(llvm::Value* index)> body);

/// Emits `while (test(carried)) carried = body(carried)` and gives the values for which the test was false.
Values emit_while_loop(llvm::IRBuilder<>& builder, llvm::ArrayRef<llvm::Value*> carried,
                       llvm::function_ref<llvm::Value*(llvm::ArrayRef<llvm::Value*> carried)> test,
                       llvm::function_ref<Values(llvm::ArrayRef<llvm::Value*> carried)> body);

/// Emits `if (condition) then() else otherwise()`; the branches give as many values each, and get merged.
Values emit_if(llvm::IRBuilder<>& builder, llvm::Value* condition, llvm::function_ref<Values()> then,
               llvm::function_ref<Values()> otherwise);

/// Emits `if (condition) then()`.
void emit_if(llvm::IRBuilder<>& builder, llvm::Value* condition, llvm::function_ref<void()> then);

/// A mask of `lanes` lanes, of which the first `count` are set, or all if `count` (i64, not negative) is
/// more.
llvm::Value* emit_lane_mask(llvm::IRBuilder<>& builder, int lanes, llvm::Value* count);

/// LLVM's type of the elements of an f32 or f64 array; InternalError for any other.
llvm::Type* float_type(llvm::LLVMContext& context, runtime::ElementType type);

/// Adds a function without result to the module, which throws nothing and whose pointer arguments overlap
/// nothing else that it reads or writes. Leaves the builder at its begin; `arguments` are its arguments.
llvm::Function* begin_function(llvm::IRBuilder<>& builder, llvm::Module& module, const llvm::Twine& name,
                               llvm::ArrayRef<llvm::Type*> types, llvm::Function::LinkageTypes linkage,
                               Values& arguments);

/// Adds a function `name` that calls this one, which has no result, while the machine flushes floats below the normal
/// numbers to zero, operands and results.
void emit_flushed(const CodeModule& code, const std::string& name, llvm::Function* function);

}  // namespace rondo::codegen
