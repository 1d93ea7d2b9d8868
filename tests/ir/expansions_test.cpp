// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/ops/expansions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "ir/builder_math.h"
#include "ir/ops/scalar_math.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

ScalarMath math;

float exp_f32(float x) { return expansions::exp(math, x); }
float expm1_f32(float x) { return expansions::expm1(math, x); }
float log_f32(float x) { return expansions::log(math, x); }
float log1p_f32(float x) { return expansions::log1p(math, x); }
float sin_f32(float x) { return expansions::sin(math, x); }
float cos_f32(float x) { return expansions::cos(math, x); }
float tanh_f32(float x) { return expansions::tanh(math, x); }
float sigmoid_f32(float x) { return expansions::sigmoid(math, x); }
float erf_f32(float x) { return expansions::erf(math, x); }

double exact_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

bool same_bits(float x, float y) { return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y); }

/// |result - exact| in units of the last place of exact rounded to f32, an infinite result standing for
/// 2^128; infinite if only one of the two is NaN, or if the signs differ (those of zeros too).
double ulp_error(float result, double exact) {
  constexpr double kWrong = std::numeric_limits<double>::infinity();
  if (std::isnan(result) || std::isnan(exact)) return std::isnan(result) && std::isnan(exact) ? 0 : kWrong;
  if (std::signbit(result) != std::signbit(exact)) return kWrong;
  const float rounded = static_cast<float>(exact);
  if (std::isinf(result) && std::isinf(rounded)) return 0;
  const double value = std::isinf(result) ? std::copysign(0x1p128, result) : result;
  const int exponent = std::clamp(std::ilogb(rounded), -126, 127);
  return std::fabs(value - exact) / std::ldexp(1.0, exponent - 23);
}

/// The largest ulp_error over every 4,001st float and those around zeros, infinities and the smallest normal.
double max_ulp_error(float (*function)(float), double (*exact)(double)) {
  double worst = 0;
  const auto check = [&](uint32_t bits) {
    const float x = std::bit_cast<float>(bits);
    worst = std::max(worst, ulp_error(function(x), exact(x)));
  };
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 4001) check(static_cast<uint32_t>(bits));
  for (const uint32_t special : {0x00000000u, 0x00800000u, 0x3f800000u, 0x7f800000u, 0x7fc00000u}) {
    for (uint32_t bits = special - 1000; bits != special + 1000; ++bits) {
      check(bits);
      check(bits ^ 0x80000000u);
    }
  }
  return worst;
}

/// The ops that `expand` writes for operands of the type, without constants, bitcasts and negs.
template <class Expand>
int count_ops(Type type, Expand expand) {
  Function function("f");
  Value* x = function.add_param(type, "x");
  Builder b(function.body, Loc::unknown());
  BuilderMath m(b);
  CHECK(expand(m, x)->type.dtype.bytes() == 4);
  return static_cast<int>(std::ranges::count_if(function.body.ops, [](const auto& op) {
    const auto& name = op->row->name;
    return name != "constant" && name != "bitcast" && name != "neg";
  }));
}

struct PhiloxWords {
  std::array<uint32_t, 4> counter;
  std::array<uint32_t, 2> key;
};

/// Philox4x32-10 as the paper writes it: rounds of two multiplications, the key bumped in between.
std::array<uint32_t, 4> philox(PhiloxWords words) {
  auto& [c, k] = words;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * c[0], product1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(product0)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

}  // namespace

TEST_CASE("the f32 expansions are within 2 ulp of the double functions, signs of zeros included") {
  CHECK(max_ulp_error(exp_f32, std::exp) <= 2.0);
  CHECK(max_ulp_error(expm1_f32, std::expm1) <= 2.0);
  CHECK(max_ulp_error(log_f32, std::log) <= 2.0);
  CHECK(max_ulp_error(log1p_f32, std::log1p) <= 2.0);
  CHECK(max_ulp_error(sin_f32, std::sin) <= 2.0);
  CHECK(max_ulp_error(cos_f32, std::cos) <= 2.0);
  CHECK(max_ulp_error(tanh_f32, std::tanh) <= 2.0);
  CHECK(max_ulp_error(sigmoid_f32, exact_sigmoid) <= 2.0);
  CHECK(max_ulp_error(erf_f32, std::erf) <= 2.0);
}

