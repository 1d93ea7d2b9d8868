// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to this folder: it includes LLVM.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "backends/llvm/codegen/builder_llvm.h"
#include "backends/llvm/context.h"
#include "backends/llvm/jit.h"
#include "backends/llvm/kernels.h"
#include "ir/graph.h"

namespace rondo::codegen {

/// What the functions of one library have in common.
struct LibraryState {
  const std::span<const CodeModule> modules;
  const Target target;
  std::unordered_map<std::string, std::string> functions = {};  // by the op's canonical text
  std::vector<ir::Kernel> called = {};
  std::int64_t scratch_bytes = 0;
  std::vector<size_t> costs = std::vector<size_t>(modules.size(), 0);  // of compiling each, about
};

/// One kernel under construction. Its function begins with a block for what is computed once, whatever the
/// block that is being written: sizes, fields of the context, stack slots.
class KernelEmitter {
 public:
  KernelEmitter(LibraryState& library, const CodeModule& code, const ir::Op& op,
                const std::vector<Dim>& symbols, const std::string& name);

  const ir::Op& op;
  llvm::IRBuilder<> b;

  const Target& target() const { return library_.target; }
  llvm::Value* operand(int i) const { return function_->getArg(2 + i); }
  llvm::Value* result(int i) const;
  llvm::Value* op_number() const { return function_->getArg(1); }

  llvm::Constant* index(std::int64_t value) { return b.getInt64(value); }
  /// The value of a dim, i64.
  llvm::Value* size(Dim dim);
  /// A field of the context: a pointer.
  llvm::Value* context(ContextField field);
  /// Memory on the stack, in bytes, aligned to a vector.
  llvm::Value* stack_slot(std::int64_t bytes);
  /// Scratch memory of at least so many bytes; every call gives the same.
  llvm::Value* scratch(std::int64_t bytes);
  /// The host kernel, as a pointer to code.
  llvm::Value* host_kernel(ir::Kernel kernel);
  /// Calls a function of PrebuiltKernels, by the number of its field.
  void call_prebuilt(unsigned field, llvm::ArrayRef<llvm::Value*> args);

  void record_error(llvm::Value* position);

  /// Emits body(i) for i = 0 .. size - 1.
  void loop(Dim size, llvm::function_ref<void(llvm::Value* i)> body);

  /// Some lanes of a loop: elements i .. i + active - 1, where active is at most `lanes`; `mask` is nullptr
  /// where it is all of them.
  struct Span {
    llvm::Value* i;
    int lanes;
    llvm::Value* active;
    llvm::Value* mask;
    llvm::Value* needed = nullptr;  ///< the lanes of which a value is used at all, if that is known
  };
  /// The same by vectors of `lanes`. If the size is no multiple of them, AVX-512 masks every vector, which is
  /// cheap and needs the body just once; other targets finish with single elements. Starts from `begin`, a
  /// multiple of `lanes`, if that is given.
  void vector_loop(Dim size, int lanes, llvm::function_ref<void(const Span&)> body,
                   llvm::Value* begin = nullptr);

  /// Ends the function. To be called once, when the builder stands at the end of what the kernel does.
  void finish();

 private:
  llvm::Value* entry(ContextField table, std::int64_t number);

  LibraryState& library_;
  llvm::Function* function_;
  llvm::IRBuilder<> once_;  // at the end of the first block
  llvm::BasicBlock* begin_;
  std::vector<Dim> symbols_;                   // that arguments are, lone symbols but for the length of a row
  std::map<std::string, llvm::Value*> sizes_;  // by the dim's text
  std::map<unsigned, llvm::Value*> fields_;
};

/// An element's type in memory (an i1 takes a byte) or in a register (a bf16 is an i16).
llvm::Type* memory_type(llvm::LLVMContext& context, DType dtype);
llvm::Type* register_type(llvm::LLVMContext& context, DType dtype);
/// `lanes` of them; one lane is no vector.
llvm::Type* lanes_of(llvm::Type* type, int lanes);

/// The number as an element; spread over the lanes.
llvm::Constant* constant_element(llvm::LLVMContext& context, DType dtype, const ir::Number& value, int lanes);

/// -inf or the least integer, which any maximum is taken of; inf or the greatest integer, for minima. Spread over
/// the lanes.
llvm::Constant* least_element(llvm::LLVMContext& context, DType dtype, int lanes);
llvm::Constant* greatest_element(llvm::LLVMContext& context, DType dtype, int lanes);

/// Vectors of elements that are as wide as this type fill a register with so many lanes; what is narrower than an
/// f32 counts as wide as one, with which it comes.
int vector_lanes(const Target& target, DType dtype);

// Loads and stores of elements next to each other, i1 as i1. With a mask only its lanes are touched; the
// other lanes of a load are 0.
llvm::Value* load_elements(llvm::IRBuilder<>& b, DType dtype, llvm::Value* base, llvm::Value* at, int lanes,
                           llvm::Value* mask = nullptr);
void store_elements(llvm::IRBuilder<>& b, DType dtype, llvm::Value* value, llvm::Value* base, llvm::Value* at,
                    int lanes, llvm::Value* mask = nullptr);

/// What elements are computed in: f32 for bf16, else their own type. From one to the other, as `to_stored` rounds.
DType computed(DType dtype);
llvm::Value* to_computed(llvm::IRBuilder<>& b, DType dtype, llvm::Value* stored);
llvm::Value* to_stored(llvm::IRBuilder<>& b, DType dtype, llvm::Value* computed);
/// A float, a signed integer or an i1, rounded once.
llvm::Value* round_to_bf16(llvm::IRBuilder<>& b, llvm::Value* x);

/// Copies `count` elements, as bytes.
void copy_elements(llvm::IRBuilder<>& b, DType dtype, llvm::Value* to, llvm::Value* from, llvm::Value* count);

// The families of ops, each in its file.
void emit_fusion(KernelEmitter& e);
void emit_reduce(KernelEmitter& e);
void emit_argmax(KernelEmitter& e);
void emit_dot(KernelEmitter& e);
void emit_gather(KernelEmitter& e);
void emit_scatter(KernelEmitter& e);
void emit_topk(KernelEmitter& e);
void emit_transpose(KernelEmitter& e);
void emit_reshape(KernelEmitter& e);
void emit_check(KernelEmitter& e);

/// One element-wise op on the lanes of a span. What has no instructions is a call of the row's host kernel, left
/// out where no lane needs it.
llvm::Value* emit_elementwise(KernelEmitter& e, const ir::Op& op, llvm::ArrayRef<llvm::Value*> args,
                              const KernelEmitter::Span& span);

// Sum, maximum and minimum as the language has them.
llvm::Value* emit_add(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* y);
llvm::Value* emit_max(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* y);
llvm::Value* emit_min(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* y);

// Parts of reductions (ir/reduction_order.h), in what their elements are computed in. What a total starts from, spread
// over the lanes; a total of two; of the lanes of a block, which vectors hold one after another.
llvm::Constant* start_of_total(llvm::LLVMContext& context, const ir::Op& reduction, DType dtype, int lanes);
llvm::Value* emit_combine(llvm::IRBuilder<>& b, const ir::Op& reduction, llvm::Value* x, llvm::Value* y);
llvm::Value* emit_halving(llvm::IRBuilder<>& b, const ir::Op& reduction,
                          llvm::ArrayRef<llvm::Value*> vectors);

}  // namespace rondo::codegen
