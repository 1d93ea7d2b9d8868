// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>

namespace rondo::tools {

/// For --seed, --count and the like: a whole number from 0. CLI11 by itself reads -1 as 2^64-1, and takes the
/// nearest for a number that does not fit 64 bits.
inline CLI::Range whole_number() {
  return {std::int64_t{0}, std::numeric_limits<std::int64_t>::max() - 1, "WHOLE NUMBER"};
}

}  // namespace rondo::tools
