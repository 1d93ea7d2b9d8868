// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "rondo/tensor.h"

namespace rondo::detail {

/// The lengths of rows, i32 or i64 [rows], as i32, and checked by the run to lie within 0 .. steps. Throws Error,
/// naming `op`, if they are no lengths.
Tensor checked_lengths(const std::string& op, const Tensor& length, Dim steps, Loc loc);

/// i1[steps, rows]: whether a time step lies within its row. `lengths` are checked ones.
Tensor mask_of_lengths(const Tensor& lengths, Dim steps);

}  // namespace rondo::detail
