// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

TEST_CASE("grad is the derivative, and grad of grad the second") {
  const auto cube = [](Tensor x) { return x * x * x; };
  CHECK(compile(grad(cube), {f64[{}]}, kBackend)(doubles({}, {2})).item<double>() == 12);
  CHECK(compile(grad(grad(cube)), {f64[{}]}, kBackend)(doubles({}, {2})).item<double>() == 12);
  CHECK(compile(grad(grad(grad(cube))), {f64[{}]}, kBackend)(doubles({}, {2})).item<double>() == 6);
}

TEST_CASE("value_and_grad gives all fields and one gradient an argument") {
  const Dim B("B");
  struct Losses {
    Tensor loss, count;
  };
  const auto f = compile(value_and_grad([](Tensor x, Tensor y) { return Losses{sum(x * y), dim(x.dim(0))}; }),
                         {f64[{B}], f64[{B}]}, kBackend);
  const auto r = f(doubles({2}, {1, 2}), doubles({2}, {3, 4}));
  check_array(r["value.loss"], {}, {11});
  check_array(r["value.count"], {}, {2});
  check_array(r["gradient[0]"], {2}, {3, 4});
  check_array(r["gradient[1]"], {2}, {1, 2});
}

TEST_CASE("a gradient flows to arguments only, not through what is captured") {
  const auto f = compile(
      [](Tensor x) {
        const Tensor twice = 2 * x;
        return grad([&](Tensor y) { return y * twice; })(x);  // 2x, not 4x
      },
      {f64[{}]}, kBackend);
  CHECK(f(doubles({}, {5})).item<double>() == 10);
}

TEST_CASE("a gradient may be taken inside a cell, and weights be used in what is differentiated") {
  const Dim T("T");
  const auto f = compile(
      [](Tensor x) {
        const Tensor w = param("w", f64[{}], constant(3));
        const auto descend = [&](Tensor step, Tensor at) {
          return at - step * grad([&](Tensor y) { return w * (y - 1) * (y - 1); })(at);
        };
        return scan(descend, x, {.initial = zeros(f64[{}])}).last;
      },
      {f64[{T}]}, kBackend);
  // at = at - s * 6 (at - 1): 0 -> 0.6 -> 0.84
  CHECK(f(f.init(0), doubles({2}, {0.1, 0.1})).item<double>() == doctest::Approx(0.84).epsilon(1e-12));
}

TEST_CASE("a promise about sizes made in a differentiated function holds for the caller") {
  const Dim S("S"), T("T");
  const auto f = compile(
      [&](Tensor x, Tensor y) {
        return grad([&](Tensor x) {
          require_equal(S, T);
          return sum(x * y);
        })(x);
      },
      {f64[{S}], f64[{T}]}, kBackend);
  check_array(f(doubles({1}, {1}), doubles({1}, {7})), {1}, {7});
  CHECK_THROWS_AS(f(doubles({1}, {1}), doubles({2}, {7, 8})), Error);
}
