// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/registry/backend.h"

#include <algorithm>
#include <array>

#include "backends/llvm/executable.h"
#include "backends/reference/interpreter.h"

namespace rondo::backends {

std::span<const Backend> all_backends() {
  static constexpr std::array<Backend, 2> backends = {{
      {"llvm", "machine code, made once for all sizes",
       [](const ir::Function& function, const passes::PassRunner::Options& passes) {
         return codegen::compile(function, {.passes = passes});
       }},
      {"reference", "the interpreter that judges the others: slow, plain, right",
       [](const ir::Function& function, const passes::PassRunner::Options&) {
         return reference::interpret(function);
       }},
  }};
  return backends;
}

const Backend* find_backend(std::string_view name) {
  const auto backends = all_backends();
  const auto found =
      std::find_if(backends.begin(), backends.end(), [&](const Backend& b) { return b.name == name; });
  return found == backends.end() ? nullptr : &*found;
}

}  // namespace rondo::backends
