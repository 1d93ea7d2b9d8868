// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/graph.h"

namespace rondo::fuzz {

/// About how long the interpreter takes for one run, in elements: those of parameters and those that ops make
/// or join, and the products of dots, each as often as the loops around it run. An op costs something even
/// without elements.
double work_of(const ir::Function& function, const Sizes& sizes);

}  // namespace rondo::fuzz
