// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cmath>
#include <vector>

// The two orders of evaluation that the language knows, spelt out once more: a chain, and lanes.
namespace rondo::naive {

/// One after another.
template <class T, class Combine>
T chain(const std::vector<T>& values, T start, Combine combine) {
  for (T value : values) start = combine(start, value);
  return start;
}

/// Lanes j and j + 8 meet, then j and j + 4, and so on: what lane j holds when `width` lanes are left.
template <class T, class Combine>
T halved(const std::vector<T>& lanes, size_t j, size_t width, Combine combine) {
  if (width == lanes.size()) return lanes[j];
  return combine(halved(lanes, j, 2 * width, combine), halved(lanes, j + width, 2 * width, combine));
}

/// Blocks of 4096 terms; in a block, lane j of 16 folds the terms j, j + 16, ...; blocks from left to right.
/// fold(lane, k) adds the term number k to a lane.
template <class T, class Fold, class Combine>
T in_lanes(size_t terms, T start, Fold fold, Combine combine) {
  std::vector<T> blocks;
  for (size_t first = 0; first < terms; first += 4096) {
    std::vector<T> lanes(16, start);
    for (size_t j = 0; j < 16; ++j)
      for (size_t k = first + j; k < std::min(terms, first + 4096); k += 16) lanes[j] = fold(lanes[j], k);
    blocks.push_back(halved(lanes, 0, 1, combine));
  }
  return chain(blocks, start, combine);
}

}  // namespace rondo::naive
