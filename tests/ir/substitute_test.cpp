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
