// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/driver_emitter.h"

namespace rondo::codegen {

using passes::CarryPlan;
using passes::CarryRoute;

std::vector<llvm::Value*> DriverEmitter::result_buffers(const ir::Op& op) {
  std::vector<llvm::Value*> buffers;
  for (const auto& result : op.results) {
    buffers.push_back(buffer(passes::buffer_of(*result)));
    if (op.graph->owner != nullptr) pointers_[result.get()] = buffers.back();
  }
  return buffers;
}

llvm::Value* DriverEmitter::is_true(const ir::Value* truth) {
  return b_.CreateICmpNE(b_.CreateLoad(b_.getInt8Ty(), pointer(truth)), b_.getInt8(0));
}

void DriverEmitter::emit_cond(const ir::Op& op) {
  const std::vector<llvm::Value*> results = result_buffers(op);
  const auto block = [&](size_t k) {
    emit_block(op, *op.regions[k], results);
    return Values{};
  };
  emit_if(b_, is_true(op.operands.back()), [&] { return block(0); }, [&] { return block(1); });
}

void DriverEmitter::emit_block(const ir::Op& op, const ir::Graph& block,
                               const std::vector<llvm::Value*>& results) {
  const auto outer_scope = scope_;
  for (size_t i = 0; i < block.params.size(); ++i) {
    pointers_[block.params[i].get()] = pointer(op.operands[i]);
    keep_slots(op.operands[i], block.params[i].get());
  }
  for (size_t k = 0; k < results.size(); ++k) {  // the block sees what it writes there already
    scope_[passes::buffer_of(*op.results[k])] = results[k];
    keep_slots(op.results[k].get(), block.results[k]);
  }
  emit_all(block);
  for (size_t k = 0; k < results.size(); ++k) deliver(block.results[k], results[k]);
  scope_ = outer_scope;
}

void DriverEmitter::keep_slots(const ir::Value* outside, const ir::Value* inside) {
  if (const auto shared = slot_bytes_.find(outside); shared != slot_bytes_.end())
    slot_bytes_[inside] = Dim(shared->second);
}

// For each carry two pointers change from run to run: where it is read, and where it is written next.
void DriverEmitter::emit_while(const ir::Op& op) {
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
    emit_all(block);
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

void DriverEmitter::emit_scan(const ir::Op& op) {
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

llvm::Value* DriverEmitter::position(const Loop& loop, llvm::Value* step) {
  if (!loop.scan.reverse()) return step;
  return b_.CreateSub(b_.CreateSub(loop.length, b_.getInt64(1)), step);
}

llvm::Value* DriverEmitter::slot(const ir::Value* value, llvm::Value* whole, llvm::Value* position) {
  const auto shared = slot_bytes_.find(value);
  const Type part = {value->type.dtype, {value->type.dims.begin() + 1, value->type.dims.end()}};
  llvm::Value* step = shared == slot_bytes_.end() ? bytes(part) : size(shared->second);
  return b_.CreateGEP(b_.getInt8Ty(), whole, b_.CreateMul(position, step));
}

llvm::Value* DriverEmitter::stack_slot(const Loop& loop, int stack, llvm::Value* position) {
  return slot(loop.scan.stack_result(stack), loop.stacks[stack], position);
}

Values DriverEmitter::enter(Loop& loop) {
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

Values DriverEmitter::emit_step(Loop& loop, llvm::Value* step, llvm::ArrayRef<llvm::Value*> carried) {
  const ir::Scan& scan = loop.scan;
  const auto outer_scope = scope_;
  llvm::Value* at = position(loop, step);
  std::vector<llvm::Value*> slots;
  for (size_t k = 0; k < loop.stacks.size(); ++k) {
    slots.push_back(stack_slot(loop, static_cast<int>(k), at));
    scope_[passes::buffer_of(*scan.stack_result(k))] = slots[k];
  }
  std::vector<llvm::Value*> reads, writes;
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
    reads.push_back(read);
    writes.push_back(write);
  }
  if (used_.count(scan.index()) > 0) pointers_[scan.index()] = store_index(at);
  for (size_t i = 0; i < scan.over.size(); ++i)
    pointers_[scan.over_param(i)] = slot(scan.over[i], pointer(scan.over[i]), at);
  for (size_t i = 0; i < scan.use.size(); ++i) pointers_[scan.use_param(i)] = pointer(scan.use[i]);

  const LiveLoop* live = live_.find(*scan.op);
  if (live != nullptr) count_rows_alive(*live, loop);
  emit_all(*scan.body);

  for (size_t k = 0; k < slots.size(); ++k) deliver(scan.stack_yield(k), slots[k]);
  for (size_t i = 0; i < writes.size(); ++i) deliver(scan.carry_yield(i), writes[i]);
  if (live != nullptr) pass_ended_rows(*live, loop, reads, writes, slots);
  scope_ = outer_scope;
  return next_pointers(loop, carried, writes);
}

llvm::Value* DriverEmitter::store_index(llvm::Value* at) {
  llvm::BasicBlock& entry = b_.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::Value* index = llvm::IRBuilder<>(&entry, entry.begin()).CreateAlloca(b_.getInt32Ty());
  b_.CreateStore(b_.CreateTrunc(at, b_.getInt32Ty()), index);
  return index;
}

Values DriverEmitter::next_pointers(const Loop& loop, llvm::ArrayRef<llvm::Value*> carried,
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

void DriverEmitter::leave(const Loop& loop, const Values& last) {
  for (size_t i = 0; i < loop.plans.size(); ++i) {
    const ir::Value* result = loop.scan.carry_result(i);
    if (used_.count(result) == 0 || loop.plans[i].route == CarryRoute::kInPlace) continue;
    if (loop.plans[i].route == CarryRoute::kAfter)
      copy(loop.results[i], last[2 * i], result->type);
    else
      emit_if(b_, is_empty(loop), [&] { copy(loop.results[i], last[2 * i], result->type); });
  }
}

}  // namespace rondo::codegen
