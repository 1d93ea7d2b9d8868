// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// print and parse are each other's inverse.
#include <doctest/doctest.h>

#include "ir/builder.h"
#include "ir/parse.h"
#include "ir/print.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

constexpr const char* kCell = R"(rondo 0.1

func @lstm(
    %x: f32[T,B,64] name("x \"quoted\"") loc("mine.cpp":3),
    %W: f32[64,512] donate name("enc.W") loc("mine.cpp":4 via "hoist","fuse"),
    %U: f32[128,512],
    %h0: f32[B,128],
    %c0: f32[B,128]
) -> (f32[T,B,128]) where require T <= 100 loc("mine.cpp":9), require 2*B*T+1 == 2*T {
  %hT, %cT, %ys = scan T reverse index(%t) over(%xt = %x) carry(%h = %h0, %c = %c0) use(%w = %W, %u = %U) {
    %zx = dot %xt, %w contract([1],[0]) : f32[B,512]
    %zh = dot %h, %u contract([1],[0]) : f32[B,512] loc("mine.cpp":14 via "canonicalise")
    %z = add %zx, %zh : f32[B,512]
    %zi, %zf, %zg, %zo = split %z dim(1) sizes([128,128,128,128]) : f32[B,128], f32[B,128], f32[B,128], f32[B,128]
    %0 = mul %zi, -0.5 : f32[B,128]
    %1 = compare %zf, 0.0 is(lt) : i1[B,128]
    %2 = select %1, %0, 1.0 : f32[B,128]
    %3 = select %1, 2.0, nan : f32[B,128]
    %c1 = fma %2, %c, %3 : f32[B,128]
    yield carry(%h, %c1) stack(%c1)
  } : f32[B,128], f32[B,128], f32[T,B,128]
  return %ys
} loc("mine.cpp":1)
)";

}  // namespace

TEST_CASE("a text prints as it was written") { CHECK(print(parse(kCell, "cell.rondo")) == kCell); }

TEST_CASE("names are made unique and stay so") {
  Function function("f");
  Value* x = function.add_param(f32[{Dim("B")}], "a b");
  Builder b(function.body, Loc::unknown());
  Value* y = b.neg(x);
  y->name = "y";
  Value* z = b.mul(y, b.like(y, 2.0));
  z->name = "y";
  Value* two = b.like(y, 2.0);
  two->name = "two";
  Value* sum = b.add(z, two);
  sum = b.add(sum, b.like(z, 0.1));
  Value* three = b.like(y, 3.0);
  function.body.results = {sum, b.mul(three, b.like(y, 4.0))};
  const std::string expected = R"(func @f(%a_b: f32[B]) -> (f32[B], f32[B]) {
  %y = neg %a_b : f32[B]
  %y_1 = mul %y, 2.0 : f32[B]
  %two = constant value(2.0) : f32[B]
  %0 = add %y_1, %two : f32[B]
  %1 = add %0, 0.1 : f32[B]
  %2 = constant value(3.0) : f32[B]
  %3 = constant value(4.0) : f32[B]
  %4 = mul %2, %3 : f32[B]
  return %1, %4
}
)";
  CHECK(print(function) == expected);
  CHECK(print(*parse(print(function), "f").functions[0]) == print(function));
}
