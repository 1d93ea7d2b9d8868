// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/executable.h"
#include "ir/graph.h"

// What the tools run functions on.
namespace rondo::tools {

using Arrays = std::vector<runtime::Array>;

/// The function called `entry`, or the only one if that is empty. Throws Error naming `file` and the functions
/// that there are.
const ir::Function& find_entry(const ir::Module& module, const std::string& entry, const std::string& file);

/// Where arguments come from: a safetensors file with a tensor for each parameter by name, or else a seed.
struct ArgumentSource {
  std::string file = {};
  uint64_t seed = 1;
  Sizes sizes = {};  // what is drawn has these

  /// Floats of what is drawn are from N(0,1); integers 0 or 1, so that they can index; truth by a coin. Throws
  /// Error or Failure if the file does not fit, or if a size is missing or not of the function.
  Arrays arguments(const backends::Signature& signature) const;
  /// A copy of the function in which the sizes that may be chosen are those of `sizes`, from which they go.
  std::unique_ptr<ir::Function> choose(const ir::Function& function);
};

/// A run on copies: it may take donated arguments away.
Arrays run(const backends::Executable& executable, Arrays arguments);

}  // namespace rondo::tools
