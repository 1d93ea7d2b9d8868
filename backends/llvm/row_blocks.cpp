// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/row_blocks.h"

#include <algorithm>
#include <cmath>

#include "backends/llvm/codegen/dot_kernel.h"
#include "passes/row_cuts.h"

namespace rondo::codegen {

namespace {

constexpr double kCacheBytes = 1 << 20;          // of a worker: the second cache, or its part of the third
constexpr double kBlockBytes = kCacheBytes / 4;  // besides, there are weights, and what comes from outside
constexpr std::int64_t kFewestRows = 4;          // the ops of a block are so many calls

// In doubles: what fits in 64 bits one by one may not all together.
double sum(const std::vector<Dim>& bytes, const Sizes& symbols) {
  double sum = 0;
  for (Dim each : bytes) sum += static_cast<double>(each.evaluate(symbols));
  return sum;
}

// The kernel of dots reads all of y for kDotRowBlock rows, blocks or not; one row that is shared may be many of a dot.
double rows_for_dots(const RowShares& rows, const Sizes& symbols) {
  double most = 0;
  for (const RowWork& work : rows.work) {
    if (work.dot_rows.empty()) continue;
    const double dot_rows = product_at(work.dot_rows, symbols);
    const auto all = static_cast<double>(rows.shares[0].total.evaluate(symbols));
    most = std::max(most, static_cast<double>(kDotRowBlock) * all / std::max(dot_rows, 1.0));
  }
  return most;
}

}  // namespace

void RowBlocks::enter(std::int64_t first, std::int64_t count, std::int64_t* values) const {
  for (const Size& size : sizes)
    values[size.number] = size.fixed + size.each_first * first + size.each_row * count;
}

std::int64_t rows_of_block(const RowShares& rows, const Sizes& symbols, std::int64_t wanted) {
  if (rows.passed.empty()) return 0;
  const std::int64_t count = symbols.find(rows.shares[0].count)->second;
  std::int64_t most = wanted;
  if (wanted == 0) {
    const double passed = sum(rows.passed, symbols);
    if (passed <= kCacheBytes || passed < 2 * sum(rows.copied, symbols)) return 0;
    const double fit = kBlockBytes / passed * static_cast<double>(count);
    const double rounded = std::ceil(std::max(fit, rows_for_dots(rows, symbols)));
    if (rounded >= static_cast<double>(count)) return 0;
    most = std::max(kFewestRows, static_cast<std::int64_t>(rounded));
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
    if (!passes::mentions(sizes[i], Dim(share.first)) && !passes::mentions(sizes[i], Dim(share.count)))
      continue;
    const std::int64_t fixed = at(sizes[i], 0, 0);
    found.push_back({i, fixed, at(sizes[i], 1, 0) - fixed, at(sizes[i], 0, 1) - fixed});
  }
  return found;
}

}  // namespace rondo::codegen
