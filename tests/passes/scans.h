// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace rondo::test {

struct NamedFunction {
  std::string name;
  std::unique_ptr<ir::Function> function;
};

/// Functions with scans of the given length that together use all that a scan can do; other symbols: B, N.
std::vector<NamedFunction> scan_functions(Dim length);

}  // namespace rondo::test
