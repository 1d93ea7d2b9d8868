// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "ir/graph.h"

namespace rondo::backends {

/// How far apart an operand's elements lie along each dim, in elements. It is dense and row-major, but where its rows lie
/// among those of other workers (the annotation `among`).
std::vector<Dim> operand_strides(const ir::Op& op, int operand);

}  // namespace rondo::backends
