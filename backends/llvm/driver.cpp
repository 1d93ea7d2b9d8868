// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/driver.h"

#include <llvm/IR/IRBuilder.h>

#include <cstring>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "backends/llvm/codegen/builder_llvm.h"
#include "ir/error.h"
#include "passes/memory_plan.h"

namespace rondo::codegen {

namespace {

using passes::CarryPlan;
using passes::CarryRoute;

constexpr size_t kOpsInFunction = 1000;  // LLVM takes more than linear time for long functions

class DriverEmitter {
 public:
  DriverEmitter(const CodeModule& code, KernelLibrary& kernels, const backends::DotLibrary* library,
                const ir::Function& function, const std::vector<RowShares>& shares, std::string_view name)
      : module_(code.module()),
        kernels_(kernels),
        library_(library),
        function_(function),
        shares_(shares),
        name_(name),
        b_(code.context()) {
    ir::for_each_op(function.body, [&](const ir::Op& op) {
      numbers_.emplace(&op, numbers_.size());
      used_.insert(op.operands.begin(), op.operands.end());
      for (const auto& region : op.regions) used_.insert(region->results.begin(), region->results.end());
      may_record_ = may_record_ || passes::can_record_error(op);
    });
    used_.insert(function.body.results.begin(), function.body.results.end());
  }

  // One part for every so many ops, and a function that calls the parts. A part returns whether to stop.
  DriverTables run() {
    std::vector<llvm::Function*> parts;
    const auto& ops = function_.body.ops;
    for (size_t first = 0; first < ops.size(); first += kOpsInFunction) {
      parts.push_back(
          begin("part" + std::to_string(parts.size()), b_.getInt1Ty(), llvm::Function::InternalLinkage));
      for (size_t i = first; i < ops.size() && i < first + kOpsInFunction; ++i) {
        if (writes_parameter(*ops[i])) stop_if_error_recorded();
        emit(*ops[i]);
      }
      b_.CreateRet(b_.getFalse());
    }
    begin("", b_.getVoidTy(), llvm::Function::ExternalLinkage);
    for (llvm::Function* part : parts) {
      return_if(b_.CreateCall(part, {frame_}));
    }
    b_.CreateRetVoid();
    for (size_t i = 0; i < rows_.size(); ++i) emit_share(*rows_[i], i);
    return std::move(tables_);
  }

 private:
  llvm::Function* begin(const std::string& part, llvm::Type* result, llvm::Function::LinkageTypes linkage) {
    const std::string name = part.empty() ? name_ : name_ + "." + part;
    auto* type = llvm::FunctionType::get(result, {b_.getPtrTy()}, false);
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

  // Tables don't change while a function runs: what a block has read it need not read again.
  llvm::Value* entry(llvm::Type* type, llvm::Value* table, int64_t number) {
    llvm::Value*& value = read_[{b_.GetInsertBlock(), table, number}];
    if (value == nullptr) value = b_.CreateLoad(type, b_.CreateConstInBoundsGEP1_64(type, table, number));
    return value;
  }
  llvm::Value* field(llvm::Value* table, int64_t number) { return entry(b_.getPtrTy(), table, number); }

  llvm::Value* size(Dim dim) {
    if (dim.is_constant()) return b_.getInt64(dim.constant());
    const auto [entry, fresh] = size_numbers_.emplace(dim.text(), tables_.sizes.size());
    if (fresh) tables_.sizes.push_back(dim);
    return this->entry(b_.getInt64Ty(), table_, static_cast<int64_t>(entry->second));
  }

  llvm::Value* bytes(const Type& type) { return size(type.bytes()); }

  void return_if(llvm::Value* condition) {
    llvm::Function* function = b_.GetInsertBlock()->getParent();
    auto* leave = llvm::BasicBlock::Create(b_.getContext(), "leave", function);
    auto* stay = llvm::BasicBlock::Create(b_.getContext(), "stay", function);
    b_.CreateCondBr(condition, leave, stay);
    b_.SetInsertPoint(leave);
    function->getReturnType()->isVoidTy() ? b_.CreateRetVoid() : b_.CreateRet(b_.getTrue());
    b_.SetInsertPoint(stay);
  }

  void call_rows(const ir::Op& op) {
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getInt64Ty()}, false);
    llvm::CallInst* call = b_.CreateCall(type, field(frame_, kRunRowsField),
                                         {frame_, b_.getInt64(static_cast<int64_t>(rows_.size()))});
    call->setDoesNotThrow();
    rows_.push_back(&op);
  }