TEST_CASE("the f32 expansions are exact where an exact value is expected") {
  for (const auto function :
       {exp_f32, expm1_f32, log_f32, log1p_f32, sin_f32, cos_f32, tanh_f32, sigmoid_f32, erf_f32})
    CHECK(std::isnan(function(kNaN)));
  CHECK(same_bits(exp_f32(0), 1));
  CHECK(same_bits(exp_f32(-kInfinity), 0));
  CHECK(exp_f32(kInfinity) == kInfinity);
  CHECK(exp_f32(88.72284f) == kInfinity);
  CHECK(same_bits(exp_f32(-103.9f), kDenormal));
  CHECK(same_bits(log_f32(1), 0));
  CHECK(log_f32(0.0f) == -kInfinity);
  CHECK(log_f32(-0.0f) == -kInfinity);
  CHECK(log_f32(kInfinity) == kInfinity);
  CHECK(std::isnan(log_f32(-kDenormal)));
  CHECK(std::isnan(log_f32(-kInfinity)));
  CHECK(expm1_f32(-kInfinity) == -1);
  CHECK(expm1_f32(kInfinity) == kInfinity);
  CHECK(expm1_f32(88.72284f) == kInfinity);
  CHECK(expm1_f32(88.72283f) < kInfinity);
  CHECK(log1p_f32(-1) == -kInfinity);
  CHECK(log1p_f32(kInfinity) == kInfinity);
  CHECK(log1p_f32(std::numeric_limits<float>::max()) == log_f32(std::numeric_limits<float>::max()));
  CHECK(std::isnan(log1p_f32(std::nextafter(-1.0f, -2.0f))));
  CHECK(std::isnan(log1p_f32(-kInfinity)));
  CHECK(cos_f32(0) == 1);
  for (const float infinite : {kInfinity, -kInfinity}) {
    CHECK(std::isnan(sin_f32(infinite)));
    CHECK(std::isnan(cos_f32(infinite)));
  }
  for (const auto function : {expm1_f32, log1p_f32, sin_f32})
    for (const float tiny : {0.0f, -0.0f, kDenormal, -kDenormal}) CHECK(same_bits(function(tiny), tiny));
  CHECK(sigmoid_f32(0) == 0.5f);
  CHECK(same_bits(sigmoid_f32(-kInfinity), 0));
  CHECK(same_bits(sigmoid_f32(-103.9f), kDenormal));
  CHECK(sigmoid_f32(kInfinity) == 1);
  for (const auto function : {tanh_f32, erf_f32}) {
    CHECK(function(kInfinity) == 1);
    CHECK(function(-kInfinity) == -1);
    CHECK(same_bits(function(0.0f), 0.0f));
    CHECK(same_bits(function(-0.0f), -0.0f));
    CHECK(same_bits(function(-kDenormal), -kDenormal));
  }
}

TEST_CASE(
    "sin and cos never leave their range, where they are reduced and where they are not; sin is odd, cos "
    "even") {
  for (float x = 1e-3f; x < 1e38f; x *= 1.0003f) {
    CAPTURE(x);
    REQUIRE(std::fabs(sin_f32(x)) <= 1);
    REQUIRE(std::fabs(cos_f32(x)) <= 1);
    REQUIRE(same_bits(sin_f32(-x), -sin_f32(x)));
    REQUIRE(same_bits(cos_f32(-x), cos_f32(x)));
  }
}

TEST_CASE("tanh, erf and sigmoid never leave their range; tanh and erf are odd") {
  for (float x = 0; x < 20; x += 0.00037f) {
    CAPTURE(x);
    REQUIRE(sigmoid_f32(x) <= 1);
    for (const auto function : {tanh_f32, erf_f32}) {
      REQUIRE(function(x) <= 1);
      REQUIRE(same_bits(function(-x), -function(x)));
    }
  }
}

TEST_CASE("the expansions write as many ops as their comments say") {
  const Type type = f32[{8}];
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::exp(m, x); }) == 16);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::expm1(m, x); }) == 19);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::log(m, x); }) == 28);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::log1p(m, x); }) == 30);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::sin(m, x); }) == 28);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::cos(m, x); }) == 27);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::tanh(m, x); }) == 21);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::sigmoid(m, x); }) == 16);
  CHECK(count_ops(type, [](auto& m, auto* x) { return expansions::erf(m, x); }) == 26);
}

TEST_CASE("random_bits is word 0 of Philox4x32-10") {
  // The known answers published with the generator (Random123): zeros, ones, digits of pi.
  using Words = std::array<uint32_t, 4>;
  CHECK(philox({{0, 0, 0, 0}, {0, 0}}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

  const auto halves = [](int64_t x) {
    return std::array{static_cast<uint32_t>(x), static_cast<uint32_t>(static_cast<uint64_t>(x) >> 32)};
  };
  const std::array<int64_t, 6> samples = {0, 1, -1, 0x123456789abcdef, INT64_MIN, 0xffffffff};
  for (const int64_t key : samples) {
    for (const int64_t counter : samples) {
      const auto [low, high] = halves(counter);
      CHECK(static_cast<uint32_t>(expansions::random_bits(math, key, counter)) ==
            philox({{low, high, 0, 0}, halves(key)})[0]);
    }
  }
  CHECK(static_cast<uint32_t>(expansions::random_bits(math, int64_t{0}, int64_t{0})) == 0x6627e8d5);
}

TEST_CASE("ScalarMath defines what C++ leaves open") {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min(), kMax = std::numeric_limits<int32_t>::max();
  CHECK(math.add(kMax, 1) == kMin);
  CHECK(math.mul(kMax, kMax) == 1);
  CHECK(math.neg(kMin) == kMin);
  CHECK(math.div(kMin, -1) == kMin);
  CHECK(math.div(7, 0) == 0);
  CHECK(math.rem(kMin, -1) == 0);
  CHECK(math.rem(-7, 3) == -1);
  CHECK(math.shl(1, 32) == 0);
  CHECK(math.shr(-1, 31) == 1);
  CHECK(math.shr(-1, -1) == 0);
  CHECK(std::isnan(math.max(kNaN, 1.0f)));
  CHECK(std::isnan(math.min(1.0f, kNaN)));
  CHECK(same_bits(math.max(0.0f, -0.0f), -0.0f));
  CHECK(same_bits(math.min(-0.0f, 0.0f), 0.0f));
  CHECK(math.to_i32(kNaN) == 0);
  CHECK(math.to_i32(-2.9f) == -2);
  CHECK(math.to_i32(3e9f) == kMax);
  CHECK(math.to_i32(-kInfinity) == kMin);
  CHECK(math.to_i32(int64_t{1} << 32 | 5) == 5);
}
