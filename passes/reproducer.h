// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace rondo::passes {

/// A file with which rondo-opt --run-reproducer repeats what a pass did to a function: the function as it was
/// before, and in the first line the options that name the pass and those that were still to run.
class Reproducer {
 public:
  static constexpr size_t kMaxBytes = size_t{1} << 26;
  static constexpr int kMaxFiles = 8;  // that one process writes
  /// What the first line begins with; a space and the options follow.
  static constexpr std::string_view kHead = "// RUN: rondo-opt %s";

  /// `options` are rondo-opt's, such as `--fuse --plan-memory`; `why` may be empty. The file lies in `folder`,
  /// which is made if need be; if that is empty, where the system keeps temporary files.
  Reproducer(const ir::Function& before, std::string_view options, std::string_view why,
             const std::string& folder);

  /// Writes the file, whole or not at all, and returns whether it did: not if there are too many already, if it
  /// would be too large, or if the system refuses. Calls only what a signal handler may call.
  bool write() const noexcept;
  const std::string& path() const { return path_; }

 private:
  std::string text_, path_, part_;  // part_: the name until it is whole
};

/// From now on a crash within a pass (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL) writes a reproducer, says so
/// on stderr and ends the process with `exit_code`. For tools, which own their process; to be called once, by
/// the thread that runs the passes if the end of its stack is to be survived. Elsewhere a crash is as it was.
void catch_crashes(const char* tool, int exit_code);
bool crashes_are_caught();

/// While it lives, a crash of this thread is taken for one of this pass.
class CrashScope {
 public:
  /// `reproducer` may be nullptr, and must live as long.
  CrashScope(std::string_view pass, const Reproducer* reproducer);
  ~CrashScope();
  CrashScope(const CrashScope&) = delete;
  CrashScope& operator=(const CrashScope&) = delete;

 private:
  friend struct CrashHandler;
  std::string what_;  // "pass NAME"
  const Reproducer* reproducer_;
  const CrashScope* outer_;
};

}  // namespace rondo::passes
