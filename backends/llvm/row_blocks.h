// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

#include "backends/llvm/row_shares.h"

// Blocks of rows. What ops of a `rows` op pass to each other may be more than the caches hold: then a worker takes a block
// of its rows through all of them before the next one, so that a dot's result is still at hand for what reads it, and
// memory is planned for a block alone.
namespace rondo::codegen {

/// How workers do the rows of a `rows` op, at sizes that are known.
struct RowBlocks {
  /// A size that code reads and that hangs on a block's numbers. It is linear in both: a value has rows along one dim.
  struct Size {
    std::size_t number;
    std::int64_t fixed, each_first, each_row;
  };
  struct Share {
    std::int64_t first, count;
  };
  std::int64_t rows =
      0;  ///< of a block, the last one may have fewer; 0: all at once, and what follows is empty
  std::vector<Size> sizes;
  std::vector<Share> shares;  ///< of each worker

  /// Sets the sizes for a block of `count` rows from number `first` on.
  void enter(std::int64_t first, std::int64_t count, std::int64_t* sizes) const;
};

/// How many rows make a block of a share like that in `symbols`; 0 where blocks don't pay, or can't be. `wanted`: this many
/// wherever they can be, if that is not 0.
std::int64_t rows_of_block(const RowShares& rows, const Sizes& symbols, std::int64_t wanted);

/// Those of `sizes` that hang on the numbers of this share.
std::vector<RowBlocks::Size> sizes_of_blocks(const std::vector<Dim>& sizes, const RowShare& share,
                                             Sizes symbols);

}  // namespace rondo::codegen
