// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/array.h"

namespace rondo {

/// Host data that goes into a compiled function and comes out of it: row-major, 64-byte aligned. Its own
/// functions throw runtime::Failure, whose text begins with the caller's file:line.
using runtime::Array;
using runtime::Bfloat16;

}  // namespace rondo
