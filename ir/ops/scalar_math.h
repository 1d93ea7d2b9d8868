// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "ir/saturate.h"

namespace rondo::ir {

/// The math context that computes at once, on float, double, int32_t, int64_t and bool: the meaning of the
/// primitive element-wise ops on one element. The templates of expansions.h run on it as they run on a
/// context that builds IR, operation by operation the same, so both give the same bits.
///
/// Integers wrap. max and min give NaN if either operand is NaN and the second of two equal ones (so the
/// order of +0 and -0 counts). shr is logical; a shift by the width or more gives 0. fma rounds once.
/// rem has the sign of the dividend; an integer's rem by 0 is the dividend.
/// Must be compiled with -ffp-contract=off: otherwise add(mul(x, y), z) may become one rounding.
struct ScalarMath {
  template <std::floating_point T>
  static T constant(T /*like*/, double value) {
    return static_cast<T>(value);
  }
  template <std::integral T>
  static T int_constant(T /*like*/, int64_t value) {
    return static_cast<T>(value);
  }

  template <class T>
  static T add(T x, T y) {
    if constexpr (std::floating_point<T>)
      return x + y;
    else
      return wrap<T>(bits_of(x) + bits_of(y));
  }
  template <class T>
  static T sub(T x, T y) {
    if constexpr (std::floating_point<T>)
      return x - y;
    else
      return wrap<T>(bits_of(x) - bits_of(y));
  }
  template <class T>
  static T mul(T x, T y) {
    if constexpr (std::floating_point<T>)
      return x * y;
    else
      return wrap<T>(bits_of(x) * bits_of(y));
  }
  template <class T>
  static T div(T x, T y) {
    if constexpr (std::floating_point<T>)
      return x / y;
    else if (y == 0)
      return 0;
    else
      return y == -1 ? neg(x) : x / y;
  }
  template <class T>
  static T rem(T x, T y) {
    if constexpr (std::floating_point<T>)
      return std::fmod(x, y);
    else if (y == 0)
      return x;
    else
      return y == -1 ? 0 : x % y;
  }
  template <class T>
  static T min(T x, T y) {
    return x < y || x != x ? x : y;
  }
  template <class T>
  static T max(T x, T y) {
    return x > y || x != x ? x : y;
  }
  template <std::floating_point T>
  static T fma(T x, T y, T z) {
    return std::fma(x, y, z);
  }

  template <class T>
  static T neg(T x) {
    if constexpr (std::floating_point<T>)
      return -x;
    else
      return wrap<T>(0 - bits_of(x));
  }
  template <class T>
  static T abs(T x) {
    if constexpr (std::floating_point<T>)
      return std::fabs(x);
    else
      return x < 0 ? neg(x) : x;
  }
  template <std::floating_point T>
  static T sqrt(T x) {
    return std::sqrt(x);
  }
  template <std::floating_point T>
  static T floor(T x) {
    return std::floor(x);
  }
  template <std::floating_point T>
  static T ceil(T x) {
    return std::ceil(x);
  }
  template <std::floating_point T>
  static T round(T x) {
    return std::nearbyint(x);  // half to even, as the machine rounds
  }
  static double sin(double x) { return std::sin(x); }
  static double cos(double x) { return std::cos(x); }

  template <class T>
  static bool lt(T x, T y) {
    return x < y;
  }
  template <class T>
  static bool le(T x, T y) {
    return x <= y;
  }
  template <class T>
  static bool gt(T x, T y) {
    return x > y;
  }
  template <class T>
  static bool ge(T x, T y) {
    return x >= y;
  }
  template <class T>
  static bool eq(T x, T y) {
    return x == y;
  }
  template <class T>
  static bool ne(T x, T y) {
    return x != y;
  }
  template <class T>
  static T select(bool c, T x, T y) {
    return c ? x : y;
  }

  template <std::integral T>
  static T and_(T x, T y) {
    return x & y;
  }
  template <std::integral T>
  static T or_(T x, T y) {
    return x | y;
  }
  template <std::integral T>
  static T xor_(T x, T y) {
    return x ^ y;
  }
  template <std::integral T>
  static T not_(T x) {
    if constexpr (std::same_as<T, bool>)
      return !x;
    else
      return ~x;
  }
  template <std::integral T>
  static T shl(T x, T amount) {
    return in_width(amount) ? wrap<T>(bits_of(x) << amount) : 0;
  }
  template <std::integral T>
  static T shr(T x, T amount) {
    return in_width(amount) ? wrap<T>(bits_of(x) >> amount) : 0;
  }

  static int32_t to_i32(float x) { return saturate<int32_t>(x); }
  static int32_t to_i32(int64_t x) { return static_cast<int32_t>(x); }
  static int64_t to_i64(int32_t x) { return x; }
  static float to_f32(int32_t x) { return static_cast<float>(x); }
  static float to_f32(double x) { return static_cast<float>(x); }
  static double to_f64(float x) { return x; }
  static int32_t bits(float x) { return std::bit_cast<int32_t>(x); }
  static float from_bits(int32_t x) { return std::bit_cast<float>(x); }

 private:
  template <class T>
  static std::make_unsigned_t<T> bits_of(T x) {
    return static_cast<std::make_unsigned_t<T>>(x);
  }
  template <class T>
  static T wrap(std::make_unsigned_t<T> x) {
    return static_cast<T>(x);
  }
  template <class T>
  static bool in_width(T amount) {
    return bits_of(amount) < 8 * sizeof(T);
  }
};

}  // namespace rondo::ir
