// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tools/debug/arguments.h"
#include "tools/debug/difference.h"

// Where in a function compiled code goes wrong: the values that its ops leave in memory, compared one by one.
namespace rondo::tools {

/// A result of an op of the final function, a loop over elements (fusion) being one op.
struct Boundary {
  struct Loop {
    Dim length;
    bool reverse;
  };
  std::string value;        // what it is called there
  std::string op;           // the name of its op's row
  std::string text;         // of the op
  std::string place;        // where the user wrote it, if known
  Type type;                // of one time step, if it stands in loops
  std::vector<Loop> loops;  // around it, outermost first
  std::vector<int>
      numbers;  // of the ops that lead to it, each in its graph: the loops around it, then its own
};

/// The function as the passes before plan-memory leave it, that returns its results and then a value for each
/// boundary: what stands in loops is stacked over all time steps.
struct Probed {
  std::unique_ptr<ir::Function> function;
  std::vector<Boundary> boundaries;  // in program order; what is in a loop before the results of the loop
};
Probed probe(const ir::Function& function);

/// What was found at the boundaries.
struct Inside {
  std::vector<Boundary> boundaries;
  std::vector<Difference> differences;  // one each, over all time steps
  struct First {
    size_t boundary;
    std::vector<int64_t> steps;  // in each of its loops, in the order in which they run, from 0
  };
  std::optional<First> first;  // where, while the function runs, bits differ for the first time
};

/// Runs the probed function on what `make` makes of it and on the interpreter. `make` must leave its ops as
/// they are. Holding on to all values takes memory, and may hide an error of the memory plan. Throws Error as
/// a run does.
Inside compare_inside(const ir::Function& function, const Arrays& arguments,
                      const std::function<std::unique_ptr<backends::Executable>(const ir::Function&)>& make);

}  // namespace rondo::tools
