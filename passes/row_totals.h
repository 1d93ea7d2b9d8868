// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"

namespace rondo::passes {

/// Where a reduction over the rows of `symbol` takes the innermost dim as well, as the mean of all squared errors does,
/// makes the totals of the innermost dim one op, which works row by row, and what adds them up another. Exact: it is the
/// order of a reduction (ir/reduction_order.h). Returns whether the graph was changed.
bool split_totals(ir::Graph& graph, Dim symbol);

}  // namespace rondo::passes
