// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"

// What a fusion may hold. A fusion is a loop over an iteration shape, that of its results. A result may be a `concat` of
// values of that shape, which is written piece by piece, or a total (ir/fusion.h) over one. Values within are
// computed where they are needed, element by element: an op may read its operand at another place (a slice, a
// broadcast), but never needs more than one element of it for one element of its own.
namespace rondo::passes {

/// True if the op may stand in a fusion's body, wherever its operands come from. What ends a loop (ir/fusion.h) may only
/// where it is a result of the fusion and nothing in the body reads it.
bool can_fuse(const ir::Op& op);

/// The sizes of the loop that writes the value (a concat: those of its pieces; a total: those of what it is of). Values
/// can be results of one fusion if theirs are equal. For results of ops that can_fuse holds for.
const std::vector<Dim>& iteration_dims(const ir::Value& value);

/// True if the code of `op` may write this result into the memory of this operand. That is so for scatter_add
/// and its base, and for element-wise ops and fusions that read this operand (and any other that is the same
/// value) only where they write this result next, whose elements are as wide.
bool may_write_in_place(const ir::Op& op, int operand, int result);

}  // namespace rondo::passes
