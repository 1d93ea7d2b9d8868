// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace rondo::ir {

// The order in which a reduction takes its elements (see ops/reduce.def). Part of the language: code
// generators follow.
inline constexpr int kLanes = 16;    // partial results within a block
inline constexpr int kBlock = 4096;  // elements of a block

}  // namespace rondo::ir
