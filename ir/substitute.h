// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"

namespace rondo::ir {

/// Gives symbols their values: in all types, attributes, derived sizes and guards of the function, regions
/// included. Guards that then hold are dropped, and derived sizes whose value is then known. Symbols that `sizes` does
/// not name stay. Throws Error if a size or a dim becomes negative, a size leaves 64 bits, a guard can no longer hold or
/// a derived size is given another value than it has; the function is then of no use.
void substitute(Function& function, const Sizes& sizes);

}  // namespace rondo::ir
