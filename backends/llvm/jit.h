// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string_view>

#include "backends/llvm/target.h"

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace rondo::codegen {

/// An LLVM module under construction, with the context that it lives in.
class CodeModule {
 public:
  explicit CodeModule(std::string_view name);
  CodeModule(CodeModule&&) noexcept;
  CodeModule& operator=(CodeModule&&) = delete;
  ~CodeModule();

  llvm::Module& module() const { return *module_; }
  llvm::LLVMContext& context() const { return *context_; }

 private:
  std::unique_ptr<llvm::LLVMContext> context_;  // outlives the module
  std::unique_ptr<llvm::Module> module_;
};

/// Milliseconds spent, by stage.
struct CompileTimes {
  double ir_passes = 0;
  double codegen = 0;  ///< instruction selection to object file
  double link = 0;     ///< loading and relocating
  double total() const { return ir_passes + codegen + link; }
};

/// Makes machine code of LLVM modules and owns it: the code is freed with this object, and its pages are
/// never writable and executable at once. The code is position-independent. It resolves no symbol outside its
/// own modules but the few that LLVM itself makes calls to: memcpy, memmove, memset, and (where the target
/// has no such instruction) fma and fmaf; everything else reaches it through its arguments.
///
/// One Jit is for one thread at a time; different ones may be used at once.
class Jit {
 public:
  /// `debug_level` 4 prints the LLVM IR of every module, after its passes, to stderr; 5 the assembly too.
  /// Throws Error if the machine refuses.
  explicit Jit(Target target, int debug_level = 0);
  Jit(const Jit&) = delete;
  Jit& operator=(const Jit&) = delete;
  ~Jit();

  const Target& target() const { return target_; }

  /// Compiles and links the module: its external functions can be looked up afterwards, also by modules that
  /// are added later. Throws InternalError with LLVM's complaint if the module is not valid, and
  /// Error if the machine refuses memory for code.
  void add(CodeModule code);

  /// The function of this name, which must have been added, else InternalError.
  void* lookup(std::string_view name);
  template <class Function>
  Function* lookup(std::string_view name) {
    return reinterpret_cast<Function*>(lookup(name));
  }

  /// Sums over all modules added so far.
  const CompileTimes& times() const { return times_; }

 private:
  struct Session;

  Target target_;
  int debug_level_;
  CompileTimes times_;
  std::unique_ptr<Session> session_;
};

}  // namespace rondo::codegen
