// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

namespace rondo::backends {

/// Memory that is wanted from one point in time to another, both included.
struct Demand {
  std::int64_t bytes;
  std::int64_t first, last;
};

struct ArenaLayout {
  std::vector<std::int64_t> offsets;  ///< of each demand, multiples of 64
  std::int64_t bytes;                 ///< in all
};

/// Lays demands into one block so that none overlap that are wanted at the same time: one after another by the time of
/// their begin, or, where that takes over 5 % more than largest_live_set and there are few, in some other orders. Throws
/// rondo::Error if what that takes leaves 63 bits.
ArenaLayout lay_out(const std::vector<Demand>& demands);

/// The most that is wanted at one time, each demand a multiple of 64: no layout takes less. Demands of which lay_out
/// throws are not for it.
std::int64_t largest_live_set(const std::vector<Demand>& demands);

}  // namespace rondo::backends
