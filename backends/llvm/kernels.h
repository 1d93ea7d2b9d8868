// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/llvm/codegen/target.h"
#include "ir/graph.h"
#include "ir/op_row.h"

namespace rondo::codegen {

class CodeModule;
struct LibraryState;

/// How to call the code of an op:
///
///     void function(RunContext* context, i64 op_number, ptr operand..., ptr result..., i64 size...)
///
/// `sizes` says which numbers to pass as `size`. Buffers are dense and row-major; alignment to the element is
/// enough. op_number is what error records name. Operands may overlap each other; a result overlaps nothing
/// else, but where may_write_in_place (passes/fusion_rules.h) allows it or where it may be an aliased_operand
/// (passes/memory_plan.h).
struct KernelCall {
  std::string function;
  std::vector<Dim> sizes;
};

/// The external functions, in LLVM modules, that do the work of ops: any op but those with regions, and fusions.
/// Ops that are equal up to names, of symbols too, share a function; so do fusions that go over one row of elements,
/// however many.
class KernelLibrary {
 public:
  /// Each function goes to the module that by then takes the least time to compile; the first one holds their callers. The
  /// modules, one at least, must outlive the library.
  KernelLibrary(std::span<const CodeModule> modules, const Target& target);
  KernelLibrary(const KernelLibrary&) = delete;
  KernelLibrary& operator=(const KernelLibrary&) = delete;
  ~KernelLibrary();

  /// The function of this op, which is emitted now unless an equal one was before.
  KernelCall get(const ir::Op& op);

  /// What RunContext::scratch must hold for all functions so far.
  std::int64_t scratch_bytes() const;
  /// The host kernels that the functions so far call: RunContext::kernels must point at a copy of this.
  const std::vector<ir::Kernel>& called() const;

 private:
  std::unique_ptr<LibraryState> state_;
};

}  // namespace rondo::codegen
