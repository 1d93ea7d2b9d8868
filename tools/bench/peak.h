// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/type.h"

namespace rondo::bench {

/// What so many threads can do at most right now: independent multiply-adds of whole vectors in registers, in 1e9
/// floating-point operations a second, measured for about two milliseconds. f32 or f64.
double peak_gflops(DType dtype, int threads);

}  // namespace rondo::bench
