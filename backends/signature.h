// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/array.h"

namespace rondo::backends {

/// The element type of arrays that hold a tensor's elements.
runtime::ElementType element_type(DType dtype);

/// What a caller sees of a function: enough to match arguments to symbols, without its ops.
struct Signature {
  struct Param {
    std::string name;  // the label if it has one, else the value's name, else its number
    Type type;
    bool donate;
  };
  std::string function;
  std::vector<Param> params;
  std::vector<Type> results;
  std::vector<ir::DerivedSize> derived;
  std::vector<ir::Guard> guards;

  explicit Signature(const ir::Function& function);

  /// Finds each symbol's value from the arguments' shapes and derives others, then checks every dim and every guard.
  /// Sizes that may be chosen are those of `chosen`, or 0. Throws rondo::Error naming the parameter, what was expected and
  /// what was found.
  Sizes bind(std::span<runtime::Array* const> args, const Sizes& chosen = {}) const;

  /// What bind checks first, and what may be wrong even with sizes that were bound before: the number of
  /// arguments, their element types and ranks, and that a donated array holds something and is passed only
  /// once.
  void check_arrays(std::span<runtime::Array* const> args) const;
  /// Of these, what concerns one argument alone.
  void check_array(size_t position, const runtime::Array& array) const;
};

/// The sizes of a type once symbols are bound. Throws rondo::Error if one is negative, or if the elements'
/// bytes do not fit 63 bits.
std::vector<int64_t> shape_of(const Type& type, const Sizes& sizes);

}  // namespace rondo::backends
