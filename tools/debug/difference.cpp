// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/debug/difference.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "ir/number.h"

namespace rondo::tools {

using runtime::Array;
using runtime::Bfloat16;
using runtime::ElementType;

std::string element_text(const Array& array, int64_t i) {
  char text[32];
  switch (array.type()) {
    case ElementType::f32:
      std::snprintf(text, sizeof text, "%.9g", static_cast<double>(array.data<float>()[i]));
      return text;
    case ElementType::f64:
      std::snprintf(text, sizeof text, "%.17g", array.data<double>()[i]);
      return text;
    case ElementType::bf16:
      return ir::Number(array.data<Bfloat16>()[i].value()).text(bf16);
    case ElementType::i32:
      return std::to_string(array.data<int32_t>()[i]);
    case ElementType::i64:
      return std::to_string(array.data<int64_t>()[i]);
    default:
      return array.data<bool>()[i] ? "true" : "false";
  }
}

bool same_bits(const Array& x, const Array& y, int64_t i) {
  if (x.type() == ElementType::f32 && std::isnan(x.data<float>()[i]) && std::isnan(y.data<float>()[i]))
    return true;
  if (x.type() == ElementType::f64 && std::isnan(x.data<double>()[i]) && std::isnan(y.data<double>()[i]))
    return true;
  if (x.type() == ElementType::bf16 && std::isnan(x.data<Bfloat16>()[i].value()) &&
      std::isnan(y.data<Bfloat16>()[i].value()))
    return true;
  const size_t bytes = x.bytes() / static_cast<size_t>(x.size());
  const auto at = [&](const Array& array) { return static_cast<const std::byte*>(array.raw()) + i * bytes; };
  return std::memcmp(at(x), at(y), bytes) == 0;
}

std::string Difference::text() const {
  char number[32];
  std::snprintf(number, sizeof number, "%.3g", ulps);
  std::string text = std::string(number) + " ulp";
  if (any) text += " at position " + std::to_string(position) + ": " + found + ", expected " + expected;
  return text;
}

namespace {

// How many representable numbers lie between two floats; the same for both zeros, and for any two NaN.
template <class T, class Int>
double ulps_between(T x, T y) {
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y) ? 0 : INFINITY;
  const auto position = [](T value) {
    Int bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? -static_cast<long double>(bits & std::numeric_limits<Int>::max())
                    : static_cast<long double>(bits);
  };
  return static_cast<double>(std::abs(position(x) - position(y)));
}

// The error of x in units of the last place that the exact value has as an f32, or in so many of them.
double ulps_from(float x, double exact, double unit = 1) {
  if (std::isnan(x) || std::isnan(exact)) return std::isnan(x) && std::isnan(exact) ? 0 : INFINITY;
  const float rounded = static_cast<float>(exact);
  if (std::isinf(x) || std::isinf(rounded)) return x == rounded ? 0 : INFINITY;
  const float above = std::nextafter(std::abs(rounded), INFINITY);
  return std::abs(x - exact) / (static_cast<double>(above) - std::abs(rounded)) / unit;
}

double difference(const Array& x, const Array& expected, int64_t i) {
  if (x.type() == ElementType::f32 && expected.type() == ElementType::f64)
    return ulps_from(x.data<float>()[i], expected.data<double>()[i]);
  if (x.type() == ElementType::f32)
    return ulps_between<float, int32_t>(x.data<float>()[i], expected.data<float>()[i]);
  if (x.type() == ElementType::bf16) {
    constexpr double kUnit = 0x1p16;  // in units of f32
    const float value = x.data<Bfloat16>()[i].value();
    if (expected.type() == ElementType::f64) return ulps_from(value, expected.data<double>()[i], kUnit);
    return ulps_between<float, int32_t>(value, expected.data<Bfloat16>()[i].value()) / kUnit;
  }
  if (x.type() == ElementType::f64)
    return ulps_between<double, int64_t>(x.data<double>()[i], expected.data<double>()[i]);
  return element_text(x, i) == element_text(expected, i) ? 0 : INFINITY;
}

}  // namespace

Difference largest_difference(const Array& found, const Array& expected) {
  Difference largest;
  for (int64_t i = 0; i < found.size(); ++i) {
    const double ulps = difference(found, expected, i);
    const bool differs = found.type() == expected.type() ? !same_bits(found, expected, i) : ulps > 0;
    if (!differs || (largest.any && ulps <= largest.ulps)) continue;
    largest.any = true;
    largest.ulps = ulps;
    largest.position = i;
  }
  if (largest.any) {
    largest.found = element_text(found, largest.position);
    largest.expected = element_text(expected, largest.position);
  }
  return largest;
}

namespace {

bool is_float(const Array& array) {
  return array.type() == ElementType::f64 || array.type() == ElementType::f32 ||
         array.type() == ElementType::bf16;
}

double value_at(const Array& array, int64_t i) {
  if (array.type() == ElementType::f64) return array.data<double>()[i];
  if (array.type() == ElementType::bf16) return array.data<Bfloat16>()[i].value();
  return array.data<float>()[i];
}

}  // namespace

double relative_difference(const Array& found, const Array& expected) {
  double largest = 0, size = 0;
  for (int64_t i = 0; i < expected.size(); ++i) {
    if (same_bits(found, expected, i)) continue;
    if (!is_float(expected) || !std::isfinite(value_at(found, i)) || !std::isfinite(value_at(expected, i)))
      return INFINITY;
    largest = std::max(largest, std::abs(value_at(found, i) - value_at(expected, i)));
  }
  if (largest == 0) return 0;
  for (int64_t i = 0; i < expected.size(); ++i)
    if (std::isfinite(value_at(expected, i))) size = std::max(size, std::abs(value_at(expected, i)));
  return largest / size;
}

}  // namespace rondo::tools
