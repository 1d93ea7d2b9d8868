// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/operand_strides.h"

#include "ir/strides.h"

namespace rondo::backends {

std::vector<Dim> operand_strides(const ir::Op& op, int operand) {
  std::vector<Dim> dims = op.operands[operand]->type.dims;
  if (op.has_attr("among"))
    if (const int64_t cut = op.ints_attr("among", 0)[operand]; cut >= 0)
      dims[cut] = op.dims_attr("among", 1)[operand];
  return ir::strides_of(dims);
}

}  // namespace rondo::backends