  // An array that the workers of a `rows` op share, cut along a dim: where this worker's rows begin, and how far apart
  // pieces of them lie.
  struct SharedRows {
    Dim pieces, rows, piece_bytes, whole_bytes;  // of the worker's; whole_bytes with everybody's rows
    Dim first_byte;
  };

  SharedRows shared_rows(const Type& whole, int dim, size_t number) const {
    const auto& shares = shares_[number].shares;
    const auto share = std::find_if(shares.begin(), shares.end(),
                                    [&](const RowShare& s) { return s.total == whole.dims[dim]; });
    const Dim row_bytes = product({whole.dims.begin() + dim + 1, whole.dims.end()}) * whole.dtype.bytes();
    return {product({whole.dims.begin(), whole.dims.begin() + dim}), Dim(share->count),
            Dim(share->count) * row_bytes, share->total * row_bytes, Dim(share->first) * row_bytes};
  }

  // The function that works on a worker's share of the rows.
  void emit_share(const ir::Op& op, size_t number) {
    begin("rows" + std::to_string(number), b_.getVoidTy(), llvm::Function::ExternalLinkage);
    const ir::Graph& body = *op.regions[0];
    const ir::RowLink dims = passes::rows_dims(op);
    const auto inside = op.ints_attr("inside");
    const auto begin_of = [&](llvm::Value* whole, const SharedRows& rows) {
      return b_.CreateGEP(b_.getInt8Ty(), whole, size(rows.first_byte));
    };
    for (size_t i = 0; i < inside.size(); ++i) {
      const ir::Value *operand = op.operands[i], *param = body.param(static_cast<int>(i));
      pointers_[param] = pointer(operand);
      if (dims.operands[i] < 0) continue;
      const SharedRows rows = shared_rows(operand->type, dims.operands[i], number);
      llvm::Value* from = begin_of(pointer(operand), rows);
      pointers_[param] = from;
      if (inside[i] != buffer_number(operand)) {
        pointers_[param] = call_copy(kGatherRowsField, b_.getPtrTy(), buffer(inside[i]), from, rows);
      } else if (dims.operands[i] == 1) {
        slot_bytes_[param] = rows.whole_bytes;
      }
    }
    std::vector<llvm::Value*> results;
    for (size_t k = 0; k < op.results.size(); ++k) {
      const int64_t at = passes::buffer_of(*op.results[k]);
      const SharedRows rows = shared_rows(op.results[k]->type, dims.results[k], number);
      results.push_back(begin_of(field(buffers_, at), rows));
      scope_[at] = results[k];
      if (dims.results[k] == 1 && buffer_number(body.results[k]) == at)
        slot_bytes_[body.results[k]] = rows.whole_bytes;
    }
    for (size_t k = 0; k < op.results.size(); ++k) {
      const int64_t own = buffer_number(body.results[k]);
      const bool shared = std::any_of(op.operands.begin(), op.operands.end(), [&](const ir::Value* operand) {
        return buffer_number(operand) == own;
      });
      if (body.results[k]->op == nullptr || shared || scope_.count(own) > 0) continue;
      const SharedRows rows = shared_rows(op.results[k]->type, dims.results[k], number);
      // Who has all rows writes them where they belong.
      llvm::Value* all = b_.CreateICmpEQ(size(rows.piece_bytes), size(rows.whole_bytes));
      scope_[own] = b_.CreateSelect(all, results[k], field(buffers_, own));
    }
    for (const auto& inner : body.ops) emit(*inner);
    for (size_t k = 0; k < results.size(); ++k) {
      if (pointer(body.results[k]) == results[k]) continue;
      const SharedRows rows = shared_rows(op.results[k]->type, dims.results[k], number);
      call_copy(kScatterRowsField, b_.getVoidTy(), pointer(body.results[k]), results[k], rows);
    }
    b_.CreateRetVoid();
    scope_.clear();
  }

  llvm::Value* call_copy(FrameField function, llvm::Type* result, llvm::Value* own, llvm::Value* shared,
                         const SharedRows& rows) {
    llvm::Type *pointer = b_.getPtrTy(), *index = b_.getInt64Ty();
    auto* type = llvm::FunctionType::get(result, {pointer, pointer, pointer, index, index, index}, false);
    return b_.CreateCall(type, field(frame_, function),
                         {field(frame_, kWorkField), own, shared, size(rows.pieces), size(rows.piece_bytes),
                          size(rows.whole_bytes)});
  }

