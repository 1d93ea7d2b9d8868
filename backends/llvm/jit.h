// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "backends/llvm/codegen/code_module.h"
#include "backends/llvm/codegen/target.h"

namespace rondo::codegen {

/// Milliseconds, by stage. Of modules that are compiled at once those of the one that takes longest.
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

  /// Compiles the modules, each in a thread of its own, and links them: their external functions can
  /// be called by each other and looked up afterwards, also by modules that are added later. Throws InternalError with
  /// LLVM's complaint if a module is not valid, and Error if the machine refuses memory for code.
  void add(std::vector<CodeModule> modules);
  void add(CodeModule module);

  /// The function of this name, which must have been added, else InternalError.
  void* lookup(std::string_view name);
  template <class Function>
  Function* lookup(std::string_view name) {
    return reinterpret_cast<Function*>(lookup(name));
  }

  /// Sums over all that was added so far.
  const CompileTimes& times() const { return times_; }

 private:
  struct Session;

  Target target_;
  int debug_level_;
  CompileTimes times_;
  std::unique_ptr<Session> session_;
};

}  // namespace rondo::codegen
