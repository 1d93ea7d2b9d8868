// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/builder.h"

#include <doctest/doctest.h>

#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

const Dim T("T"), B("B");

// Scans within scans, `depth` of them, around a carry that passes.
Value* nest(Builder& b, Value* x, int depth) {
  if (depth == 0) return b.neg(x);
  auto body = std::make_unique<Graph>(&b.function());
  body->add_param(i32[{}], "t");
  Value* carry = body->add_param(x->type, "x");
  Builder inner(*body, b.loc);
  body->results = {nest(inner, carry, depth - 1)};
  std::vector<std::unique_ptr<Graph>> regions;
  regions.push_back(std::move(body));
  return b
      .emit_region(ops::scan, {x}, {0, 1, 0}, {make_attr(ops::scan, "length", {T})}, std::move(regions), {})
      ->result();
}

}  // namespace

TEST_CASE("the builder infers types and names the user's place when a constraint breaks") {
  Function function("f");
  Value* x = function.add_param(f32[{B, 64}], "x");
  Value* w = function.add_param(f32[{128, 512}], "w");
  Builder b(function.body, Loc("mine.cpp", 14));
  CHECK(b.compare("lt", x, b.like(x, 0.0))->type == i1[{B, 64}]);
  CHECK(b.reshape(x, {B * 64})->type == f32[{64 * B}]);
  CHECK(b.argmax(x, 1)->type == i32[{B}]);
  CHECK_THROWS_WITH_AS(b.dot(x, w, {1}, {0}),
                       "mine.cpp:14: dot: inner sizes differ: f32[B,64] . f32[128,512] (64 and 128)", Error);
  b.loc = Loc::unknown();
  CHECK_THROWS_WITH_AS(b.add(x, w), "add: operands differ: f32[B,64] and f32[128,512]", Error);
}

TEST_CASE("limits of sizes and ranks are the user's errors, with their place") {
  Function function("f");
  const Dim large = int64_t{1} << 40;
  Value* x = function.add_param(f32[{large}], "x");
  Value* s = function.add_param(f32[{}], "s");
  Builder b(function.body, Loc("mine.cpp", 20));
  CHECK_THROWS_WITH_AS(
      b.dot(x, x, {}, {}),
      "mine.cpp:20: dot: f32[1099511627776,1099511627776] has too many elements: a size does "
      "not fit 64 bits",
      Error);
  CHECK_THROWS_WITH_AS(b.constant(f32[{T, -1}], 0),
                       "mine.cpp:20: constant: f32[T,-1] has the negative dim -1", Error);
  CHECK_THROWS_WITH_AS(
      b.splat(s, f32[std::vector<Dim>(33, 2)]),
      ("mine.cpp:20: broadcast: " + f32[std::vector<Dim>(33, 2)].text() + " has more than 32 dims").c_str(),
      Error);
  CHECK(b.splat(s, f32[std::vector<Dim>(32, 2)])->type.rank() == 32);
  CHECK_THROWS_WITH_AS(function.add_param(f32[{-2}], "y", {}, Loc("mine.cpp", 21)),
                       "mine.cpp:21: parameter 'y': f32[-2] has the negative dim -2", Error);
}

TEST_CASE("regions nest 64 deep, and no deeper") {
  Function function("f");
  Value* x = function.add_param(f32[{T}], "x");
  Builder b(function.body, Loc("mine.cpp", 30));
  CHECK(nest(b, x, kMaxNesting)->type == x->type);
  CHECK_THROWS_WITH_AS(nest(b, x, kMaxNesting + 1), "mine.cpp:30: scan: regions nest deeper than 64", Error);
  verify(function, "test");
}

TEST_CASE("an operand of another graph is our mistake") {
  Function one("one"), other("other");
  Value* x = one.add_param(f32[{B}], "x");
  Builder b(other.body);
  CHECK_THROWS_WITH_AS(b.neg(x), "neg: an operand is not of the graph that the op is added to",
                       InternalError);
  CHECK_THROWS_AS(b.neg(nullptr), InternalError);
}

TEST_CASE("the builder leaves out what changes nothing, and takes lanes where it may") {
  Function function("f");
  Value* x = function.add_param(f32[{T, B}], "x");
  Value* y = function.add_param(f32[{B}], "y");
  Builder b(function.body);
  CHECK(b.convert(x, f32) == x);
  CHECK(b.reshape(x, {T, B}) == x);
  CHECK(b.broadcast(x, {0, 1}, {T, B}) == x);
  CHECK(b.dot(x, y, {1}, {0})->op->has_attr("lanes"));
  CHECK(b.dot(x, x, {0, 1}, {0, 1})->op->has_attr("lanes") == false);
  CHECK(b.dot(y, x, {0}, {1})->op->has_attr("lanes") == false);
  CHECK(b.dot(x, y, {1}, {0}, {}, {})->type == f32[{T}]);
}

TEST_CASE("a clone prints as the original and stands alone") {
  Module module = parse(R"(
func @f(%x: f32[T,B] donate name("w"), %h0: f32[B]) -> (f32[B]) where require 2 <= T loc("mine.cpp":3) {
  %h = scan T reverse index(%t) over(%xt = %x) carry(%h = %h0) use() {
    %next = fma %h, %xt, 0.5 loc("mine.cpp":5 via "hoist")
    yield carry(%next) stack()
  }
  %y = slice %x lo([1,0]) hi([2,B])
  return %h
})",
                        "test");
  auto clone = clone_function(*module.functions[0], "f");
  const std::string text = print(*module.functions[0]);
  CHECK(print(*clone) == text);
  module.functions.clear();
  verify(*clone, "test");
  CHECK(print(*clone) == text);
}
