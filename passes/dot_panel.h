// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace rondo::passes {

/// How many bytes of columns the machine's dot kernel works on at a time. Whoever compiles for a machine says so on its
/// thread for as long as passes run.
class DotPanel {
 public:
  /// While it lives (one at a time on a thread), passes of this thread take panels of so many bytes; 0: none.
  explicit DotPanel(int64_t bytes) { current_ = bytes; }
  ~DotPanel() { current_ = kUsual; }
  DotPanel(const DotPanel&) = delete;
  DotPanel& operator=(const DotPanel&) = delete;

  static int64_t bytes() { return current_; }

 private:
  static constexpr int64_t kUsual = 64;
  static inline constinit thread_local int64_t current_ = kUsual;
};

}  // namespace rondo::passes
