// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/init.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "frontend/src/hash.h"
#include "runtime/philox.h"

namespace rondo {

namespace {

// Two numbers in [0, 1) of 53 bits each, those of element i.
std::array<double, 2> draw(std::string_view name, uint64_t seed, uint64_t i) {
  const uint64_t key = detail::hash(name);
  const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  const auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
  const auto words = runtime::philox4x32({low(i), high(i), low(seed), high(seed)}, {low(key), high(key)});
  const auto unit = [](uint64_t a, uint64_t b) { return static_cast<double>((a << 32 | b) >> 11) * 0x1p-53; };
  return {unit(words[0], words[1]), unit(words[2], words[3])};
}

// The C library's log and cos differ in last bits from one library to the next; these series, made of exactly
// rounded operations, do not. Both are good to a few units in the last place.

// x = m * 2^n with m near 1; log(m) = 2 artanh((m - 1) / (m + 1)).
double series_log(double x) {
  int n = 0;
  double m = std::frexp(x, &n);
  if (m < 0.7071067811865476) {
    m *= 2;
    --n;
  }
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int k = 23; k > 0; k -= 2) sum = sum * square + 1.0 / k;
  return n * 0.6931471805599453 + 2 * s * sum;
}

// cos(2 pi turn): a quarter turn at a time, by the Taylor series.
double series_cos(double turn) {
  const double pi = 3.141592653589793;
  turn = std::min(turn, 1 - turn);  // cos is even
  const double sign = turn > 0.25 ? -1 : 1;
  if (turn > 0.25) turn = 0.5 - turn;
  const double x = 2 * pi * turn, square = x * x;
  double sum = 1;
  for (int k = 22; k > 0; k -= 2) sum = 1 - sum * square / (k * (k - 1));
  return sign * sum;
}

// Box, Muller: "A note on the generation of random normal deviates", 1958.
double draw_normal(std::string_view name, uint64_t seed, uint64_t i) {
  const auto [u, turn] = draw(name, seed, i);
  return std::sqrt(-2 * series_log(1 - u)) * series_cos(turn);
}

// rows x cols as matrix, all dims but the last against the last.
std::pair<int64_t, int64_t> matrix_shape(std::span<const int64_t> shape, size_t size) {
  const int64_t columns = shape.empty() ? 1 : shape.back();
  return {columns == 0 ? 0 : static_cast<int64_t>(size) / columns, columns};
}

// Gram and Schmidt's way, each vector against the earlier ones twice: the second time removes what rounding
// left.
void make_orthonormal(std::vector<std::vector<double>>& vectors) {
  const auto inner = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  for (size_t k = 0; k < vectors.size(); ++k) {
    for (int round = 0; round < 2; ++round)
      for (size_t j = 0; j < k; ++j) {
        const double along = inner(vectors[k], vectors[j]);
        for (size_t i = 0; i < vectors[k].size(); ++i) vectors[k][i] -= along * vectors[j][i];
      }
    const double length = std::sqrt(inner(vectors[k], vectors[k]));
    for (double& x : vectors[k]) x /= length;
  }
}

}  // namespace

Initializer zeros_init() { return constant(0); }

Initializer constant(double value) {
  return [=](std::string_view, uint64_t, std::span<const int64_t>, std::span<double> values) {
    std::fill(values.begin(), values.end(), value);
  };
}

Initializer uniform(double low, double high) {
  return [=](std::string_view name, uint64_t seed, std::span<const int64_t>, std::span<double> values) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = low + (high - low) * draw(name, seed, i)[0];
  };
}

Initializer normal(double mean, double deviation) {
  return [=](std::string_view name, uint64_t seed, std::span<const int64_t>, std::span<double> values) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = mean + deviation * draw_normal(name, seed, i);
  };
}

Initializer xavier() {
  return [](std::string_view name, uint64_t seed, std::span<const int64_t> shape, std::span<double> values) {
    const auto [inputs, outputs] = matrix_shape(shape, values.size());
    const double limit = std::sqrt(6.0 / static_cast<double>(std::max<int64_t>(1, inputs + outputs)));
    uniform(-limit, limit)(name, seed, shape, values);
  };
}

Initializer orthogonal(double gain) {
  return [=](std::string_view name, uint64_t seed, std::span<const int64_t> shape, std::span<double> values) {
    const auto [rows, columns] = matrix_shape(shape, values.size());
    const bool by_rows = rows <= columns;
    std::vector<std::vector<double>> vectors(std::min(rows, columns),
                                             std::vector<double>(std::max(rows, columns)));
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        (by_rows ? vectors[i][j] : vectors[j][i]) = draw_normal(name, seed, i * columns + j);
    make_orthonormal(vectors);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        values[i * columns + j] = gain * (by_rows ? vectors[i][j] : vectors[j][i]);
  };
}

}  // namespace rondo
