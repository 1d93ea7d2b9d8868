// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cstring>

#include "backends/llvm/driver_emitter.h"

namespace rondo::codegen {

void DriverEmitter::call_rows(const ir::Op& op) {
  std::vector<llvm::Value*> values;
  for (const ir::Value* operand : op.operands) values.push_back(pointer(operand));
  for (llvm::Value* result : result_buffers(op)) values.push_back(result);
  call_shares(kRunRowsField, static_cast<int64_t>(rows_.size()), values);
  rows_.push_back(&op);
}

// The values lie in an array on the stack, of which a function has one for each such op.
void DriverEmitter::call_shares(FrameField function, int64_t number, llvm::ArrayRef<llvm::Value*> values) {
  llvm::BasicBlock& entry = b_.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::Value* array = llvm::IRBuilder<>(&entry, entry.begin())
                           .CreateAlloca(llvm::ArrayType::get(b_.getPtrTy(), values.size()));
  for (size_t i = 0; i < values.size(); ++i)
    b_.CreateStore(values[i], b_.CreateConstInBoundsGEP1_64(b_.getPtrTy(), array, i));
  auto* type =
      llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getInt64Ty(), b_.getPtrTy()}, false);
  b_.CreateCall(type, field(frame_, function), {frame_, b_.getInt64(number), array})->setDoesNotThrow();
}

DriverEmitter::SharedRows DriverEmitter::shared_rows(const Type& whole, int dim, size_t number) const {
  const auto& shares = shares_[number].shares;
  const auto share = std::find_if(shares.begin(), shares.end(),
                                  [&](const RowShare& s) { return s.total == whole.dims[dim]; });
  const Dim row_bytes = product({whole.dims.begin() + dim + 1, whole.dims.end()}) * whole.dtype.bytes();
  return {product({whole.dims.begin(), whole.dims.begin() + dim}), Dim(share->count),
          Dim(share->count) * row_bytes, share->total * row_bytes, Dim(share->first) * row_bytes};
}

void DriverEmitter::emit_share(const ir::Op& op, size_t number) {
  llvm::Function* function = begin("rows" + std::to_string(number), b_.getVoidTy(),
                                   llvm::Function::ExternalLinkage, {b_.getPtrTy()});
  llvm::Value* values = function->getArg(1);
  const ir::Graph& body = *op.regions[0];
  const ir::RowLink dims = passes::rows_dims(op);
  const auto inside = op.ints_attr("inside");
  const auto begin_of = [&](llvm::Value* whole, const SharedRows& rows) {
    return b_.CreateGEP(b_.getInt8Ty(), whole, size(rows.first_byte));
  };
  for (size_t i = 0; i < inside.size(); ++i) {
    const ir::Value *operand = op.operands[i], *param = body.param(static_cast<int>(i));
    llvm::Value* whole = field(values, static_cast<int64_t>(i));
    pointers_[param] = whole;
    if (dims.operands[i] < 0) continue;
    const SharedRows rows = shared_rows(operand->type, dims.operands[i], number);
    llvm::Value* from = begin_of(whole, rows);
    pointers_[param] = from;
    if (inside[i] >= 0) {
      pointers_[param] = call_copy(kGatherRowsField, b_.getPtrTy(), buffer(inside[i]), from, rows);
    } else if (dims.operands[i] == 1) {
      slot_bytes_[param] = rows.whole_bytes;
    }
  }
  std::vector<llvm::Value*> results;
  for (size_t k = 0; k < op.results.size(); ++k) {
    const int64_t at = passes::buffer_of(*op.results[k]);
    const SharedRows rows = shared_rows(op.results[k]->type, dims.results[k], number);
    results.push_back(begin_of(field(values, std::ssize(op.operands) + std::ssize(results)), rows));
    scope_[at] = results[k];
    if (dims.results[k] == 1 && buffer_number(body.results[k]) == at)
      slot_bytes_[body.results[k]] = rows.whole_bytes;
  }
  for (size_t k = 0; k < op.results.size(); ++k) {
    const int64_t own = buffer_number(body.results[k]);
    const bool shared = std::any_of(op.operands.begin(), op.operands.end(), [&](const ir::Value* operand) {
      const bool has_number = operand->op != nullptr || op.graph->owner == nullptr;
      return has_number && buffer_number(operand) == own;
    });
    if (body.results[k]->op == nullptr || shared || scope_.count(own) > 0) continue;
    const SharedRows rows = shared_rows(op.results[k]->type, dims.results[k], number);
    // Who has all rows writes them where they belong.
    llvm::Value* all = b_.CreateICmpEQ(size(rows.piece_bytes), size(rows.whole_bytes));
    scope_[own] = b_.CreateSelect(all, results[k], field(buffers_, own));
  }
  emit_all(body);
  for (size_t k = 0; k < results.size(); ++k) {
    if (pointer(body.results[k]) == results[k]) continue;
    const SharedRows rows = shared_rows(op.results[k]->type, dims.results[k], number);
    call_copy(kScatterRowsField, b_.getVoidTy(), pointer(body.results[k]), results[k], rows);
  }
  b_.CreateRetVoid();
  scope_.clear();
}

llvm::Value* DriverEmitter::call_copy(FrameField function, llvm::Type* result, llvm::Value* own,
                                      llvm::Value* shared, const SharedRows& rows) {
  llvm::Type *pointer = b_.getPtrTy(), *index = b_.getInt64Ty();
  auto* type = llvm::FunctionType::get(result, {pointer, pointer, pointer, index, index, index}, false);
  return b_.CreateCall(type, field(frame_, function),
                       {field(frame_, kWorkField), own, shared, size(rows.pieces), size(rows.piece_bytes),
                        size(rows.whole_bytes)});
}

// Behind the values stand the numbers of rows that a step of the loops around runs.
void DriverEmitter::call_columns(const ir::Op& dot, std::vector<llvm::Value*> values) {
  for (const std::string& symbol : live_.symbols_of(dot)) {
    llvm::BasicBlock& entry = b_.GetInsertBlock()->getParent()->getEntryBlock();
    values.push_back(llvm::IRBuilder<>(&entry, entry.begin()).CreateAlloca(b_.getInt64Ty()));
    b_.CreateStore(rows_alive_.at(symbol), values.back());
  }
  call_shares(kRunColumnsField, column_numbers_.at(&dot), values);
}

void DriverEmitter::emit_columns(const ir::Op& dot, size_t number) {
  llvm::Function* function = begin("columns" + std::to_string(number), b_.getVoidTy(),
                                   llvm::Function::ExternalLinkage, {b_.getPtrTy()});
  std::vector<llvm::Value*> args = {frame_, b_.getInt64(numbers_.at(&dot))};
  const int64_t values = std::ssize(dot.operands) + std::ssize(dot.results);
  for (int64_t i = 0; i < values; ++i) args.push_back(field(function->getArg(1), i));
  for (const std::string& symbol : live_.symbols_of(dot))
    rows_alive_[symbol] =
        b_.CreateLoad(b_.getInt64Ty(), field(function->getArg(1), values + std::ssize(rows_alive_)));
  call_kernel(dot, std::move(args));
  rows_alive_.clear();
  b_.CreateRetVoid();
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
