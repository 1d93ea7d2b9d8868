// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

// Shares of rows in sizes: what each worker that shares a `rows` op has for the dims that are cut.
namespace rondo::codegen {

/// Rows of one number, which all workers that share a `rows` op divide.
struct RowShare {
  Dim total;          ///< how many there are
  std::string count;  ///< the symbol of how many a worker has
  std::string first;  ///< of the number of its first one
};

/// What an op in a `rows` op takes for all rows.
struct RowWork {
  const ir::Op* op;
  std::vector<Dim>
      steps;  ///< numbers whose product is about how many multiplications, additions and other steps
  Dim total;  ///< the rows that workers divide
  std::vector<Dim> dot_rows = {};  ///< of a dot: numbers whose product is how many rows it multiplies by y
  int columns = -1;                ///< of a dot whose columns may be shared: its number among those
};

/// A `rows` op.
struct RowShares {
  std::vector<RowShare> shares;
  std::vector<RowWork> work;
  /// Bytes of each value that its ops pass to each other, row by row; none if its rows can't be done in blocks
  /// (row_blocks.h).
  std::vector<Dim> passed = {};
  /// Bytes of what is copied for who has not all rows.
  std::vector<Dim> copied = {};
};

/// Of numbers that may leave 64 bits together.
double product_at(const std::vector<Dim>& factors, const Sizes& symbols);

/// `prefix`, or with more behind it: no symbol of the function's parameters begins so.
std::string unused_prefix(const ir::Function& function, std::string prefix);

/// Gives the cut dims of all that is in the bodies of `rows` ops symbols of their own, op after op. An iota along such a
/// dim gets the annotation `first`, and what reads an operand's rows where they lie among those of other workers `among`.
/// The function is for code generation only then: in its text the bodies' parameters have other types than the operands.
std::vector<RowShares> share_rows(ir::Function& function);

}  // namespace rondo::codegen
