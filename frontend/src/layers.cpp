// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/layers.h"

#include "frontend/src/trace.h"

namespace rondo::detail {

void check_layers(const std::string& name, const nn::LayersOptions& options, Loc loc) {
  if (options.layers < 1)
    fail(loc,
         "layers '" + name + "': their number must be 1 or more, found " + std::to_string(options.layers));
  if (!(options.dropout >= 0 && options.dropout < 1))
    fail(loc, "layers '" + name + "': the rate of dropout is a probability below 1, found " +
                  std::to_string(options.dropout));
}

void check_initial_states(const std::string& name, std::size_t expected, std::size_t found, Loc loc) {
  if (found != expected)
    fail(loc, "layers '" + name + "': expected an initial state for each of " + std::to_string(expected) +
                  " cells, found " + std::to_string(found));
}

}  // namespace rondo::detail
