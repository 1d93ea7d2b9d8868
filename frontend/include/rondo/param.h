// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>

#include "rondo/array.h"
#include "rondo/functions.h"
#include "rondo/init.h"
#include "rondo/tensor.h"

// The weights of the function that is being traced. They live in a rondo::Weights between its calls.
namespace rondo {

namespace detail {
class Trace;
}

/// A parameter: a weight that train_step differentiates with respect to and hands to the optimizer. Its dims
/// are numbers and its elements floats. The full name is `name` behind the scopes open now; declaring it
/// twice throws Error with both lines: to use a weight twice use the tensor twice.
Tensor param(const std::string& name, TypeOrDims type, Initializer init = xavier_uniform(), Loc loc = {});

/// A state: it keeps its value from one call to the next and changes only by update(). No gradient flows into
/// it. Dims may be symbols: it then begins as its initial value when the first call tells the sizes, and
/// other sizes later are an Error, until Weights::reset.
Tensor state(const std::string& name, TypeOrDims type, Initializer init = zeros_init(), Loc loc = {});

/// Numbers that belong to the function: not trained, not changed, not among the weights. The name, behind its
/// scopes, is taken as a weight's is.
Tensor array_constant(const std::string& name, const Array& values, Loc loc = {});

/// Gives a state its value for the next call; in this one it keeps the old. Once a state, and outside of
/// cells.
void update(const Tensor& state, const Tensor& value, Loc loc = {});

/// While it lives, names of weights and random numbers stand behind `name` and a '.'.
class Scope {
 public:
  explicit Scope(const std::string& name, Loc loc = {});
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  detail::Trace* trace_;
};

/// True inside a function given to train_step, false inside one given to compile.
bool training(Loc loc = {});

/// Random numbers, f32 in [0, 1), 24 bits each. They depend on the name behind its scopes, the seed of the
/// weights, how many training steps they have seen, the time positions of all scans around, and the position:
/// not on what else is drawn, nor on the number of workers. One name is drawn once.
Tensor random_uniform(const std::string& name, const std::vector<Dim>& dims, Loc loc = {});

namespace detail {
inline constexpr const char* kSeed = "rondo.seed";  // i64[]
inline constexpr const char* kStep = "rondo.step";  // i64[]: training steps done
/// The number of training steps done before this one, i64[].
Tensor steps_done(Loc loc);
/// The number of updates that an optimizer made before this one, i64[]: of steps, or of groups of them.
Tensor updates_done(Loc loc);
}  // namespace detail

}  // namespace rondo