  static int64_t buffer_number(const ir::Value* value) {
    return value->op == nullptr ? value->index : passes::buffer_of(*value);
  }

  bool writes_parameter(const ir::Op& op) const {
    return passes::aliased_operand(op) < 0 &&
           std::any_of(
               op.results.begin(), op.results.end(),
               [&](const auto& result) {
                 return passes::buffer_of(*result) < static_cast<int64_t>(function_.body.params.size());
               });
  }

  void stop_if_error_recorded() {
    if (!may_record_ || tested_) return;
    llvm::Value* error = field(frame_, kErrorField);
    llvm::Value* op = b_.CreateLoad(b_.getInt64Ty(), error);
    return_if(b_.CreateICmpNE(op, b_.getInt64(runtime::ErrorWord::kNone)));
    tested_ = true;
  }

  // Where a buffer is: that of the plan, or within a scan's body what its number means there.
  llvm::Value* buffer(int64_t number) {
    const auto found = scope_.find(number);
    return found != scope_.end() ? found->second : field(buffers_, number);
  }

  llvm::Value* pointer(const ir::Value* value) {
    if (value->graph->owner != nullptr) return pointers_.at(value);
    return buffer(buffer_number(value));
  }

  void emit(const ir::Op& op) {
    if (op.row == &ir::ops::scan) return emit_scan(op);
    if (op.row == &ir::ops::cond) return emit_cond(op);
    if (op.row == &ir::ops::while_) return emit_while(op);
    if (op.row == &ir::ops::rows) return call_rows(op);
    const int aliased = passes::aliased_operand(op);
    std::vector<llvm::Value*> args = {frame_, b_.getInt64(numbers_.at(&op))};
    for (const ir::Value* operand : op.operands) args.push_back(pointer(operand));
    for (const auto& result : op.results) {
      args.push_back(aliased >= 0 ? args[2 + aliased] : buffer(passes::buffer_of(*result)));
      if (op.graph->owner != nullptr) pointers_[result.get()] = args.back();
    }
    if (aliased >= 0 && !passes::can_record_error(op)) return;
    if (op.row == &ir::ops::dot) {
      count(kDotsField, b_.getInt64(1));
      llvm::Value* flops = b_.getInt64(1);
      for (const Dim factor : backends::dot_flops(op)) flops = b_.CreateMul(flops, size(factor));
      count(kDotFlopsField, flops);
      if (library_ != nullptr && library_->takes(op)) return call_library(op, args[2], args[3], args[4]);
    }
    const KernelCall call = kernels_.get(op);
    for (Dim dim : call.sizes) args.push_back(size(dim));
    call_kernel(call.function, args);
  }

  // The kernel may be in another module.
  void call_kernel(const std::string& name, llvm::ArrayRef<llvm::Value*> args) {
    llvm::SmallVector<llvm::Type*> types;
    for (const llvm::Value* arg : args) types.push_back(arg->getType());
    b_.CreateCall(module_.getOrInsertFunction(name, llvm::FunctionType::get(b_.getVoidTy(), types, false)),
                  args);
  }

  void count(WorkField field_number, llvm::Value* amount) {
    llvm::Value* counter =
        b_.CreateConstInBoundsGEP1_64(b_.getInt64Ty(), field(frame_, kWorkField), field_number);
    b_.CreateStore(b_.CreateAdd(b_.CreateLoad(b_.getInt64Ty(), counter), amount), counter);
  }

  void call_library(const ir::Op& dot, llvm::Value* x, llvm::Value* y, llvm::Value* result) {
    llvm::Value* number = b_.getInt64(static_cast<int64_t>(tables_.dots.size()));
    tables_.dots.push_back(backends::dot_loops(dot));
    auto* type = llvm::FunctionType::get(
        b_.getVoidTy(),
        {b_.getPtrTy(), b_.getInt64Ty(), b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy(), b_.getPtrTy()}, false);
    b_.CreateCall(type, field(frame_, kRunDotField),
                  {field(frame_, kDotRunField), number, x, y, result, field(frame_, kScratchField)});
  }

  void copy(llvm::Value* to, llvm::Value* from, const Type& type) {
    llvm::Value* size = bytes(type);
    b_.CreateMemCpy(to, llvm::MaybeAlign(), from, llvm::MaybeAlign(), size);
    count(kCopiedBytesField, size);
  }

