// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to parallelise.
#pragma once

#include "ir/graph.h"

namespace rondo::passes {

/// Makes `job` ops of loops of a graph that need nothing of each other, such as the two directions of a bidirectional layer,
/// and puts them side by side. Returns whether there were any.
bool make_jobs(ir::Graph& graph);

}  // namespace rondo::passes
