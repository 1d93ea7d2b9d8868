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

/// A `rows` op.
struct RowShares {
  std::vector<RowShare> shares;
  /// Products whose sum is about how many multiplications, additions and other steps the body takes for all rows.
  std::vector<std::vector<Dim>> work;
};

/// Gives the cut dims of all that is in the bodies of `rows` ops symbols of their own, op after op. An iota along such a
/// dim gets the annotation `first`, and what reads an operand's rows where they lie among those of other workers `among`.
/// The function is for code generation only then: in its text the bodies' parameters have other types than the operands.
std::vector<RowShares> share_rows(ir::Function& function);

}  // namespace rondo::codegen
