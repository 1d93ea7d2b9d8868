// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <limits>

namespace rondo::runtime {

/// The one error that a run keeps: the least (op index, linear position of the element) recorded, in whatever
/// order errors are met. So slicing rows differently or running on other workers reports the same one.
struct ErrorWord {
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

  std::int64_t op = kNone;
  std::int64_t position = kNone;

  bool set() const { return op != kNone; }

  void record(std::int64_t new_op, std::int64_t new_position) {
    if (new_op > op || (new_op == op && new_position >= position)) return;
    op = new_op;
    position = new_position;
  }

  void reset() { *this = {}; }
};

}  // namespace rondo::runtime

/// What compiled code calls to record an error: `op` is the op's index in its function, `position` the
/// row-major position of the element.
extern "C" void rondo_record_error(rondo::runtime::ErrorWord* word, std::int64_t op,
                                   std::int64_t position) noexcept;
