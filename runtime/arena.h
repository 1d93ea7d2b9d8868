// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/aligned.h"

namespace rondo::runtime {

/// The memory that a compiled function works in: one 64-byte aligned block, made as large as needed when
/// sizes are bound, so that running allocates nothing. It never shrinks.
class Arena {
 public:
  /// Asking for more than `limit` bytes is a Failure.
  explicit Arena(std::uint64_t limit = machine_memory()) : limit_(limit) {}

  /// Makes the block at least `bytes` long. What it held is lost if it grows; on Failure nothing has changed.
  void reserve(std::uint64_t bytes);

  /// Null until something was reserved.
  std::byte* base() const { return block_.get(); }
  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t limit() const { return limit_; }

  /// Bytes of memory that this machine has.
  static std::uint64_t machine_memory();

 private:
  std::uint64_t limit_;
  std::uint64_t capacity_ = 0;
  AlignedBytes block_;
};

}  // namespace rondo::runtime
