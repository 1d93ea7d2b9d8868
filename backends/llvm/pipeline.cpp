// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/pipeline.h"

namespace rondo::codegen {

void lower(ir::Function& function, const passes::PassRunner::Options& options) {
  passes::PassRunner runner(options);
  const auto run = [&](std::string_view name) { runner.run(*passes::find_pass(name), function); };

  // What stands only for differentiation, where nobody took it away before.
  run("drop-identities");
  // The kernels of dots want columns next to each other. While dots can still be seen in the loops that give
  // them their weights: those are laid out once, outside.
  run("layout-dots");
  // What nothing needs costs no code; among it bindings of weights that are now laid out otherwise.
  run("remove-dead-code");
  // First, so that fuse sees the primitive ops that functions are made of.
  run("expand-math");
  // Loops over elements. What it joins needs no memory in between, so memory is planned after it.
  run("fuse");
  // Last: its annotations hold for exactly these ops in this order.
  run("plan-memory");
}

}  // namespace rondo::codegen
