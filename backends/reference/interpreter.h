// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>

#include "backends/executable.h"

namespace rondo::reference {

/// How float types are evaluated: as they are, in the language's order; or all of them in double, by the C
/// library, which judges accuracy.
enum class Precision { kAsTyped, kDouble };

/// The oracle: a walk over the function's ops that calls each row's own evaluation. Slow and plain on
/// purpose. In double precision, results of all float types are f64 arrays, and f32 and bf16 arguments may be.
std::unique_ptr<backends::Executable> interpret(const ir::Function& function,
                                                Precision precision = Precision::kAsTyped);

}  // namespace rondo::reference
