// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "ir/loc.h"
#include "rondo/array.h"

namespace rondo {

/// What a weight begins as: fills `values` (row-major, of the given shape) for the weight called `name`. The
/// random ones draw element i by Philox4x32-10 with the name as key and (i, seed) as counter, in arithmetic
/// that is exact in IEEE doubles: the same values on every machine, whatever else is declared.
using Initializer = std::function<void(std::string_view name, std::uint64_t seed,
                                       std::span<const std::int64_t> shape, std::span<double> values)>;

Initializer zeros_init();
Initializer constant(double value);
/// These values, such as embeddings that were trained elsewhere. The weight must have the array's shape, else
/// making the weights throws Error; its elements are converted.
Initializer given(const Array& values, Loc loc = {});

/// Evenly distributed in [low, high). Throws Error unless low <= high, both finite.
Initializer uniform(double low, double high, Loc loc = {});
/// Normally distributed. Throws Error unless the deviation is finite and 0 or more.
Initializer normal(double mean, double deviation, Loc loc = {});

// Below, a weight counts as a matrix [inputs, outputs]: its last dim against all others, so a vector is one
// row. PyTorch's weights lie the other way round, with the same inputs and outputs. `gain` is finite and 0 or
// more, else Error.

/// Uniform in +-gain sqrt(6 / (inputs + outputs)), or normal with the deviation gain sqrt(2 / (inputs +
/// outputs)) (Glorot, Bengio: "Understanding the difficulty of training deep feedforward neural networks",
/// 2010).
Initializer xavier_uniform(double gain = 1, Loc loc = {});
Initializer xavier_normal(double gain = 1, Loc loc = {});

/// What follows the weight.
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };
/// The gain that keeps the variance of what passes through: 1, 1, 5/3, sqrt(2), sqrt(2 / (1 + slope^2)), 3/4,
/// as PyTorch's calculate_gain; `slope` is leaky_relu's below 0.
double gain_for(Nonlinearity nonlinearity, double slope = 0.01);

/// Whose variance is kept: `inputs` that of values on their way forward, `outputs` that of gradients on their
/// way back.
enum class Fan { inputs, outputs };
/// With n inputs or outputs, uniform in +-gain sqrt(3 / n), or normal with the deviation gain / sqrt(n) (He,
/// Zhang, Ren, Sun: "Delving deep into rectifiers", 2015).
Initializer kaiming_uniform(double gain = gain_for(Nonlinearity::relu), Fan fan = Fan::inputs, Loc loc = {});
Initializer kaiming_normal(double gain = gain_for(Nonlinearity::relu), Fan fan = Fan::inputs, Loc loc = {});

/// Orthonormal rows or, if there are more rows than columns, columns, times `gain` (Saxe, McClelland, Ganguli:
/// "Exact solutions to the nonlinear dynamics ..", 2013).
Initializer orthogonal(double gain = 1, Loc loc = {});

}  // namespace rondo
