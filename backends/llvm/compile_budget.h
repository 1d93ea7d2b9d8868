// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"

namespace rondo::codegen {

/// Throws Error if the function has more ops than budget::kOpsToCompile: before passes work on it for long.
void check_ops_to_compile(const ir::Function& function);

/// Throws Error if the function, as the passes leave it, needs more calls or larger kernels than ir/budgets.h allows.
void check_calls_to_compile(const ir::Function& function);

}  // namespace rondo::codegen