  std::vector<llvm::Value*> result_buffers(const ir::Op& op) {
    std::vector<llvm::Value*> buffers;
    for (const auto& result : op.results) {
      buffers.push_back(buffer(passes::buffer_of(*result)));
      if (op.graph->owner != nullptr) pointers_[result.get()] = buffers.back();
    }
    return buffers;
  }

  llvm::Value* is_true(const ir::Value* truth) {
    return b_.CreateICmpNE(b_.CreateLoad(b_.getInt8Ty(), pointer(truth)), b_.getInt8(0));
  }

  void emit_cond(const ir::Op& op) {
    const std::vector<llvm::Value*> results = result_buffers(op);
    const auto block = [&](const ir::Graph& block) {
      for (size_t i = 0; i < block.params.size(); ++i)
        pointers_[block.params[i].get()] = pointer(op.operands[i]);
      for (const auto& inner : block.ops) emit(*inner);
      for (size_t k = 0; k < results.size(); ++k) deliver(block.results[k], results[k]);
      return Values{};
    };
    emit_if(
        b_, is_true(op.operands.back()), [&] { return block(*op.regions[0]); },
        [&] { return block(*op.regions[1]); });
  }

  // For each carry two pointers change from run to run: where it is read, and where it is written next.
  void emit_while(const ir::Op& op) {
    const std::vector<llvm::Value*> results = result_buffers(op);
    const std::vector<CarryPlan> plans = passes::carry_plans(op);
    Values first, others;
    for (size_t i = 0; i < plans.size(); ++i) {
      llvm::Value* initial = pointer(op.operands[i]);
      const bool in_place = plans[i].route == CarryRoute::kInPlace;
      if (in_place)
        emit_if(b_, b_.CreateICmpNE(initial, results[i]),
                [&] { copy(results[i], initial, op.result(i)->type); });
      others.push_back(in_place ? results[i] : field(buffers_, plans[i].through));
      first.push_back(in_place ? results[i] : initial);
      first.push_back(results[i]);
    }
    for (size_t i = plans.size(); i < op.operands.size(); ++i)
      for (const auto& block : op.regions)
        pointers_[block->param(static_cast<int>(i))] = pointer(op.operands[i]);
    const auto enter = [&](const ir::Graph& block, llvm::ArrayRef<llvm::Value*> carried) {
      for (size_t i = 0; i < plans.size(); ++i) pointers_[block.param(static_cast<int>(i))] = carried[2 * i];
      for (const auto& inner : block.ops) emit(*inner);
    };
    const Values last = emit_while_loop(
        b_, first,
        [&](llvm::ArrayRef<llvm::Value*> carried) {
          enter(*op.regions[0], carried);
          return is_true(op.regions[0]->results[0]);
        },
        [&](llvm::ArrayRef<llvm::Value*> carried) {
          const auto outer_scope = scope_;
          for (size_t i = 0; i < plans.size(); ++i) scope_[plans[i].buffer] = carried[2 * i + 1];
          enter(*op.regions[1], carried);
          scope_ = outer_scope;
          Values next;
          for (size_t i = 0; i < plans.size(); ++i) {
            llvm::Value* written = carried[2 * i + 1];
            deliver(op.regions[1]->results[i], written);
            next.push_back(written);
            next.push_back(b_.CreateSelect(b_.CreateICmpEQ(written, results[i]), others[i], results[i]));
          }
          return next;
        });
    for (size_t i = 0; i < plans.size(); ++i)
      emit_if(b_, b_.CreateICmpNE(last[2 * i], results[i]),
              [&] { copy(results[i], last[2 * i], op.result(i)->type); });
  }

  // A scan being emitted.
  struct Loop {
    ir::Scan scan;
    std::vector<CarryPlan> plans;
    llvm::Value* length;
    std::vector<llvm::Value*> results;  // where the carries end
    std::vector<llvm::Value*> stacks;
  };

