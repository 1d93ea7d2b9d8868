// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <unordered_set>

#include "ir/graph.h"

namespace rondo::passes {

/// Which values of a function carry a cotangent: floats that depend on a parameter of interest and that a
/// result depends on, both through ops that have a derivative. Carries of scans are followed round and round,
/// so this is the least fixpoint over them.
class Activity {
 public:
  /// With respect to the given parameters of the function.
  Activity(const ir::Function& function, std::span<const int> parameters);

  bool has_cotangent(const ir::Value* value) const { return active_.contains(value); }

 private:
  std::unordered_set<const ir::Value*> active_;
};

}  // namespace rondo::passes
