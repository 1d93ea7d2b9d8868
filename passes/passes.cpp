// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/passes.h"

#include <algorithm>
#include <vector>

namespace rondo::passes {

std::span<const Pass> all_passes() {
  static const std::vector<Pass> passes = [] {
    std::vector<Pass> rows = {
#define PASS(name, bits, summary) {#name, Bits::bits, summary, name},
#include "passes/passes.def"
#undef PASS
    };
    for (Pass& pass : rows) std::ranges::replace(pass.name, '_', '-');
    return rows;
  }();
  return passes;
}

const Pass* find_pass(std::string_view name) {
  const auto found = std::ranges::find(all_passes(), name, &Pass::name);
  return found == all_passes().end() ? nullptr : &*found;
}

}  // namespace rondo::passes