  void emit_scan(const ir::Op& op) {
    Loop loop{ir::Scan(op), passes::carry_plans(op), size(ir::Scan(op).length()), {}, {}};
    for (size_t i = 0; i < loop.plans.size(); ++i) loop.results.push_back(buffer(loop.plans[i].buffer));
    for (size_t k = 0; k < loop.scan.stacks(); ++k)
      loop.stacks.push_back(buffer(passes::buffer_of(*loop.scan.stack_result(k))));
    const Values last = emit_loop(b_, b_.getInt64(0), loop.length, b_.getInt64(1), enter(loop),
                                  [&](llvm::Value* step, llvm::ArrayRef<llvm::Value*> carried) {
                                    return emit_step(loop, step, carried);
                                  });
    leave(loop, last);
    if (op.graph->owner == nullptr) return;
    for (size_t i = 0; i < loop.plans.size(); ++i) pointers_[loop.scan.carry_result(i)] = loop.results[i];
    for (size_t k = 0; k < loop.stacks.size(); ++k) pointers_[loop.scan.stack_result(k)] = loop.stacks[k];
  }

  llvm::Value* is_empty(const Loop& loop) { return b_.CreateICmpEQ(loop.length, b_.getInt64(0)); }

  llvm::Value* position(const Loop& loop, llvm::Value* step) {
    if (!loop.scan.reverse()) return step;
    return b_.CreateSub(b_.CreateSub(loop.length, b_.getInt64(1)), step);
  }

  // The part of a time step in what lies at `whole`: a stack of the loop, or what it goes over.
  llvm::Value* slot(const ir::Value* value, llvm::Value* whole, llvm::Value* position, const Type& part) {
    const auto shared = slot_bytes_.find(value);
    llvm::Value* step = shared == slot_bytes_.end() ? bytes(part) : size(shared->second);
    return b_.CreateGEP(b_.getInt8Ty(), whole, b_.CreateMul(position, step));
  }
  llvm::Value* stack_slot(const Loop& loop, int stack, llvm::Value* position) {
    return slot(loop.scan.stack_result(stack), loop.stacks[stack], position,
                loop.scan.stack_yield(stack)->type);
  }

  // What is done before the first step. Returns the pointers that change from step to step: for each carry
  // where it is read, and where it is written next.
  Values enter(Loop& loop) {
    Values carried;
    for (size_t i = 0; i < loop.plans.size(); ++i) {
      const CarryPlan& plan = loop.plans[i];
      const Type& type = loop.scan.carry[i]->type;
      llvm::Value* initial = pointer(loop.scan.carry[i]);
      llvm::Value* read = initial;
      llvm::Value* write = loop.results[i];
      if (plan.route == CarryRoute::kInPlace) {
        emit_if(b_, b_.CreateICmpNE(initial, write), [&] { copy(write, initial, type); });
        read = write;
      } else if (plan.route == CarryRoute::kAlternating) {  // so that the last step writes the result
        llvm::Value* odd = b_.CreateTrunc(loop.length, b_.getInt1Ty());
        write = b_.CreateSelect(odd, write, field(buffers_, plan.through));
      } else if (plan.route == CarryRoute::kBefore) {
        emit_if(b_, b_.CreateNot(is_empty(loop)),
                [&] { copy(stack_slot(loop, plan.stack, position(loop, b_.getInt64(0))), initial, type); });
      }
      carried.push_back(read);
      carried.push_back(write);
    }
    return carried;
  }

  Values emit_step(Loop& loop, llvm::Value* step, llvm::ArrayRef<llvm::Value*> carried) {
    const ir::Scan& scan = loop.scan;
    const auto outer_scope = scope_;
    llvm::Value* at = position(loop, step);
    std::vector<llvm::Value*> slots;
    for (size_t k = 0; k < loop.stacks.size(); ++k) {
      slots.push_back(stack_slot(loop, static_cast<int>(k), at));
      scope_[passes::buffer_of(*scan.stack_result(k))] = slots[k];
    }
    std::vector<llvm::Value*> writes;
    for (size_t i = 0; i < loop.plans.size(); ++i) {
      const CarryPlan& plan = loop.plans[i];
      llvm::Value* read = carried[2 * i];
      llvm::Value* write = carried[2 * i + 1];
      if (plan.route == CarryRoute::kAfter) write = slots[plan.stack];
      if (plan.route == CarryRoute::kBefore) {
        read = slots[plan.stack];
        llvm::Value* next_step = b_.CreateAdd(step, b_.getInt64(1));
        llvm::Value* next = stack_slot(loop, plan.stack, position(loop, next_step));
        write = b_.CreateSelect(b_.CreateICmpEQ(next_step, loop.length), loop.results[i], next);
      }
      pointers_[scan.carry_param(i)] = read;
      scope_[plan.buffer] = write;
      writes.push_back(write);
    }
    if (used_.count(scan.index()) > 0) pointers_[scan.index()] = store_index(at);
    for (size_t i = 0; i < scan.over.size(); ++i)
      pointers_[scan.over_param(i)] = slot(scan.over[i], pointer(scan.over[i]), at, scan.over_param(i)->type);
    for (size_t i = 0; i < scan.use.size(); ++i) pointers_[scan.use_param(i)] = pointer(scan.use[i]);

    for (const auto& op : scan.body->ops) emit(*op);

    for (size_t k = 0; k < slots.size(); ++k) deliver(scan.stack_yield(k), slots[k]);
    for (size_t i = 0; i < writes.size(); ++i) deliver(scan.carry_yield(i), writes[i]);
    scope_ = outer_scope;
    return next_pointers(loop, carried, writes);
  }

