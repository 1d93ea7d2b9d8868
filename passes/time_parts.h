// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/builder.h"

// Parts of values whose first dim is the time, which what cuts loops writes.
namespace rondo::passes {

/// Times lo to hi.
ir::Value* times(ir::Builder& b, ir::Value* whole, Dim lo, Dim hi);
/// The value at one time, without the dim.
ir::Value* at_time(ir::Builder& b, ir::Value* whole, int64_t time);
/// The inverse of at_time, for one time after another: at least one.
ir::Value* stacked(ir::Builder& b, const ir::Values& steps);
/// A size as what counts time steps, i32[].
ir::Value* size_as_index(ir::Builder& b, Dim size);

}  // namespace rondo::passes
