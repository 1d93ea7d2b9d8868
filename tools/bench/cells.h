// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <span>
#include <string>

#include "rondo/rondo.h"

// The models that rondo-bench times, each written in the language of a user.
namespace rondo::bench {

struct Shape {
  int64_t steps = 50, rows = 32, inputs = 128, hidden = 128;  // T, B, I, H
  int64_t layers = 1;
  DType dtype = f32;
};

struct Cell {
  std::string name, about;
  /// x [T,B,inputs] to the states of all time steps [T,B,hidden].
  std::function<Tensor(const Tensor& x, const Shape& shape)> states;
};

std::span<const Cell> all_cells();
/// nullptr if there is none of that name.
const Cell* find_cell(const std::string& name);

}  // namespace rondo::bench
