// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/driver.h"

#include <algorithm>

#include "backends/llvm/driver_emitter.h"
#include "runtime/error_word.h"

namespace rondo::codegen {

constexpr size_t kOpsInFunction = 1000;  // LLVM takes more than linear time for long functions

DriverEmitter::DriverEmitter(const CodeModule& code, KernelLibrary& kernels,
                             const backends::DotLibrary* library, const ir::Function& function,
                             const std::vector<RowShares>& shares, const std::vector<ColumnShare>& columns,
                             const std::vector<JobGroup>& jobs, const LiveLoops& live, std::string_view name)
    : module_(code.module()),
      kernels_(kernels),
      library_(library),
      function_(function),
      shares_(shares),
      columns_(columns),
      jobs_(jobs),
      live_(live),
      name_(name),
      b_(code.context()) {
  for (const ColumnShare& share : columns) column_numbers_.emplace(share.dot, column_numbers_.size());
  for (size_t i = 0; i < jobs.size(); ++i) group_numbers_.emplace(jobs[i].jobs[0], i);
  ir::for_each_op(function.body, [&](const ir::Op& op) {
    numbers_.emplace(&op, numbers_.size());
    used_.insert(op.operands.begin(), op.operands.end());
    for (const auto& region : op.regions) used_.insert(region->results.begin(), region->results.end());
    may_record_ = may_record_ || passes::can_record_error(op);
  });
  used_.insert(function.body.results.begin(), function.body.results.end());
}

// One part for every so many ops, and a function that calls the parts. A part returns whether to stop.
DriverTables DriverEmitter::run() {
  std::vector<llvm::Function*> parts;
  const auto& ops = function_.body.ops;
  for (size_t first = 0, end; first < ops.size(); first = end) {
    end = std::min(first + kOpsInFunction, ops.size());
    while (end < ops.size() && ops[end]->row == &ir::ops::job) ++end;  // those of one group stay together
    parts.push_back(
        begin("part" + std::to_string(parts.size()), b_.getInt1Ty(), llvm::Function::InternalLinkage));
    emit_all(function_.body, first, end);
    b_.CreateRet(b_.getFalse());
  }
  begin("", b_.getVoidTy(), llvm::Function::ExternalLinkage);
  for (llvm::Function* part : parts) {
    return_if(b_.CreateCall(part, {frame_}));
  }
  b_.CreateRetVoid();
  for (size_t i = 0; i < rows_.size(); ++i) emit_share(*rows_[i], i);
  for (const JobGroup& group : jobs_) emit_jobs(group);
  for (size_t i = 0; i < columns_.size(); ++i) emit_columns(*columns_[i].dot, i);
  return std::move(tables_);
}

llvm::Function* DriverEmitter::begin(const std::string& part, llvm::Type* result,
                                     llvm::Function::LinkageTypes linkage,
                                     llvm::ArrayRef<llvm::Type*> behind_frame) {
  const std::string name = part.empty() ? name_ : name_ + "." + part;
  llvm::SmallVector<llvm::Type*> params = {b_.getPtrTy()};
  params.append(behind_frame.begin(), behind_frame.end());
  auto* type = llvm::FunctionType::get(result, params, false);
  auto* function = llvm::Function::Create(type, linkage, name, module_);
  function->setDoesNotThrow();
  function->addFnAttr(llvm::Attribute::OptimizeNone);  // it only calls: not worth LLVM's time
  function->addFnAttr(llvm::Attribute::NoInline);      // asked for by the former
  frame_ = function->getArg(0);
  b_.SetInsertPoint(llvm::BasicBlock::Create(b_.getContext(), "entry", function));
  buffers_ = field(frame_, kBuffersField);
  table_ = field(frame_, kSizesField);
  return function;
}

void DriverEmitter::return_if(llvm::Value* condition) {
  llvm::Function* function = b_.GetInsertBlock()->getParent();
  auto* leave = llvm::BasicBlock::Create(b_.getContext(), "leave", function);
  auto* stay = llvm::BasicBlock::Create(b_.getContext(), "stay", function);
  b_.CreateCondBr(condition, leave, stay);
  b_.SetInsertPoint(leave);
  function->getReturnType()->isVoidTy() ? b_.CreateRetVoid() : b_.CreateRet(b_.getTrue());
  b_.SetInsertPoint(stay);
}

void DriverEmitter::stop_if_error_recorded() {
  if (!may_record_ || tested_) return;
  llvm::Value* error = field(frame_, kErrorField);
  llvm::Value* op = b_.CreateLoad(b_.getInt64Ty(), error);
  return_if(b_.CreateICmpNE(op, b_.getInt64(runtime::ErrorWord::kNone)));
  tested_ = true;
}

bool DriverEmitter::writes_parameter(const ir::Op& op) const {
  return passes::aliased_operand(op) < 0 &&
         std::any_of(
             op.results.begin(), op.results.end(),
             [&](const auto& result) {
               return passes::buffer_of(*result) < static_cast<int64_t>(function_.body.params.size());
             });
}

// Tables don't change while a function runs: what a block has read it need not read again.
llvm::Value* DriverEmitter::entry(llvm::Type* type, llvm::Value* table, int64_t number) {
  llvm::Value*& value = read_[{b_.GetInsertBlock(), table, number}];
  if (value == nullptr) value = b_.CreateLoad(type, b_.CreateConstInBoundsGEP1_64(type, table, number));
  return value;
}

llvm::Value* DriverEmitter::size(Dim dim) {
  if (dim.is_constant()) return b_.getInt64(dim.constant());
  for (const auto& [symbol, rows] : rows_alive_) {
    if (!llvm::is_contained(dim.symbols(), symbol)) continue;
    // Linear: a value has rows along one dim, so they are at most once in its bytes.
    const Dim fixed = dim.substitute({{symbol, Dim(0)}});
    const Dim each = dim.substitute({{symbol, Dim(1)}}) - fixed;
    return b_.CreateAdd(b_.CreateMul(rows, size(each)), size(fixed));
  }
  const auto [entry, fresh] = size_numbers_.emplace(dim.text(), tables_.sizes.size());
  if (fresh) tables_.sizes.push_back(dim);
  return this->entry(b_.getInt64Ty(), table_, static_cast<int64_t>(entry->second));
}

int64_t DriverEmitter::buffer_number(const ir::Value* value) {
  return value->op == nullptr ? value->index : passes::buffer_of(*value);
}

llvm::Value* DriverEmitter::buffer(int64_t number) {
  const auto found = scope_.find(number);
  return found != scope_.end() ? found->second : field(buffers_, number);
}

llvm::Value* DriverEmitter::pointer(const ir::Value* value) {
  if (value->graph->owner != nullptr) return pointers_.at(value);
  llvm::Value* begin = buffer(buffer_number(value));
  const auto view = view_offsets_.find(value);
  return view == view_offsets_.end() ? begin : behind(begin, view->second);
}

llvm::Value* DriverEmitter::behind(llvm::Value* begin, Dim bytes) {
  return b_.CreateGEP(b_.getInt8Ty(), begin, size(bytes));
}

// What an op gives that has no code: a value at its operand's place, or behind that.
void DriverEmitter::emit_alias(const ir::Op& op) {
  const ir::Value* operand = op.operands[0];
  const bool is_view = op.has_attr("view");
  if (op.graph->owner != nullptr) {
    llvm::Value* begin = pointer(operand);
    pointers_[op.result()] = is_view ? behind(begin, passes::view_offset(op)) : begin;
    return;
  }
  const auto outer = view_offsets_.find(operand);
  Dim offset = outer == view_offsets_.end() ? Dim(0) : outer->second;
  if (is_view) offset = offset + passes::view_offset(op);
  if (offset != Dim(0)) view_offsets_[op.result()] = offset;
}

void DriverEmitter::emit_all(const ir::Graph& graph, size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) {
    const auto group = group_numbers_.find(graph.ops[i].get());
    const size_t count =
        group == group_numbers_.end() ? 1 : jobs_[static_cast<size_t>(group->second)].jobs.size();
    for (size_t k = i; k < i + count; ++k)
      if (graph.owner == nullptr && writes_parameter(*graph.ops[k])) stop_if_error_recorded();
    count == 1 ? emit(*graph.ops[i]) : call_jobs(jobs_[static_cast<size_t>(group->second)]);
    i += count - 1;
  }
}

