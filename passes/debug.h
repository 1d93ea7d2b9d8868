// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>

namespace rondo::passes {

/// What to tell a developer, from RONDO_DEBUG, RONDO_DUMP and RONDO_VERIFY (docs/debugging.md). Only here is
/// the environment read for it.
struct Debug {
  enum Level { kNothing, kPasses, kChanges, kRules, kLlvm, kAssembly };

  Level level = kNothing;
  std::string only;  // the pass or part that is told of; empty: all
  std::string dump;  // the folder for NNN-pass.rondo; empty: none
  bool verify = false;

  /// Reads `2` or `2,fuse`, a folder, and `1` or `0`; throws Error naming the variable if it is none of these.
  static Debug parse(std::string_view level_and_pass, std::string_view dump, std::string_view verify = "");
  /// Of this process; read once.
  static const Debug& get();

  bool shows(Level wanted, std::string_view pass) const {
    return level >= wanted && (only.empty() || only == pass);
  }
};

}  // namespace rondo::passes