  llvm::Value* store_index(llvm::Value* at) {
    llvm::BasicBlock& entry = b_.GetInsertBlock()->getParent()->getEntryBlock();
    llvm::Value* index = llvm::IRBuilder<>(&entry, entry.begin()).CreateAlloca(b_.getInt32Ty());
    b_.CreateStore(b_.CreateTrunc(at, b_.getInt32Ty()), index);
    return index;
  }

  void deliver(const ir::Value* value, llvm::Value* to) {
    if (pointer(value) != to) copy(to, pointer(value), value->type);
  }

  Values next_pointers(const Loop& loop, llvm::ArrayRef<llvm::Value*> carried,
                       const std::vector<llvm::Value*>& writes) {
    Values next;
    for (size_t i = 0; i < writes.size(); ++i) {
      next.push_back(writes[i]);
      next.push_back(carried[2 * i + 1]);
      if (loop.plans[i].route != CarryRoute::kAlternating) continue;
      llvm::Value* in_result = b_.CreateICmpEQ(writes[i], loop.results[i]);
      next.back() = b_.CreateSelect(in_result, field(buffers_, loop.plans[i].through), loop.results[i]);
    }
    return next;
  }

  // After the last step, or if there was none, the carries go where the results are.
  void leave(const Loop& loop, const Values& last) {
    for (size_t i = 0; i < loop.plans.size(); ++i) {
      const ir::Value* result = loop.scan.carry_result(i);
      if (used_.count(result) == 0 || loop.plans[i].route == CarryRoute::kInPlace) continue;
      if (loop.plans[i].route == CarryRoute::kAfter)
        copy(loop.results[i], last[2 * i], result->type);
      else
        emit_if(b_, is_empty(loop), [&] { copy(loop.results[i], last[2 * i], result->type); });
    }
  }

  llvm::Module& module_;
  KernelLibrary& kernels_;
  const backends::DotLibrary* library_;  // may be null
  const ir::Function& function_;
  const std::vector<RowShares>& shares_;
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
  std::map<int64_t, llvm::Value*> scope_;
  std::vector<const ir::Op*> rows_;
  std::unordered_map<const ir::Value*, Dim> slot_bytes_;  // of what lies among the rows of other workers
};

}  // namespace

DriverTables emit_driver(const CodeModule& code, KernelLibrary& kernels, const backends::DotLibrary* library,
                         const ir::Function& function, const std::vector<RowShares>& shares,
                         std::string_view name) {
  return DriverEmitter(code, kernels, library, function, shares, name).run();
}

}  // namespace rondo::codegen

void* rondo_gather_rows(rondo::codegen::Work* work, void* own, void* shared, std::int64_t pieces,
                        std::int64_t part, std::int64_t whole) noexcept {
  if (part == whole) return shared;
  for (std::int64_t i = 0; i < pieces; ++i)
    std::memcpy(static_cast<char*>(own) + i * part, static_cast<char*>(shared) + i * whole,
                static_cast<std::size_t>(part));
  work->copied_bytes += pieces * part;
  return own;
}

void rondo_scatter_rows(rondo::codegen::Work* work, void* own, void* shared, std::int64_t pieces,
                        std::int64_t part, std::int64_t whole) noexcept {
  if (own == shared) return;
  for (std::int64_t i = 0; i < pieces; ++i)
    std::memcpy(static_cast<char*>(shared) + i * whole, static_cast<char*>(own) + i * part,
                static_cast<std::size_t>(part));
  work->copied_bytes += pieces * part;
}
