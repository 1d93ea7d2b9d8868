// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "backends/llvm/codegen/prebuilt_kernels.h"

namespace rondo::codegen {

/// Those of an instruction set, which the CPU must have to run them.
const PrebuiltKernels& prebuilt_kernels(Isa isa);

}  // namespace rondo::codegen
