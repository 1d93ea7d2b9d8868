// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/llvm/codegen/code_module.h"

namespace rondo::codegen {

/// Adds a TransposeFunction called `name` to the module, for elements of so many bytes: 1, 2, 4 or 8.
void emit_transpose_kernel(const CodeModule& code, std::int64_t bytes, std::string_view name);

}  // namespace rondo::codegen
