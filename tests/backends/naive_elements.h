// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>

#include "tests/backends/naive.h"

// Element-wise arithmetic from its definitions: floats in quadruple precision and rounded once, integers in
// 128 bits and cut to their width.
namespace rondo::naive {

using Quad = __float128;
using Wide = __int128;

/// What an op gives for (x, y, z), of which it may ignore the last.
template <class T, class Result = T>
using Formulas = std::map<std::string, std::function<Result(T, T, T)>>;

/// The remainder by long division: multiples of y by powers of two are taken away, each without rounding.
template <class T>
T remainder(T x, T y) {
  if (std::isnan(x) || std::isnan(y) || std::isinf(x) || y == 0) return std::numeric_limits<T>::quiet_NaN();
  Quad rest = std::fabs(x);
  const Quad step = std::fabs(y);
  while (!std::isinf(y) && rest >= step) {
    Quad multiple = step;
    while (multiple * 2 <= rest) multiple *= 2;
    rest -= multiple;
  }
  return std::copysign(static_cast<T>(rest), x);
}

/// x * y + z with one rounding. The product is exact in quadruple precision; the sum may not be, and is then
/// rounded to odd (cut, and its last bit set), so that the rounding to T still sees on which side of a tie it
/// lies.
template <class T>
T fused_multiply_add(T x, T y, T z) {
  const Quad product = Quad(x) * Quad(y), sum = product + z;
  const Quad z_part = sum - product;
  const Quad error = (product - (sum - z_part)) + (z - z_part);
  if (error == 0 || error != error || sum - sum != 0) return static_cast<T>(sum);
  auto bits = std::bit_cast<unsigned __int128>(sum);
  if ((error < 0) != (sum < 0)) --bits;
  return static_cast<T>(std::bit_cast<Quad>(bits | 1));
}

template <class T>
  requires std::is_floating_point_v<T>
Formulas<T> arithmetic() {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  return {
      {"neg", [](T x, T, T) { return std::copysign(x, std::signbit(x) ? T(1) : T(-1)); }},
      {"abs", [](T x, T, T) { return std::copysign(x, T(1)); }},
      {"sign", [](T x, T, T) { return x > 0   ? 1
                                      : x < 0 ? -1
                                              : x; }},
      {"floor", [](T x, T, T) { return std::trunc(x) - (x < std::trunc(x) ? 1 : 0); }},
      {"ceil", [](T x, T, T) { return std::copysign(std::trunc(x) + (x > std::trunc(x) ? 1 : 0), x); }},
      {"round",
       [](T x, T, T) {
         const T whole = std::trunc(x), part = std::fabs(x - whole);  // exact
         const bool away = part > T(0.5) || (part == T(0.5) && std::fmod(whole, T(2)) != 0);
         return std::isinf(x) ? x : std::copysign(std::fabs(whole) + (away ? 1 : 0), x);
       }},
      {"identity", [](T x, T, T) { return x; }},
      {"stop_gradient", [](T x, T, T) { return x; }},
      {"add", [](T x, T y, T) { return static_cast<T>(Quad(x) + Quad(y)); }},
      {"sub", [](T x, T y, T) { return static_cast<T>(Quad(x) - Quad(y)); }},
      {"mul", [](T x, T y, T) { return static_cast<T>(Quad(x) * Quad(y)); }},
      {"div", [](T x, T y, T) { return static_cast<T>(Quad(x) / Quad(y)); }},
      {"fma", [](T x, T y, T z) { return fused_multiply_add(x, y, z); }},
      {"rem", [](T x, T y, T) { return remainder(x, y); }},
      {"pow", [](T x, T y, T) { return std::pow(x, y); }},
      {"max", [nan](T x, T y, T) { return std::isunordered(x, y) ? nan
                                          : x > y                ? x
                                                                 : y; }},
      {"min", [nan](T x, T y, T) { return std::isunordered(x, y) ? nan
                                          : x < y                ? x
                                                                 : y; }},
  };
}

template <class T>
  requires std::is_integral_v<T>
Formulas<T> arithmetic() {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr int width = 8 * sizeof(T);
  const auto in_width = [](T amount) { return amount >= 0 && amount < width; };
  return {
      {"neg", [](T x, T, T) { return static_cast<T>(-Wide(x)); }},
      {"abs", [](T x, T, T) { return static_cast<T>(x < 0 ? -Wide(x) : Wide(x)); }},
      {"sign", [](T x, T, T) { return static_cast<T>((x > 0) - (x < 0)); }},
      {"identity", [](T x, T, T) { return x; }},
      {"stop_gradient", [](T x, T, T) { return x; }},
      {"add", [](T x, T y, T) { return static_cast<T>(Wide(x) + Wide(y)); }},
      {"sub", [](T x, T y, T) { return static_cast<T>(Wide(x) - Wide(y)); }},
      {"mul", [](T x, T y, T) { return static_cast<T>(Wide(x) * Wide(y)); }},
      {"div", [](T x, T y, T) { return static_cast<T>(y == 0 ? Wide(0) : Wide(x) / Wide(y)); }},
      {"rem", [](T x, T y, T) { return static_cast<T>(y == 0 ? Wide(x) : Wide(x) % Wide(y)); }},
      {"max", [](T x, T y, T) { return x < y ? y : x; }},
      {"min", [](T x, T y, T) { return y < x ? y : x; }},
      {"not", [](T x, T, T) { return static_cast<T>(-Wide(x) - 1); }},
      {"and", [](T x, T y, T) { return static_cast<T>(~(~x | ~y)); }},
      {"or", [](T x, T y, T) { return static_cast<T>(~(~x & ~y)); }},
      {"xor", [](T x, T y, T) { return static_cast<T>((x | y) & ~(x & y)); }},
      {"shl", [=](T x, T n, T) { return in_width(n) ? static_cast<T>(Wide(x) * (Wide(1) << n)) : T(0); }},
      {"shr",
       [=](T x, T n, T) { return in_width(n) ? static_cast<T>(Wide(Bits(x)) / (Wide(1) << n)) : T(0); }},
  };
}

template <>
inline Formulas<bool> arithmetic<bool>() {
  return {
      {"identity", [](bool x, bool, bool) { return x; }},
      {"stop_gradient", [](bool x, bool, bool) { return x; }},
      {"not", [](bool x, bool, bool) { return !x; }},
      {"and", [](bool x, bool y, bool) { return x ? y : false; }},
      {"or", [](bool x, bool y, bool) { return x ? true : y; }},
      {"xor", [](bool x, bool y, bool) { return x != y; }},
  };
}

template <class T>
Formulas<T, bool> predicates() {
  const auto ordered = [](T x, T y) { return x == x && y == y; };
  return {
      {"isfinite", [](T x, T, T) { return static_cast<double>(x) - static_cast<double>(x) == 0; }},
      {"compare eq", [=](T x, T y, T) { return ordered(x, y) && !(x < y) && !(y < x); }},
      {"compare ne", [=](T x, T y, T) { return !ordered(x, y) || x < y || y < x; }},
      {"compare lt", [=](T x, T y, T) { return ordered(x, y) && !(x >= y); }},
      {"compare le", [=](T x, T y, T) { return ordered(x, y) && !(x > y); }},
      {"compare gt", [=](T x, T y, T) { return ordered(x, y) && !(x <= y); }},
      {"compare ge", [=](T x, T y, T) { return ordered(x, y) && !(x < y); }},
  };
}

}  // namespace rondo::naive
