// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "ir/graph.h"

// What can be one loop over elements: the body of the op `fusion`.
namespace rondo::ir {

/// True for an op whose results are its operand, read elsewhere: a fusion reads the operand instead. A reshape
/// is one if it only adds or drops dims of size 1.
bool is_view(const Op& op);

/// True for a sum, a maximum or a minimum over dims.
bool is_reduction(const Op& op);

/// True for a reduction that a loop over its operand's elements can make, adding each to its total. Its sums go on from
/// nothing, forward in time. A bf16 total is rounded once: so it must be done before the loop leaves it.
bool is_total(const Op& op);

/// True if a loop over elements can make what the op gives, but only as a result: a concat, which is written piece by
/// piece, and a total, which is known at the end.
bool ends_loop(const Op& op);

/// Why a fusion cannot have this body; empty if it can. It holds element-wise ops, values that are made of
/// nothing, views of others, and what ends a loop, which nothing in the body reads.
std::string fusion_flaw(const Graph& body);

}  // namespace rondo::ir
