// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to live.
#pragma once

#include <unordered_map>

#include "ir/scan.h"

namespace rondo::passes {

/// What values in a scan's body are in rows that have ended, if nothing in it is infinite or NaN.
class DeadRows {
 public:
  static constexpr int kZero = -1;  // of either sign
  static constexpr int kAny = -2;

  /// `alive`: a value i1[B] of the body that is false for these rows.
  DeadRows(const ir::Scan& scan, const ir::Value* alive);

  /// kZero, kAny, or the number of the carry that the value is, but for the sign of a zero.
  int of(const ir::Value* value) const {
    const auto found = states_.find(value);
    return found == states_.end() ? kAny : found->second;
  }
  /// True of `alive` and of its broadcasts along the first dim.
  bool is_alive(const ir::Value* value) const;

 private:
  int result_of(const ir::Op& op) const;
  int elementwise(const ir::Op& op) const;

  const ir::Value* alive_;
  std::unordered_map<const ir::Value*, int> states_;
};

}  // namespace rondo::passes
