// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/substitute.h"

#include <doctest/doctest.h>

#include "ir/builder.h"
#include "ir/error.h"

using namespace rondo;
using namespace rondo::ir;

TEST_CASE("symbols get their values in types, attributes and guards") {
  Function function("f");
  const Dim T("T"), B("B");
  Value* x = function.add_param(f32[{T, B}], "x");
  function.require(1, false, T, Loc("mine.cpp", 2));
  Builder b(function.body);
  Value* y = b.slice(x, {1, 0}, {T, B});
  substitute(function, {{"T", 4}});
  CHECK(x->type == f32[{4, B}]);
  CHECK(y->type == f32[{3, B}]);
  CHECK(y->op->dims_attr("hi")[0] == Dim(4));
  CHECK(function.guards.empty());
}

TEST_CASE("a derived size gets its value with those that it is made of") {
  Function function("f");
  const Dim T("T"), B("B");
  Value* x = function.add_param(f32[{T, B}], "x");
  const Dim half = function.floordiv(T, 2, Loc("mine.cpp", 2));
  const Dim third = function.floordiv(half + B, 3, Loc("mine.cpp", 3));
  CHECK(half.text() == "T_div_2");
  CHECK(function.floordiv(T, 2, Loc("mine.cpp", 4)) == half);
  CHECK(function.floordiv(2 * T * B, 2, Loc("mine.cpp", 4)) == T * B);
  CHECK(function.floordiv(7, 2, Loc("mine.cpp", 4)) == Dim(3));
  CHECK(function.implies(2 * half, false, T));
  CHECK(function.implies(T, false, 2 * half + 1));
  CHECK_FALSE(function.implies(T, false, 2 * half));
  Builder b(function.body);
  Value* y = b.slice(x, {0, 0}, {2 * half, B});
  CHECK(function.guards.empty());
  const auto other = clone_function(function, "g");
  substitute(function, {{"T", 7}});
  CHECK(y->type == f32[{6, B}]);
  REQUIRE(function.derived.size() == 1);
  CHECK(function.derived[0].numerator == B + 3);
  substitute(function, {{"B", 2}, {third.text(), 1}});
  CHECK(function.derived.empty());
  CHECK_THROWS_WITH_AS(substitute(*other, {{"T", 7}, {"T_div_2", 4}}),
                       "the size T_div_2 is 7 floordiv 2, not 4", Error);
}

TEST_CASE("a chosen size stays until it is chosen, and goes on telling others") {
  Function function("f");
  function.add_param(f32[{Dim("T"), Dim("K")}], "x");
  const Dim T("T"), chunks = function.add_chosen("K", Loc("mine.cpp", 2));
  CHECK(chunks.text() == "K_2");
  const Dim chunk = function.floordiv(T, chunks + 1, Loc("mine.cpp", 2));
  CHECK(chunk.text() == "T_div");
  CHECK(function.floordiv(T, chunks + 1, Loc("mine.cpp", 3)) == chunk);
  CHECK(function.implies(chunks * chunk, false, T));
  CHECK(function.implies(T, false, chunks * chunk + chunk + chunks));
  Sizes sizes = {{"T", 11}, {"K", 1}};
  derive(sizes, function.derived);
  CHECK(sizes.at("K_2") == 0);
  CHECK(sizes.at("T_div") == 11);
  sizes = {{"T", 11}, {"K", 1}, {"K_2", 2}};
  derive(sizes, function.derived);
  CHECK(sizes.at("T_div") == 3);
  substitute(function, {{"T", 11}});
  CHECK(function.derived.size() == 2);
  substitute(function, {{"K_2", 4}});
  CHECK(function.derived.empty());
  CHECK_THROWS_WITH_AS(function.floordiv(T, Dim("K"), Loc("mine.cpp", 4)),
                       "mine.cpp:4: floordiv: the divisor must be 1 or more, found K", Error);
}

TEST_CASE("what can't be divided is an error") {
  Function function("f");
  function.add_param(f32[{Dim("T")}], "x");
  CHECK_THROWS_WITH_AS(function.floordiv(Dim("T"), 0, Loc("mine.cpp", 2)),
                       "mine.cpp:2: floordiv: the divisor must be 1 or more, found 0", Error);
  const Dim less = function.floordiv(Dim("T") - 3, 2, Loc("mine.cpp", 3));
  CHECK(less.text() == "size_div_2");
  CHECK(function.guards.size() == 1);  // T >= 3
  CHECK_THROWS_WITH_AS(substitute(function, {{"T", 1}}),
                       "mine.cpp:3: the size size_div_2 is -2 floordiv 2, and -2 is negative: -2", Error);
}

TEST_CASE("a size that breaks a guard is an error") {
  Function function("f");
  function.add_param(f32[{Dim("T")}], "x");
  function.require(2, false, Dim("T"), Loc("mine.cpp", 2));
  CHECK_THROWS_WITH_AS(substitute(function, {{"T", 1}}), "mine.cpp:2: 2 <= 1 can never hold", Error);
}

TEST_CASE("a size that makes a dim negative is an error") {
  Function function("f");
  function.add_param(f32[{Dim("T"), Dim("T") - 3}], "x");
  CHECK_THROWS_WITH_AS(substitute(function, {{"T", 1}}), "the dim T-3 becomes negative: -2", Error);
}

TEST_CASE("sizes whose product leaves 64 bits are the user's error") {
  Function function("f");
  function.add_param(f32[{Dim("T"), Dim("B")}], "x");
  CHECK_THROWS_WITH_AS(substitute(function, {{"T", int64_t{1} << 31}, {"B", int64_t{1} << 31}}),
                       "f32[2147483648,2147483648] has too many elements: a size does not fit 64 bits",
                       Error);
}
