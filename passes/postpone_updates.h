// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"

namespace rondo::passes {

/// Moves ops of the function that may overwrite donated parameters, and what depends on them, behind the last op that
/// can record an error; not if such an op needs them.
void postpone_updates(ir::Function& function);

}  // namespace rondo::passes
