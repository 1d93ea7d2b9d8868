// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "backends/dot_library.h"

namespace rondo::onednn {

/// Dots of f32 as matmul primitives of oneDNN, of which each runs on the thread that runs the function and
/// on no other. Each result element differs from the sum that the language defines by the order in which its
/// products are added. libdnnl is loaded by the first call, which throws Error if that fails.
const backends::DotLibrary& dots();

}  // namespace rondo::onednn
