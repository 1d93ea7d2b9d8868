// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "frontend/src/trace.h"
#include "rondo/compile.h"

namespace rondo::detail {

/// Runs the user's function on tensors of the types asked for. Its results' names go to `result_names`.
Traced trace_function(const Request& request, bool training, std::vector<std::string>& result_names);

/// Throws Error at the line where a size is used that no argument tells.
void check_symbols(const Traced& traced);

/// Adds the gradients and what the optimizer makes of them: forward, backward and update are then one
/// function.
Traced add_training(Traced traced, const Request& request);

}  // namespace rondo::detail
