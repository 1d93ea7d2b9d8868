// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/dim.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "ir/error.h"
#include "ir/type.h"

using namespace rondo;

namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
using Random = std::mt19937_64;

// A random polynomial as a dim, and its value at given sizes worked out beside it.
struct Drawn {
  Dim dim;
  int64_t value;
};
Drawn draw(Random& random, const Sizes& sizes, int depth) {
  if (depth == 0) {
    if (random() % 2 == 0) {
      const auto constant = static_cast<int64_t>(random() % 9) - 4;
      return {constant, constant};
    }
    const auto symbol = std::next(sizes.begin(), static_cast<int64_t>(random() % sizes.size()));
    return {Dim(symbol->first), symbol->second};
  }
  const Drawn a = draw(random, sizes, depth - 1), b = draw(random, sizes, depth - 1);
  switch (random() % 3) {
    case 0:
      return {a.dim + b.dim, a.value + b.value};
    case 1:
      return {a.dim - b.dim, a.value - b.value};
    default:
      return {a.dim * b.dim, a.value * b.value};
  }
}

Sizes draw_sizes(Random& random) {
  return {{"B", static_cast<int64_t>(random() % 5)},
          {"S", static_cast<int64_t>(random() % 5)},
          {"T", static_cast<int64_t>(random() % 5)}};
}

}  // namespace

TEST_CASE("equal polynomials are the same dim, however they were written") {
  const Dim T("T"), B("B"), S("S");
  CHECK((T + B) * (T - B) == T * T - B * B);
  CHECK((T + B + 1) * S == S + S * B + T * S);
  CHECK(T - T == Dim(0));
  CHECK(Dim() == Dim(0));
  CHECK(2 * T != T);
  CHECK((2 * T * B + 1).text() == "2*B*T+1");
  CHECK((1 - T).text() == "-T+1");
  CHECK((B + 2 * T - 3 * T * T).text() == "-3*T*T+B+2*T");
  CHECK((T - T).text() == "0");
  CHECK(Dim(kMin).text() == "-9223372036854775808");
}

TEST_CASE("a dim has the value of the arithmetic that made it") {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const Sizes sizes = draw_sizes(random);
    const Drawn a = draw(random, sizes, 4);
    CAPTURE(a.dim.text());
    REQUIRE(a.dim.evaluate(sizes) == a.value);
  }
}

TEST_CASE("what is put in place of symbols counts as their value") {
  Random random(2);
  for (int round = 0; round < 1000; ++round) {
    const Sizes sizes = draw_sizes(random);
    const Drawn t = draw(random, sizes, 2), b = draw(random, sizes, 1);
    Sizes inner = sizes;
    inner["T"] = t.value;
    inner["B"] = b.value;
    const Dim outer = draw(random, sizes, 2).dim;
    REQUIRE(outer.substitute({{"T", t.dim}, {"B", b.dim}}).evaluate(sizes) == outer.evaluate(inner));
  }
}

TEST_CASE("what is proved at most holds for all sizes") {
  Random random(3);
  int proved = 0;
  for (int round = 0; round < 3000; ++round) {
    const Sizes sizes = draw_sizes(random);
    const Drawn a = draw(random, sizes, 2), b = draw(random, sizes, 2);
    if (!provably_at_most(a.dim, b.dim)) continue;
    ++proved;
    REQUIRE(a.value <= b.value);
  }
  CHECK(proved > 300);
  const Dim T("T"), B("B");
  CHECK(provably_at_most(T, 2 * T + B));
  CHECK(provably_at_most(0, T * T));
  CHECK_FALSE(provably_at_most(T, B));
  CHECK_FALSE(provably_at_most(T, T * T));  // not for T = 0 < 1, where both are equal, but nothing is proved
  CHECK_FALSE(provably_at_most(1, T));
}

TEST_CASE("a dim tells what it is") {
  const Dim T("T"), B("B");
  CHECK(Dim(3).is_constant(3));
  CHECK_FALSE(Dim(3).is_constant(4));
  CHECK(Dim(0).is_constant());
  CHECK(Dim(0).constant() == 0);
  CHECK_FALSE(T.is_constant());
  CHECK(T.is_symbol());
  for (Dim other : {2 * T, T + 1, T * T, T + B, Dim(1), -1 * T}) CHECK_FALSE(other.is_symbol());
  CHECK((B * T + T * T + 1).symbols() == std::vector<std::string>{"B", "T"});
  CHECK_THROWS_WITH_AS(T.constant(), "dim T is not constant", InternalError);
  CHECK(product({}) == Dim(1));
  CHECK(product({T, 3, B}) == 3 * B * T);
}

