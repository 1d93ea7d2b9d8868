// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/op_row.h"

// The element-wise rows, for those who know one of them by name. They are added most often; what does not include this
// is not compiled again then.
namespace rondo::ir::ops {
#define OP(name, ...) extern const OpRow name;
#include "ir/ops/elementwise.def"
#undef OP
}  // namespace rondo::ir::ops
