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

/// What the op does at one time, the inverse of batch_op; see `Unbatch`. Empty, and nothing written, if its row has no way.
Values unbatch_op(const Op& op, const AtOneTime& x);

/// True if the op works on each time by itself, and unbatch_op would write it, where the first dim of just these operands and
/// of all results is that of the times.
bool can_unbatch(const Op& op, const std::vector<bool>& batched);

}  // namespace rondo::ir
