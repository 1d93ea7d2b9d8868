// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/number.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>

#include "ir/bfloat16.h"
#include "ir/op_row.h"
#include "ir/parse.h"

using namespace rondo;
using ir::Number;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool same_bits(double x, double y) {
  return (std::isnan(x) && std::isnan(y)) || std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
}

// The text read by the C library.
double read(const std::string& text, DType dtype) {
  if (dtype == bf16) return ir::Bfloat16(std::strtod(text.c_str(), nullptr));
  return dtype == f32 ? std::strtof(text.c_str(), nullptr) : std::strtod(text.c_str(), nullptr);
}

int significant_digits(const std::string& text) {
  std::string digits;
  for (char c : text.substr(0, text.find('e')))
    if (c >= '0' && c <= '9') digits += c;
  const size_t first = digits.find_first_not_of('0'), last = digits.find_last_not_of('0');
  return first == std::string::npos ? 0 : static_cast<int>(last - first + 1);
}

// The text read by the parser, as the value of a constant.
Number parsed(const std::string& text, DType dtype) {
  const std::string type(dtype.text());
  const ir::Module module = ir::parse(
      "func @f() -> (" + type + "[]) { %c = constant value(" + text + ") : " + type + "[] return %c }", "t");
  return module.functions[0]->body.ops[0]->number_attr("value");
}

}  // namespace

TEST_CASE("numbers are written as one writes them") {
  CHECK(Number(1.0).text(f32) == "1.0");
  CHECK(Number(1).text(f32) == "1.0");
  CHECK(Number(-0.0).text(f32) == "-0.0");
  CHECK(Number(0.1).text(f32) == "0.1");
  CHECK(Number(0.1).text(f64) == "0.1");
  CHECK(Number(double{0.1f}).text(f64) == "0.10000000149011612");
  CHECK(Number(1e10).text(f32) == "1e+10");
  CHECK(Number(-2.5).text(f64) == "-2.5");
  CHECK(Number(kInfinity).text(f64) == "inf");
  CHECK(Number(-kInfinity).text(f32) == "-inf");
  CHECK(Number(1e300).text(f32) == "inf");
  CHECK(Number(0.1).text(bf16) == "0.1");
  CHECK(Number(257).text(bf16) == "256.0");
  CHECK(Number(1e10).text(bf16) == "1e+10");
  CHECK(Number(-1e-40).text(bf16) == "-9e-41");
  CHECK(Number(3.4e38).text(bf16) == "inf");
  CHECK(Number(-kNaN).text(f32) == "nan");
  CHECK(Number(17).text(i32) == "17");
  CHECK(Number(std::numeric_limits<int64_t>::min()).text(i64) == "-9223372036854775808");
  CHECK(Number(7).text(i1) == "1");
}

TEST_CASE("every float's text reads back as the same bits, and none of fewer digits does") {
  std::mt19937_64 random(1);
  std::vector<uint64_t> patterns = {0,          1,          2,          0x007fffff, 0x00800000,
                                    0x7f7fffff, 0x7f800000, 0x7fc00000, 0x3f800000};
  for (int i = 0; i < 50'000; ++i) patterns.push_back(random());
  for (uint64_t pattern : patterns) {
    const double narrow = std::bit_cast<float>(static_cast<uint32_t>(pattern)),
                 wide = std::bit_cast<double>(pattern);
    REQUIRE(same_bits(read(Number(narrow).text(f32), f32), narrow));
    REQUIRE(same_bits(read(Number(wide).text(f64), f64), wide));
    const std::string text = Number(narrow).text(f32);
    const int digits = significant_digits(text);
    if (!std::isfinite(narrow) || digits < 2 || text.ends_with(".0"))
      continue;  // whole numbers may stand in full
    char shorter[64];
    std::snprintf(shorter, sizeof shorter, "%.*e", digits - 2, narrow);  // one digit less
    REQUIRE(read(shorter, f32) != narrow);
  }
}

TEST_CASE("every bf16's text reads back as the same bits, and none of fewer digits does") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double value = std::bit_cast<float>(bits << 16);
    const std::string text = Number(value).text(bf16);
    CAPTURE(text);
    REQUIRE(same_bits(read(text, bf16), value));
    REQUIRE(same_bits(parsed(text, bf16).as_double(), value));
    const int digits = significant_digits(text);
    if (!std::isfinite(value) || digits < 2 || text.ends_with(".0")) continue;
    char shorter[64];
    std::snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
    REQUIRE(read(shorter, bf16) != value);
  }
}

