// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/row_blocks.h"

#include <algorithm>

#include "backends/llvm/codegen/dot_kernel.h"

namespace rondo::codegen {

namespace {

constexpr std::int64_t kCacheBytes = 1 << 20;  // of a worker: the second cache, or its part of the third
constexpr std::int64_t kBlockBytes =
    kCacheBytes / 4;                  // besides, there are weights, and what comes from outside
constexpr std::int64_t kFewRows = 4;  // a block takes about as long as five calls of functions

}  // namespace

void RowBlocks::enter(std::int64_t first, std::int64_t count, std::int64_t* values) const {
  for (const Size& size : sizes)
    values[size.number] = size.fixed + size.each_first * first + size.each_row * count;
}

std::int64_t rows_of_block(const RowShares& rows, const Sizes& symbols, std::int64_t wanted) {
  if (rows.passed == Dim(0)) return 0;
  const std::int64_t count = symbols.find(rows.shares[0].count)->second;
  std::int64_t most = wanted;
  if (wanted == 0) {
    const std::int64_t bytes = rows.passed.evaluate(symbols);
    if (bytes <= kCacheBytes) return 0;
    // The kernel of dots reads all of y for so many rows, blocks or not.
    const bool has_dots =
        std::ranges::any_of(rows.work, [](const RowWork& work) { return !work.dot_rows.empty(); });
    most = std::max(has_dots ? kDotRowBlock : kFewRows, kBlockBytes / (bytes / count));
  }
  if (count <= most) return 0;
  const std::int64_t blocks = (count + most - 1) / most;
  return (count + blocks - 1) / blocks;
}

std::vector<RowBlocks::Size> sizes_of_blocks(const std::vector<Dim>& sizes, const RowShare& share,
                                             Sizes symbols) {
  std::vector<RowBlocks::Size> found;
  std::int64_t &first = symbols[share.first], &count = symbols[share.count];
  const auto at = [&](Dim size, std::int64_t block_first, std::int64_t block_count) {
    first = block_first, count = block_count;
    return size.evaluate(symbols);
  };
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::vector<std::string> hangs_on = sizes[i].symbols();
    if (std::ranges::none_of(hangs_on, [&](const auto& s) { return s == share.first || s == share.count; }))
      continue;
    const std::int64_t fixed = at(sizes[i], 0, 0);
    found.push_back({i, fixed, at(sizes[i], 1, 0) - fixed, at(sizes[i], 0, 1) - fixed});
  }
  return found;
}

}  // namespace rondo::codegen
