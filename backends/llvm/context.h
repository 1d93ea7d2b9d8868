// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

#include "backends/dot_library.h"
#include "backends/llvm/codegen/prebuilt_kernels.h"
#include "ir/op_row.h"
#include "runtime/error_word.h"

namespace rondo::codegen {

/// All that compiled code reaches besides its arguments; it holds no absolute address. Compiled code reads
/// the fields by number (ContextField): keep both in step. One context belongs to one run at a time.
struct RunContext {
  runtime::ErrorWord* error;
  void (*record_error)(runtime::ErrorWord* word, std::int64_t op, std::int64_t position) noexcept;
  const ir::Kernel* kernels;  ///< what KernelLibrary::called lists, in that order
  void* scratch;  ///< what KernelLibrary and BoundDots ask for, 64-byte aligned; undefined between calls
  decltype(&rondo_run_dot) run_dot = nullptr;
  backends::DotRun* dot_run = nullptr;        ///< of the dots that a library computes; null if there are none
  const PrebuiltKernels* prebuilt = nullptr;  ///< of the target's instruction set
};

/// Numbers of RunContext's fields, each of which is a pointer.
enum ContextField : unsigned {
  kErrorField,
  kRecordErrorField,
  kKernelsField,
  kScratchField,
  kRunDotField,
  kDotRunField,
  kPrebuiltField
};

static_assert(sizeof(RunContext) == 7 * sizeof(void*), "compiled code takes it for an array of pointers");

}  // namespace rondo::codegen
