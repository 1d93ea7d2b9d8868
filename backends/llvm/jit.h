// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string_view>

#include "backends/llvm/codegen/code_module.h"
#include "backends/llvm/codegen/target.h"

namespace rondo::codegen {

/// Milliseconds spent, by stage.
struct CompileTimes {
  double ir_passes = 0;
  double codegen = 0;  ///< instruction selection to object file
  double link = 0;     ///< loading and relocating
  double total() const { return ir_passes + codegen + link; }
};

/// Makes machine code of LLVM modules and owns it: the code is freed with this object, and its pages are
/// never writable and executable at once. It resolves no symbol outside its own modules but the few that LLVM
/// itself makes calls to (code_generator.h); everything else reaches it through its arguments.
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
