// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace rondo::passes {

/// Counts what passes do on this thread, one rewrite after another, and can bring them to a stop: so a search
/// finds the one rewrite that goes wrong. A pass that may stop between two rewrites asks before each of them;
/// rewrite_ops does so for all that use it.
class Applications {
 public:
  /// While it lives (one at a time on a thread), passes of this thread do no more than `most`.
  explicit Applications(int64_t most) : most_(most) { current_ = this; }
  ~Applications() { current_ = nullptr; }
  Applications(const Applications&) = delete;
  Applications& operator=(const Applications&) = delete;

  int64_t count() const { return count_; }

  // For passes.

  /// True unless as many were done as may be.
  static bool one_more() { return current_ == nullptr || current_->count_ < current_->most_; }
  /// One was done.
  static void done() {
    if (current_ != nullptr) ++current_->count_;
  }

 private:
  static inline constinit thread_local Applications* current_ = nullptr;
  const int64_t most_;
  int64_t count_ = 0;
};

}  // namespace rondo::passes
