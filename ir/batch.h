// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/op_row.h"

// Ops at many times at once: what their rows say by `batch`.
namespace rondo::ir {

/// Writes the op on batched operands; see `Batch`. Empty, and nothing written, if its row has no way to.
Values batch_op(const Op& op, const Batched& x);

/// Whether batch_op would write the op if just these of its operands had a dim of `size` in front.
bool can_batch(const Op& op, const std::vector<bool>& batched, Dim size);

}  // namespace rondo::ir
