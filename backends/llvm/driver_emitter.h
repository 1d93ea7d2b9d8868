// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to this folder: it includes LLVM.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "backends/llvm/codegen/builder_llvm.h"
#include "backends/llvm/driver.h"
#include "ir/scan.h"
#include "passes/memory_plan.h"

namespace rondo::codegen {

/// The driver of a function under construction, and with it the functions of the `rows` ops.
class DriverEmitter {
 public:
  DriverEmitter(const CodeModule& code, KernelLibrary& kernels, const backends::DotLibrary* library,
                const ir::Function& function, const std::vector<RowShares>& shares,
                const std::vector<ColumnShare>& columns, const std::vector<JobGroup>& jobs,
                const LiveLoops& live, std::string_view name);

  /// To be called once.
  DriverTables run();

 private:
  // Functions, and what they read of their frame: driver.cpp.

  llvm::Function* begin(const std::string& part, llvm::Type* result, llvm::Function::LinkageTypes linkage,
                        llvm::ArrayRef<llvm::Type*> behind_frame = {});
  void return_if(llvm::Value* condition);
  void stop_if_error_recorded();
  bool writes_parameter(const ir::Op& op) const;

  llvm::Value* entry(llvm::Type* type, llvm::Value* table, int64_t number);
  llvm::Value* field(llvm::Value* table, int64_t number) { return entry(b_.getPtrTy(), table, number); }
  llvm::Value* size(Dim dim);
  llvm::Value* bytes(const Type& type) { return size(type.bytes()); }

  static int64_t buffer_number(const ir::Value* value);
  // Where a buffer is: that of the plan, or within a scan's body what its number means there.
  llvm::Value* buffer(int64_t number);
  llvm::Value* pointer(const ir::Value* value);
  llvm::Value* behind(llvm::Value* begin, Dim bytes);

  // Ops.

  void emit_all(const ir::Graph& graph, size_t first, size_t end);
  void emit_all(const ir::Graph& graph) { emit_all(graph, 0, graph.ops.size()); }
  void emit(const ir::Op& op);
  void emit_alias(const ir::Op& op);
  // `args` are the context, the op's number, its operands and its results.
  void call_kernel(const ir::Op& op, std::vector<llvm::Value*> args);
  void call_library(const ir::Op& dot, llvm::Value* x, llvm::Value* y, llvm::Value* result);
  void count(WorkField field_number, llvm::Value* amount);
  void copy(llvm::Value* to, llvm::Value* from, const Type& type);
  // Copies the value there if it lies elsewhere.
  void deliver(const ir::Value* value, llvm::Value* to);

  // What runs blocks: driver_loops.cpp.

  // A scan being emitted.
  struct Loop {
    ir::Scan scan;
    std::vector<passes::CarryPlan> plans;
    llvm::Value* length;
    std::vector<llvm::Value*> results;  // where the carries end
    std::vector<llvm::Value*> stacks;
  };

  std::vector<llvm::Value*> result_buffers(const ir::Op& op);
  llvm::Value* is_true(const ir::Value* truth);
  void emit_cond(const ir::Op& op);
  // Results go to `results`.
  void emit_block(const ir::Op& op, const ir::Graph& block, const std::vector<llvm::Value*>& results);
  // What lies among the rows of other workers does so on both sides of a block's wall.
  void keep_slots(const ir::Value* outside, const ir::Value* inside);
  void emit_while(const ir::Op& op);
  void emit_scan(const ir::Op& op);
  llvm::Value* is_empty(const Loop& loop) { return b_.CreateICmpEQ(loop.length, b_.getInt64(0)); }
  llvm::Value* position(const Loop& loop, llvm::Value* step);
  // The part of a time step in what lies at `whole`: a stack of the loop, or what it goes over.
  llvm::Value* slot(const ir::Value* value, llvm::Value* whole, llvm::Value* position);
  llvm::Value* stack_slot(const Loop& loop, int stack, llvm::Value* position);
  // What is done before the first step. Returns the pointers that change from step to step: for each carry
  // where it is read, and where it is written next.
  Values enter(Loop& loop);
  Values emit_step(Loop& loop, llvm::Value* step, llvm::ArrayRef<llvm::Value*> carried);
  llvm::Value* store_index(llvm::Value* at);
  Values next_pointers(const Loop& loop, llvm::ArrayRef<llvm::Value*> carried,
                       const std::vector<llvm::Value*>& writes);
  // After the last step, or if there was none, the carries go where the results are.
  void leave(const Loop& loop, const Values& last);

