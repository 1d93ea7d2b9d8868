// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/op_row.h"

// Ops at many times at once: what their rows say by `batch`.
namespace rondo::ir {

/// Writes the op on batched operands; see `Batch`. Empty, and nothing written, if its row has no way to.
Values batch_op(const Op& op, const Batched& x);

/// A type with a dim of `size` in front. It may have a flaw that the type has not.
Type batched_type(Type type, Dim size);

/// Whether batch_op would write the op, with types that have no flaw, if just these of its operands had a dim of `size`
/// in front.
bool can_batch(const Op& op, const std::vector<bool>& batched, Dim size);

}  // namespace rondo::ir
