// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace rondo::ir {

/// An element of type bf16: the upper half of the bits of an f32, so 8 bits of precision and the exponents of
/// f32. It is only stored: arithmetic takes place in f32. What is no bf16 is rounded once, to nearest even; a NaN
/// stays a NaN.
struct Bfloat16 {
  uint16_t bits = 0;

  Bfloat16() = default;
  explicit Bfloat16(float x) {
    const auto wide = std::bit_cast<uint32_t>(x);
    const uint32_t nearest = wide + 0x7fff + (wide >> 16 & 1);  // may carry into the exponent, up to infinity
    bits = static_cast<uint16_t>((std::isnan(x) ? wide | 0x400000 : nearest) >> 16);
  }
  explicit Bfloat16(double x) : Bfloat16(to_odd(x)) {}
  explicit Bfloat16(int32_t x) : Bfloat16(static_cast<double>(x)) {}
  /// Of a large x only bits far below the last that counts are folded into one, so that a double holds the rest.
  explicit Bfloat16(int64_t x)
      : Bfloat16(static_cast<double>(std::abs(x >> 40) <= 1 || (x & 0xfff) == 0 ? x : (x & ~0xfff) | 0x800)) {
  }
  explicit Bfloat16(bool x) : Bfloat16(x ? 1.0f : 0.0f) {}

  operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

 private:
  /// x cut to f32, its last bit set if that lost anything: rounding this again is rounding x once.
  static float to_odd(double x) {
    const auto nearest = static_cast<float>(x);
    if (!(nearest < x || nearest > x)) return nearest;
    const auto magnitude = std::bit_cast<uint32_t>(nearest) - (std::fabs(nearest) > std::fabs(x) ? 1 : 0);
    return std::bit_cast<float>(magnitude | 1);
  }
};

/// The C++ type in which elements stored as T are computed with.
template <class T>
using Computed = std::conditional_t<std::is_same_v<T, Bfloat16>, float, T>;

/// What a dot of bf16 takes and gives: a number below the normal ones counts as a zero of its sign.
inline float flushed(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }

/// x * y + z, rounded once, all of it flushed. Whether the result is below the normal numbers is judged after it is
/// rounded to 24 bits, whatever its exponent; the sum of doubles is exact enough to tell.
inline float flushed_fma(float x, float y, float z) {
  x = flushed(x), y = flushed(y), z = flushed(z);
  const float result = std::fma(x, y, z);
  return std::fabs(static_cast<double>(x) * y + z) < 0x1p-126 - 0x1p-151 ? std::copysign(0.0f, result)
                                                                         : result;
}

}  // namespace rondo::ir
