// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "ir/dim.h"

namespace rondo::ir {

/// How far apart the elements of a dense, row-major array of these dims lie along each of them, in elements.
inline std::vector<Dim> strides_of(const std::vector<Dim>& dims) {
  std::vector<Dim> strides(dims.size(), 1);
  for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

}  // namespace rondo::ir