void DriverEmitter::emit(const ir::Op& op) {
  if (op.row == &ir::ops::scan) return emit_scan(op);
  if (op.row == &ir::ops::cond) return emit_cond(op);
  if (op.row == &ir::ops::while_) return emit_while(op);
  if (op.row == &ir::ops::rows) return call_rows(op);
  if (op.row == &ir::ops::job) {
    emit_block(op, *op.regions[0], result_buffers(op));
    return;
  }
  const bool is_alias = passes::aliased_operand(op) >= 0;
  if (is_alias) emit_alias(op);
  if (is_alias && !passes::can_record_error(op)) return;
  std::vector<llvm::Value*> args = {frame_, b_.getInt64(numbers_.at(&op))};
  for (const ir::Value* operand : op.operands) args.push_back(pointer(operand));
  for (const auto& result : op.results) {
    args.push_back(is_alias ? pointer(result.get()) : buffer(passes::buffer_of(*result)));
    if (op.graph->owner != nullptr) pointers_[result.get()] = args.back();
  }
  if (op.row == &ir::ops::dot) {
    count(kDotsField, b_.getInt64(1));
    llvm::Value* flops = b_.getInt64(1);
    for (const Dim factor : backends::dot_flops(op)) flops = b_.CreateMul(flops, size(factor));
    count(kDotFlopsField, flops);
    // A library's dots are made for sizes that are known before a run.
    if (library_ != nullptr && library_->takes(op) && live_.symbols_of(op).empty())
      return call_library(op, args[2], args[3], args[4]);
    if (op.has_attr("columns")) return call_columns(op, {args.begin() + 2, args.end()});
  }
  call_kernel(op, std::move(args));
}

