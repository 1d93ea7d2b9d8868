// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/init.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "frontend/src/hash.h"
#include "frontend/src/options.h"
#include "frontend/src/trace.h"
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

std::vector<double> elements_of(const Array& array) {
  const auto copy = [](auto elements) { return std::vector<double>(elements.begin(), elements.end()); };
  switch (array.type()) {
    case runtime::ElementType::f32:
      return copy(array.data<float>());
    case runtime::ElementType::f64:
      return copy(array.data<double>());
    case runtime::ElementType::bf16: {
      std::vector<double> values;
      for (const Bfloat16 x : array.data<Bfloat16>()) values.push_back(x.value());
      return values;
    }
    case runtime::ElementType::i32:
      return copy(array.data<int32_t>());
    case runtime::ElementType::i64:
      return copy(array.data<int64_t>());
    case runtime::ElementType::i1:
      return copy(array.data<bool>());
  }
  throw InternalError("given: no such element type");
}

}  // namespace

Initializer zeros_init() { return constant(0); }

Initializer constant(double value) {
  return [=](std::string_view, uint64_t, std::span<const int64_t>, std::span<double> values) {
    std::fill(values.begin(), values.end(), value);
  };
}

Initializer given(const Array& values, Loc loc) {
  const auto elements = std::make_shared<const std::vector<double>>(elements_of(values));
  const std::string text = type_text(values);
  return [=, shape = values.shape()](std::string_view name, uint64_t, std::span<const int64_t> wanted,
                                     std::span<double> out) {
    if (!std::equal(shape.begin(), shape.end(), wanted.begin(), wanted.end())) {
      std::string dims;
      for (const int64_t dim : wanted) dims += (dims.empty() ? "" : ",") + std::to_string(dim);
      detail::fail(loc, "given: the array is " + text + ", but '" + std::string(name) + "' has the dims [" +
                            dims + "]");
    }
    std::copy(elements->begin(), elements->end(), out.begin());
  };
}

Initializer uniform(double low, double high, Loc loc) {
  detail::check_option(std::isfinite(low) && std::isfinite(high) && low <= high, "uniform", "high",
                       "finite and at least the low end " + ir::Number(low).text(f64), high, loc);
  return [=](std::string_view name, uint64_t seed, std::span<const int64_t>, std::span<double> values) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = low + (high - low) * draw(name, seed, i)[0];
  };
}

Initializer normal(double mean, double deviation, Loc loc) {
  detail::check_not_negative("normal", "deviation", deviation, loc);
  return [=](std::string_view name, uint64_t seed, std::span<const int64_t>, std::span<double> values) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = mean + deviation * draw_normal(name, seed, i);
  };
}

namespace {

// Draws a weight whose deviation hangs on its shape.
template <class Deviation>
Initializer scaled(bool normally, const char* function, double gain, Loc loc, Deviation deviation) {
  detail::check_not_negative(function, "gain", gain, loc);
  return [=](std::string_view name, uint64_t seed, std::span<const int64_t> shape, std::span<double> values) {
    const auto [inputs, outputs] = matrix_shape(shape, values.size());
    const double d = gain * deviation(static_cast<double>(inputs), static_cast<double>(outputs));
    // Even numbers in +-limit have the deviation limit / sqrt(3).
    const double limit = std::sqrt(3) * d;
    (normally ? normal(0, d) : uniform(-limit, limit))(name, seed, shape, values);
  };
}

// A weight without elements has no deviation that matters.
double xavier_deviation(double inputs, double outputs) {
  return std::sqrt(2 / std::max(1.0, inputs + outputs));
}

auto kaiming_deviation(Fan fan) {
  return [fan](double inputs, double outputs) {
    return 1 / std::sqrt(std::max(1.0, fan == Fan::inputs ? inputs : outputs));
  };
}

}  // namespace

Initializer xavier_uniform(double gain, Loc loc) {
  return scaled(false, "xavier_uniform", gain, loc, xavier_deviation);
}

Initializer xavier_normal(double gain, Loc loc) {
  return scaled(true, "xavier_normal", gain, loc, xavier_deviation);
}

double gain_for(Nonlinearity nonlinearity, double slope) {
  switch (nonlinearity) {
    case Nonlinearity::linear:
    case Nonlinearity::sigmoid:
      return 1;
    case Nonlinearity::tanh:
      return 5.0 / 3;
    case Nonlinearity::relu:
      return std::sqrt(2);
    case Nonlinearity::leaky_relu:
      return std::sqrt(2 / (1 + slope * slope));
    case Nonlinearity::selu:
      return 0.75;
  }
  throw InternalError("gain_for: no such nonlinearity");
}

Initializer kaiming_uniform(double gain, Fan fan, Loc loc) {
  return scaled(false, "kaiming_uniform", gain, loc, kaiming_deviation(fan));
}

Initializer kaiming_normal(double gain, Fan fan, Loc loc) {
  return scaled(true, "kaiming_normal", gain, loc, kaiming_deviation(fan));
}

Initializer orthogonal(double gain, Loc loc) {
  detail::check_not_negative("orthogonal", "gain", gain, loc);
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
