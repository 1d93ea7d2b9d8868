// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <random>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/scan.h"

// What the tests of passes share: writing scans, drawing arguments, running, and gradients by differences.
namespace rondo::test {

using ir::Builder;
using ir::Function;
using ir::Value;
using ir::Values;
using runtime::Array;

/// What a body gets and what it yields.
struct Step {
  Value* index;
  Values over, carry, use;
};
struct Yield {
  Values carry, stack;
};
using Body = std::function<Yield(Builder&, const Step&)>;

struct ScanOptions {
  Values over = {}, carry = {}, use = {};
  bool reverse = false;
};

/// Results: carries, then stacks.
Values scan(Builder& b, Dim length, const ScanOptions& options, const Body& body);

using Random = std::mt19937_64;

/// Draws an element of the parameter of that number.
using Draw = std::function<double(size_t parameter, Random&)>;
double normal(size_t parameter, Random& random);

/// An array for each parameter: floats drawn, integers 0 or 1.
std::vector<Array> arguments(const Function& function, const Sizes& sizes, Random& random,
                             const Draw& draw = normal);

std::vector<Array> run(const Function& function, const std::vector<Array>& arguments);

/// The largest relative error of vjp(function) along three random directions against Richardson-extrapolated
/// central differences. The function's floats must be f64.
double gradient_error(const Function& function, const Sizes& sizes, Random& random,
                      const Draw& draw = normal);

}  // namespace rondo::test