TEST_CASE("a constant's text reads back as the same element, in every type") {
  for (DType dtype : {f32, f64, bf16})
    for (double value :
         {0.0, -0.0, 0.1, -1e-40, 4.9e-324, 1.4e-45, 3.4028234663852886e38, 1.7976931348623157e308,
          2.2250738585072014e-308, 1e22, 123456789.0, kInfinity, -kInfinity, kNaN}) {
      CAPTURE(value);
      const Number number = Number(value).as(dtype);
      CHECK(same_bits(parsed(number.text(dtype), dtype).as_double(), number.as_double()));
    }
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
  for (DType dtype : {i32, i64, i1})
    for (int64_t value : {kMin, kMin + 1, int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{2147483647}, kMax}) {
      const Number number = Number(value).as(dtype);
      CHECK(parsed(number.text(dtype), dtype).as_int() == number.as_int());
    }
}

TEST_CASE("as an element of a type a number becomes what convert makes of it") {
  CHECK(Number(0.1).as(f32).as_double() == double{0.1f});
  CHECK(Number((int64_t{1} << 60) + (int64_t{1} << 36) + 1).as(f32).as_double() ==
        0x1p60 + 0x1p37);  // one rounding
  CHECK(Number(1 + 0x1p-8 + 0x1p-40).as(bf16).as_double() == 1 + 0x1p-7);
  CHECK(Number((int64_t{1} << 60) + (int64_t{1} << 52) + 1).as(bf16).as_double() == 0x1p60 + 0x1p53);
  CHECK(Number(2.9).as(i32).as_int() == 2);
  CHECK(Number(-2.9).as(i64).as_int() == -2);
  CHECK(Number(3e9).as(i32).as_int() == 2147483647);
  CHECK(Number(-1e30).as(i64).as_int() == std::numeric_limits<int64_t>::min());
  CHECK(Number(1e30).as(i64).as_int() == std::numeric_limits<int64_t>::max());
  CHECK(Number(kNaN).as(i32).as_int() == 0);
  CHECK(Number(int64_t{1} << 32 | 5).as(i32).as_int() == 5);
  CHECK(Number(int64_t{1} << 31).as(i32).as_int() == std::numeric_limits<int32_t>::min());
  CHECK(Number(0.5).as(i1).as_int() == 1);
  CHECK(Number(kNaN).as(i1).as_int() == 1);
  CHECK(Number(-0.0).as(i1).as_int() == 0);
  CHECK(Number(4).as(i1).as_int() == 1);
  CHECK(Number(std::numeric_limits<int64_t>::max()).as_int() == std::numeric_limits<int64_t>::max());
}

TEST_CASE("numbers are the same if their elements have the same bits") {
  CHECK(Number(0.1).same(Number(double{0.1f}), f32));
  CHECK_FALSE(Number(0.1).same(Number(double{0.1f}), f64));
  CHECK_FALSE(Number(0.0).same(Number(-0.0), f32));
  CHECK(Number(kNaN).same(Number(-kNaN), f64));
  CHECK(Number(1).same(Number(1.0), f32));
  CHECK(Number(1).same(Number((int64_t{1} << 32) + 1), i32));
  CHECK_FALSE(Number(1).same(Number((int64_t{1} << 32) + 1), i64));
}
