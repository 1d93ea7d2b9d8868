// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "ir/type.h"

namespace rondo::ir {

/// A literal. Integers are kept exactly; what it stands for is decided by the element type that it is read
/// as.
class Number {
 public:
  Number(double value) : value_(value) {}
  Number(int64_t value) : value_(value) {}
  Number(int value) : value_(int64_t{value}) {}

  double as_double() const;
  /// Saturates a float out of range; NaN gives 0, as `convert` does.
  int64_t as_int() const;

  /// The value as an element of `dtype`, by the rules of the op `convert`: rounded once, saturated from a
  /// float to an integer, wrapped from an integer to a narrower one, for i1 whether it is not 0.
  Number as(DType dtype) const;
  /// The shortest text that reads back as the same element of `dtype`: `1.0`, `-0.0`, `inf`, `nan`, `17`.
  std::string text(DType dtype) const;
  /// The same bits as an element of `dtype`, where any NaN equals any NaN.
  bool same(const Number& other, DType dtype) const;

 private:
  std::variant<double, int64_t> value_;
};

}  // namespace rondo::ir
