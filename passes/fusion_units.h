// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "ir/graph.h"

namespace rondo::passes {

/// Ops that run together: one loop over elements, or a lone op. An op may stand in several units; all but one
/// of them then hold a copy of it.
struct FusionUnit {
  std::vector<const ir::Op*> ops;         // each after what it reads
  std::vector<const ir::Value*> results;  // what is read outside, or returned by the graph; not of copies
};

/// Divides a graph into units, in an order in which they can run. Ops whose values nobody reads are left out
/// if they may be fused. How and why: see fuse.cpp.
std::vector<FusionUnit> fusion_units(const ir::Graph& graph);

}  // namespace rondo::passes
