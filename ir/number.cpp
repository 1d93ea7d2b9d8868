// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/number.h"

#include <charconv>
#include <cmath>
#include <type_traits>

#include "ir/bfloat16.h"
#include "ir/saturate.h"

namespace rondo::ir {

double Number::as_double() const {
  if (const double* f = std::get_if<double>(&value_)) return *f;
  return static_cast<double>(std::get<int64_t>(value_));
}

int64_t Number::as_int() const {
  if (const int64_t* i = std::get_if<int64_t>(&value_)) return *i;
  return saturate<int64_t>(std::get<double>(value_));
}

Number Number::as(DType dtype) const {
  const auto convert = [&](auto value) -> Number {
    constexpr bool from_float = std::is_floating_point_v<decltype(value)>;
    switch (dtype.id()) {
      case DType::kF32:
        return static_cast<double>(static_cast<float>(value));
      case DType::kF64:
        return static_cast<double>(value);
      case DType::kBf16:
        return static_cast<double>(Bfloat16(value));
      case DType::kI32:
        if constexpr (from_float)
          return int64_t{saturate<int32_t>(value)};
        else
          return int64_t{static_cast<int32_t>(value)};
      case DType::kI64:
        return as_int();
      case DType::kI1:
        return int64_t{value != 0};
    }
    return value;
  };
  return std::visit(convert, value_);
}

namespace {

// What the fewest decimal digits say that read back as this bf16.
double shortest(double value) {
  for (int digits = 0;; ++digits) {
    char buffer[64];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, digits).ptr;
    double read;
    std::from_chars(buffer, end, read);
    if (Bfloat16(read) == value) return read;
  }
}

}  // namespace

std::string Number::text(DType dtype) const {
  if (!dtype.is_float()) return std::to_string(as(dtype).as_int());
  const double value = as(dtype).as_double();
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end =
      dtype == f32
          ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value)).ptr
          : std::to_chars(buffer, buffer + sizeof buffer, dtype == bf16 ? shortest(value) : value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool Number::same(const Number& other, DType dtype) const { return text(dtype) == other.text(dtype); }

}  // namespace rondo::ir
