// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

#include "rondo/array.h"

namespace rondo {

/// Titles of unequal length with a label each, time-major.
struct TitleBatch {
  Array words;   // i32[T,B], in [1, 8000); 0 after a title's end
  Array length;  // i32[B], 3 to 12
  Array label;   // i32[B], in [0, 16)
};

/// `count` batches of 32 made-up titles to try a classifier on. Half the words of a title come from 20 that
/// its label prefers, the others from all 8000, so that there is something to learn. The seed decides all.
std::vector<TitleBatch> synthetic_titles(int64_t count, uint64_t seed = 1);

}  // namespace rondo
