// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to backends/llvm: it includes LLVM.
#pragma once

#include <llvm/ADT/SmallVector.h>

#include <memory>

#include "backends/llvm/codegen/code_module.h"
#include "backends/llvm/codegen/target.h"

namespace llvm {
class TargetMachine;
}  // namespace llvm

namespace rondo::codegen {

/// Machine code for one target. What becomes of a module hangs on nothing but the module and the target: the machine
/// that this runs on may be another. The code is position-independent. Besides what the module names it calls only
/// what LLVM itself makes calls to: memcpy, memmove, memset, and, where the target has no such instruction, fma and
/// fmaf.
class CodeGenerator {
 public:
  using Bytes = llvm::SmallVector<char, 0>;

  /// Throws Error if LLVM can't make code for this machine's kind.
  explicit CodeGenerator(const Target& target);
  ~CodeGenerator();

  /// Runs LLVM's passes. Throws InternalError with LLVM's complaint if the module is not valid.
  void optimise(const CodeModule& code) const;

  /// The object file of a module that was optimised, which is of no use afterwards.
  Bytes object(const CodeModule& code) const;
  /// Its assembly; the module stays as it is.
  Bytes assembly(const CodeModule& code) const;

 private:
  std::unique_ptr<llvm::TargetMachine> machine_;
};

}  // namespace rondo::codegen
