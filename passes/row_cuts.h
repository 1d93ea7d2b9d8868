// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to the passes that cut or join loops: parallelise, remat, fuse-scans.
#pragma once

#include <optional>
#include <vector>

#include "ir/op_row.h"
#include "ir/row_dims.h"

// Along which dims ops may be cut into shares.
namespace rondo::passes {

/// The dim of each operand and result that is cut; -1 where it is whole.
using Cut = ir::RowLink;

bool mentions(Dim dim, Dim symbol);

/// Cuts along the dim that is a certain symbol.
class SymbolCuts {
 public:
  /// Of ops in a graph at this depth.
  explicit SymbolCuts(Dim symbol, int depth = 0) : symbol_(symbol), depth_(depth) {}

  /// Of an op that works row by row, and gives nothing that has no rows.
  std::optional<Cut> cut(const ir::Op& op) const;

 private:
  int dim_of(const Type& type) const;
  Cut dims_of(const ir::Op& op) const;
  // `depth`: of the graph that the op is to stand in.
  bool fits(const ir::Op& op, int depth) const;
  bool fits_region_op(const ir::Op& op, const Cut& cut, int depth) const;

  Dim symbol_;
  int depth_;
};

/// Along the first dim of the results, if that may pay.
std::optional<Cut> cut_first_dim(const ir::Op& op);

/// A value that is made of attributes alone.
bool is_made(const ir::Op& op);
/// What takes time.
bool is_anchor(const ir::Op& op);
/// A cond of which a block holds a loop, as fuse-scans makes them.
bool chooses_loops(const ir::Op& op);
/// A loop over loops. Where it mixes rows, in sums over all of them, say, what is around its sums may work row by row.
bool holds_loops(const ir::Op& op);

/// The symbol along which most loops and dots of the function may be cut.
std::optional<Dim> best_symbol(const ir::Function& function);

}  // namespace rondo::passes