// The kernel may be in another module.
void DriverEmitter::call_kernel(const ir::Op& op, std::vector<llvm::Value*> args) {
  const KernelCall call = kernels_.get(op);
  for (Dim dim : call.sizes) args.push_back(size(dim));
  llvm::SmallVector<llvm::Type*> types;
  for (const llvm::Value* arg : args) types.push_back(arg->getType());
  b_.CreateCall(
      module_.getOrInsertFunction(call.function, llvm::FunctionType::get(b_.getVoidTy(), types, false)),
      args);
}

void DriverEmitter::call_library(const ir::Op& dot, llvm::Value* x, llvm::Value* y, llvm::Value* result) {
  llvm::Value* number = b_.getInt64(static_cast<int64_t>(tables_.dots.size()));
  tables_.dots.push_back(backends::dot_loops(dot));
  auto* type = llvm::FunctionType::get(
      b_.getVoidTy(),
      {b_.getPtrTy(), b_.getInt64Ty(), b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy()}, false);
  b_.CreateCall(type, field(frame_, kRunDotField),
                {field(frame_, kDotRunField), number, x, y, result, field(frame_, kScratchField)});
}

void DriverEmitter::count(WorkField field_number, llvm::Value* amount) {
  llvm::Value* counter =
      b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), field(frame_, kWorkField), field_number);
  b_.CreateStore(b_.CreateAdd(b_.CreateLoad(b_.getInt64Ty(), counter), amount), counter);
}

void DriverEmitter::copy(llvm::Value* to, llvm::Value* from, const Type& type) {
  llvm::Value* size = bytes(type);
  b_.CreateMemCpy(to, llvm::MaybeAlign(), from, llvm::MaybeAlign(), size);
  count(kCopiedBytesField, size);
}

void DriverEmitter::deliver(const ir::Value* value, llvm::Value* to) {
  if (pointer(value) != to) copy(to, pointer(value), value->type);
}

DriverTables emit_driver(const CodeModule& code, KernelLibrary& kernels, const backends::DotLibrary* library,
                         const ir::Function& function, const std::vector<RowShares>& rows,
                         const std::vector<ColumnShare>& columns, const std::vector<JobGroup>& jobs,
                         const LiveLoops& live, std::string_view name) {
  return DriverEmitter(code, kernels, library, function, rows, columns, jobs, live, name).run();
}

}  // namespace rondo::codegen
