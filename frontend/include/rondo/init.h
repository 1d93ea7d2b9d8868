// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace rondo {

/// What a weight begins as: fills `values` (row-major, of the given shape) for the weight called `name`. The
/// random ones draw element i by Philox4x32-10 with the name as key and (i, seed) as counter, in arithmetic
/// that is exact in IEEE doubles: the same values on every machine, whatever else is declared.
using Initializer = std::function<void(std::string_view name, std::uint64_t seed,
                                       std::span<const std::int64_t> shape, std::span<double> values)>;

Initializer zeros_init();
Initializer constant(double value);
/// Evenly distributed in [low, high).
Initializer uniform(double low, double high);
Initializer normal(double mean, double deviation);
/// Glorot's: uniform in +-sqrt(6 / (inputs + outputs)), for a weight [inputs, .., outputs]
/// (Glorot, Bengio: "Understanding the difficulty of training deep feedforward neural networks", 2010).
Initializer xavier();
/// Orthonormal rows or, if there are more rows than columns, columns, times `gain`; the weight counts as a
/// matrix [all dims but the last, last] (Saxe, McClelland, Ganguli: "Exact solutions to the nonlinear
/// dynamics ..", 2013).
Initializer orthogonal(double gain = 1);

}  // namespace rondo