TEST_CASE("symbols are plain names") {
  CHECK(Dim("batch_2").text() == "batch_2");
  for (const char* wrong : {"", "2x", "_x", "a b", "a*b", "a.b", "T\n"}) CHECK_THROWS_AS(Dim{wrong}, Error);
  CHECK_THROWS_WITH_AS(Dim("\xc3\xa9\x01"),
                       "a dim symbol is a letter followed by letters, digits and '_', found '\xc3\xa9\\x01'",
                       Error);
  CHECK(Dim(std::string(64, 'n')).is_symbol());
  CHECK_THROWS_WITH_AS(Dim(std::string(65, 'n')), "a dim symbol has more than 64 characters", Error);
}

TEST_CASE("arithmetic that leaves 64 bits is an error, not a wrong size") {
  const Dim T("T"), B("B");
  const char* const overflow = "a size does not fit 64 bits";
  CHECK((Dim(kMax) - kMax).is_constant(0));
  CHECK_THROWS_WITH_AS(Dim(kMax) + 1, overflow, Error);
  CHECK_THROWS_WITH_AS(Dim(kMin) - 1, overflow, Error);
  CHECK_THROWS_WITH_AS(kMax * T + T, overflow, Error);
  CHECK_THROWS_WITH_AS((int64_t{1} << 32) * T * ((int64_t{1} << 32) * B), overflow, Error);
  CHECK_THROWS_WITH_AS(0 - Dim(kMin), overflow, Error);
  CHECK_THROWS_WITH_AS((T * T).evaluate({{"T", int64_t{1} << 40}}), "the size T*T does not fit 64 bits",
                       Error);
  CHECK_THROWS_WITH_AS((T + B).evaluate({{"T", kMax}, {"B", 1}}), "the size B+T does not fit 64 bits", Error);
  CHECK((T * B).evaluate({{"T", kMax}, {"B", 0}}) == 0);
  CHECK_THROWS_WITH_AS((T * B).evaluate({{"T", 1}}), "the size of dim B is not known", Error);
}

TEST_CASE("polynomials stay small") {
  Dim sum = 1, power = 1;
  for (int i = 0; i < 63; ++i) sum = sum + Dim("s" + std::to_string(i));
  CHECK_THROWS_WITH_AS(sum + Dim("one_more"), "a size has more than 64 terms", Error);
  CHECK_THROWS_WITH_AS(sum * sum, "a size has more than 64 terms", Error);
  for (int i = 0; i < 32; ++i) power = power * Dim("T");
  CHECK_THROWS_WITH_AS(power * Dim("T"), "a size multiplies more than 32 symbols", Error);
}

TEST_CASE("types print as they are written, and tell their flaws") {
  const Dim T("T"), B("B");
  CHECK(f32[{T, B, 64}].text() == "f32[T,B,64]");
  CHECK(i1[{}].text() == "i1[]");
  CHECK(f64[{2 * T + 1}].text() == "f64[2*T+1]");
  CHECK(f32[{T, 3}].size() == 3 * T);
  CHECK(f32[{}].size() == Dim(1));
  CHECK(f32[{T}].with(i64) == i64[{T}]);
  CHECK(f32[{T}] != f32[{B}]);
  CHECK(f32[{T - 5, 0}].flaw().empty());
  CHECK(f32[{T, -1}].flaw() == "f32[T,-1] has the negative dim -1");
  CHECK(i32[std::vector<Dim>(33, 1)].flaw().ends_with(" has more than 32 dims"));
  CHECK(i32[std::vector<Dim>(32, 1)].flaw().empty());
}

TEST_CASE("element types parse as they print") {
  for (DType dtype : {f32, f64, bf16, i32, i64, i1}) CHECK(DType::parse(dtype.text()) == dtype);
  for (const char* wrong : {"", "f", "f16", "F32", "f32 ", "i8", "bool"})
    CHECK_FALSE(DType::parse(wrong).has_value());
  CHECK(f32.bytes() == 4);
  CHECK(f64.bytes() == 8);
  CHECK(i32.bytes() == 4);
  CHECK(i64.bytes() == 8);
  CHECK(i1.bytes() == 1);
}
