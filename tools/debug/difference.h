// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>

#include "runtime/array.h"

// How far arrays lie apart, and their elements as text.
namespace rondo::tools {

/// `0.5`, with as many digits as tell the element from its neighbours.
std::string element_text(const runtime::Array& array, int64_t i);

/// True if an element has the same bits in two arrays of one type; any NaN equals any NaN.
bool same_bits(const runtime::Array& x, const runtime::Array& y, int64_t i);

/// Where two arrays of one shape differ most.
struct Difference {
  bool any = false;  // of bits
  double ulps = 0;   // of floats; infinite where NaN meets a number, or where elements of another type differ
  int64_t position = 0;  // where; if both zeros are all that differs, of the first such
  std::string found = {}, expected = {};

  /// `0 ulp`, or `3 ulp at position 7: 0.5, expected 0.25`.
  std::string text() const;
};

/// Any two NaN are equal. An f32 may be judged by an f64: the error is then in units of the last place that
/// the exact value has as an f32.
Difference largest_difference(const runtime::Array& found, const runtime::Array& expected);

/// The largest difference of two arrays of one type, as a share of the largest element expected; of what is no float, or
/// finite in one of them only, infinite if the bits differ.
double relative_difference(const runtime::Array& found, const runtime::Array& expected);

}  // namespace rondo::tools