  // What workers share: driver_rows.cpp.

  // An array that the workers of a `rows` op share, cut along a dim: where this worker's rows begin, and how far apart
  // pieces of them lie.
  struct SharedRows {
    Dim pieces, rows, piece_bytes, whole_bytes;  // of the worker's; whole_bytes with everybody's rows
    Dim first_byte;
  };

  void call_rows(const ir::Op& op);
  // Has the workers called that share something of the op: a field of the frame, and a number for it.
  void call_shares(FrameField function, int64_t number, llvm::ArrayRef<llvm::Value*> values);
  SharedRows shared_rows(const Type& whole, int dim, size_t number) const;
  // The function that works on a worker's share of the rows.
  void emit_share(const ir::Op& op, size_t number);
  llvm::Value* call_copy(FrameField function, llvm::Type* result, llvm::Value* own, llvm::Value* shared,
                         const SharedRows& rows);

  // A dot of which workers share the columns, and the function that computes a worker's.
  void call_columns(const ir::Op& dot, std::vector<llvm::Value*> values);
  void emit_columns(const ir::Op& dot, size_t number);

  // Jobs that may run at the same time, and the function of each: driver_jobs.cpp.
  void call_jobs(const JobGroup& group);
  void emit_jobs(const JobGroup& group);

  // Loops of which rows end: driver_live.cpp.

  // Finds out how many rows the step runs.
  void count_rows_alive(const LiveLoop& live, const Loop& loop);
  // What rows that were not run pass on and stack. `reads` and `writes`: where the step's carries were and are to be.
  void pass_ended_rows(const LiveLoop& live, const Loop& loop, llvm::ArrayRef<llvm::Value*> reads,
                       llvm::ArrayRef<llvm::Value*> writes, llvm::ArrayRef<llvm::Value*> slots);

  llvm::Module& module_;
  KernelLibrary& kernels_;
  const backends::DotLibrary* library_;  // may be null
  const ir::Function& function_;
  const std::vector<RowShares>& shares_;
  const std::vector<ColumnShare>& columns_;
  const std::vector<JobGroup>& jobs_;
  const LiveLoops& live_;
  std::unordered_map<const ir::Op*, int64_t> column_numbers_, group_numbers_;
  const std::string name_;
  llvm::IRBuilder<> b_;
  std::unordered_map<const ir::Op*, int64_t> numbers_;  // for error records
  std::unordered_set<const ir::Value*> used_;
  bool may_record_ = false, tested_ = false;
  llvm::Value *frame_ = nullptr, *buffers_ = nullptr, *table_ = nullptr;  // of the part that is being emitted
  DriverTables tables_;
  std::map<std::string, size_t> size_numbers_;
  std::map<std::tuple<llvm::BasicBlock*, llvm::Value*, int64_t>, llvm::Value*> read_;
  std::unordered_map<const ir::Value*, llvm::Value*> pointers_;  // of values in bodies
  std::unordered_map<const ir::Value*, Dim> view_offsets_;  // of the function's own values that are views
  std::map<std::string, llvm::Value*> rows_alive_;  // of the live loops that are being emitted, by symbol
  std::map<int64_t, llvm::Value*> scope_;
  std::vector<const ir::Op*> rows_;
  std::unordered_map<const ir::Value*, Dim> slot_bytes_;  // of what lies among the rows of other workers
};

}  // namespace rondo::codegen
