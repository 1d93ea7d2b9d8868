// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/llvm/row_shares.h"
#include "ir/graph.h"

// Shares of columns in sizes: what each worker has of a dot that several compute together. Where there are rows for all
// workers they share those (row_shares.h). With few rows a dot's time is that of reading y, and by rows each worker would
// read all of y: so there they share the columns.
namespace rondo::codegen {

/// A dot whose first free dim of y workers may divide.
struct ColumnShare {
  const ir::Op* dot;
  Dim total;               ///< how large the dim is
  std::int64_t together;   ///< so many of it are not divided
  std::string first;       ///< the symbol of where a worker's part begins
  std::string count;       ///< of how much it has
  std::vector<Dim> flops;  ///< numbers whose product is how many multiplications and additions the dot takes
  int rows;                ///< the `rows` op that it is in, by number; -1 if it is in none
};

/// Gives such dots the annotation `columns`, which says what of y and of the result their code takes, and their numbers to
/// the work of the `rows` ops that they are in. Where y's rows are cut, pieces are of `panel_bytes`.
std::vector<ColumnShare> share_columns(ir::Function& function, std::vector<RowShares>& rows,
                                       std::int64_t panel_bytes);

}  // namespace rondo::codegen
