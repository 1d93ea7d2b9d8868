// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

#include "ir/op_row.h"
#include "runtime/error_word.h"

namespace rondo::codegen {

/// All that compiled code reaches besides its arguments; it holds no absolute address. Compiled code reads
/// the fields by number (ContextField): keep both in step. One context belongs to one run at a time.
struct RunContext {
  runtime::ErrorWord* error;
  void (*record_error)(runtime::ErrorWord* word, std::int64_t op, std::int64_t position) noexcept;
  const ir::Kernel* kernels;  ///< what KernelLibrary::called lists, in that order
  void* scratch;  ///< KernelLibrary::scratch_bytes bytes, 64-byte aligned; undefined between calls
};

/// Numbers of RunContext's fields, each of which is a pointer.
enum ContextField : unsigned { kErrorField, kRecordErrorField, kKernelsField, kScratchField };

static_assert(sizeof(RunContext) == 4 * sizeof(void*), "compiled code takes it for an array of pointers");

}  // namespace rondo::codegen
