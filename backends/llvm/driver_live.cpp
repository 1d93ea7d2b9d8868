// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/driver_emitter.h"

namespace rondo::codegen {

using passes::CarryRoute;

void DriverEmitter::count_rows_alive(const LiveLoop& live, const Loop& loop) {
  auto* type = llvm::FunctionType::get(b_.getInt64Ty(), {b_.getPtrTy(), b_.getInt64Ty()}, false);
  rows_alive_[live.symbol] = b_.CreateCall(type, field(frame_, kRowsAliveField),
                                           {pointer(loop.scan.over_param(live.over)), size(live.rows)});
}

void DriverEmitter::pass_ended_rows(const LiveLoop& live, const Loop& loop,
                                    llvm::ArrayRef<llvm::Value*> reads, llvm::ArrayRef<llvm::Value*> writes,
                                    llvm::ArrayRef<llvm::Value*> slots) {
  llvm::Value* run = rows_alive_.at(live.symbol);
  llvm::Value* ended = b_.CreateSub(size(live.rows), run);
  // `from` is null where there are to be zeros.
  const auto fill = [&](llvm::Value* to, llvm::Value* from, const Type& type) {
    const Dim row = product({type.dims.begin() + 1, type.dims.end()}) * type.dtype.bytes();
    llvm::Value *first = b_.CreateMul(run, size(row)), *bytes = b_.CreateMul(ended, size(row));
    const auto at_first = [&](llvm::Value* begin) { return b_.CreateGEP(b_.getInt8Ty(), begin, first); };
    if (from == nullptr)
      b_.CreateMemSet(at_first(to), b_.getInt8(0), bytes, llvm::MaybeAlign());
    else
      b_.CreateMemCpy(at_first(to), llvm::MaybeAlign(), at_first(from), llvm::MaybeAlign(), bytes);
  };
  emit_if(b_, b_.CreateICmpNE(ended, b_.getInt64(0)), [&] {
    for (size_t k = 0; k < slots.size(); ++k) {
      const int carry = loop.scan.carry_number(loop.scan.stack_yield(k));
      if (carry >= 0 && reads[static_cast<size_t>(carry)] == slots[k]) continue;
      fill(slots[k], carry < 0 ? nullptr : reads[static_cast<size_t>(carry)], loop.scan.stack_yield(k)->type);
    }
    for (size_t i = 0; i < writes.size(); ++i)
      if (loop.plans[i].route != CarryRoute::kInPlace) fill(writes[i], reads[i], loop.scan.carry[i]->type);
  });
  rows_alive_.erase(live.symbol);
}

}  // namespace rondo::codegen

std::int64_t rondo_rows_alive(const void* alive, std::int64_t rows) noexcept {
  const auto* truth = static_cast<const bool*>(alive);
  while (rows > 0 && !truth[rows - 1]) --rows;
  return rows;
}
