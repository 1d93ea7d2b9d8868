// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"
#include "passes/pass_runner.h"

namespace rondo::codegen {

/// Runs the passes that turn a function into one that code is made for: planned (memory_plan.h), nothing left
/// to decide but where buffers lie.
void lower(ir::Function& function, const passes::PassRunner::Options& options = {});

}  // namespace rondo::codegen
