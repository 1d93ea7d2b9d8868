// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <optional>

#include "ir/builder.h"

namespace rondo::passes {

/// What stands for an op's results from now on, one value each; nothing if the op is to stay as it is.
using Replacement = std::optional<ir::Values>;

/// Rebuilds a graph: takes its ops one after another, in program order and on the operands that stand for
/// theirs now, and asks `visit` what becomes of them. `visit` may write ops, which come before the op that it
/// is asked about. Does not go into regions. Each replacement is one of the Applications; once these are used up
/// `visit` is asked no more. Returns whether an op was replaced.
bool rewrite_ops(ir::Graph& graph, const std::function<Replacement(ir::Builder&, ir::Op&)>& visit);

/// True for the body of a `rows` op. What joins ops or moves them leaves it alone: what it makes might mix rows, where
/// equal values stand for different rows.
bool is_rows_body(const ir::Graph& graph);

/// Throws Error: `what`, which names the pass, would make more ops than budget::kOpsMade. `op`, if not null, is
/// where.
[[noreturn]] void fail_over_budget(const ir::Function& function, const ir::Op* op, const std::string& what,
                                   const std::string& way_out);

}  // namespace rondo::passes
