// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <limits>

namespace rondo::ir {

/// A float as an integer: towards zero, saturating; NaN gives 0.
template <class To, class From>
To saturate(From x) {
  // The largest To may not be representable in From; 2^(bits-1) always is.
  const From bound = std::ldexp(From{1}, std::numeric_limits<To>::digits);
  if (std::isnan(x)) return 0;
  if (x >= bound) return std::numeric_limits<To>::max();
  if (x < -bound) return std::numeric_limits<To>::min();
  return static_cast<To>(x);
}

}  // namespace rondo::ir
