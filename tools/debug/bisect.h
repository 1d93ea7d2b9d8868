// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ir/graph.h"
#include "passes/passes.h"
#include "tools/debug/arguments.h"

namespace rondo::tools {

/// Something that changes a function and should leave the bits of its results, but for what its kind of pass may change.
struct Step {
  std::string name;
  std::function<bool(ir::Function&)> run;
  passes::Bits bits = passes::Bits::exact;
};

/// The first step that does wrong, and within it the first of the rewrites that it counts (applications.h).
struct Culprit {
  size_t step;               // its position
  int64_t applications = 0;  // how many rewrites the step does
  int64_t application = 0;   // the one that does wrong, from 1; 0 if none that is counted does
  std::string flaw;          // what is wrong after it
  std::unique_ptr<ir::Function> before, after;  // around the rewrite, or the step; after: null if it threw
};

/// Finds the first step after which the interpreter's bits differ from those before it on `arguments`, or after
/// which the function does not verify, and by bisection the rewrite. A step that may add up in another order is judged in
/// double precision: off by 1e-9 of a result's largest element at most. Nothing if all steps do right. Throws Error if a step meets something that the user can mend, or if the function records an error.
std::optional<Culprit> bisect(const ir::Function& function, std::span<const Step> steps,
                              const Arrays& arguments);

}  // namespace rondo::tools
