// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

TEST_CASE("dot contracts the last dim with the first, or what it is told") {
  const Dim T("T"), B("B");
  const auto f =
      compile([](Tensor x, Tensor W) { return dot(x, W); }, {f32[{T, B, 2}], f32[{2, 3}]}, kBackend);
  check_array(f(floats({1, 2, 2}, {1, 2, 3, 4}), floats({2, 3}, {1, 0, 1, 0, 1, 1})), {1, 2, 3},
              {1, 2, 3, 3, 4, 7});
  const auto scores = compile(
      [](Tensor q, Tensor k) {
        return dot(q, k, {.contract_x = {-1}, .contract_y = {-1}, .batch_x = {0}, .batch_y = {1}});
      },
      {f32[{B, 2}], f32[{T, B, 2}]}, kBackend);
  check_array(scores(floats({2, 2}, {1, 2, 3, 4}), floats({1, 2, 2}, {1, 1, 1, -1})), {2, 1}, {3, -1});
}

TEST_CASE("functions of shape") {
  const Dim B("B");
  const auto f = compile(
      [&](Tensor x) {
        const auto [a, b] = split<2>(x);
        const std::vector<Tensor> parts = split(x, {1, 3}, 1);
        CHECK(parts[1].type() == f32[{B, 3}]);
        CHECK(concat({a, b, a}, 1).type() == f32[{B, 6}]);
        CHECK(expand_dims(x, 0).type() == f32[{1, B, 4}]);
        CHECK(expand_dims(x, -1).type() == f32[{B, 4, 1}]);
        CHECK(expand_dims(x, 1).type() == f32[{B, 1, 4}]);
        struct {
          Tensor swapped, flat, tail, padded, back;
        } r{transpose(x, {1, 0}), reshape(x, {4 * B}), slice(x, 1, 1, 3), pad(x, -1, 1, 0, 9),
            concat({b, a}, -1)};
        return r;
      },
      {f32[{B, 4}]}, kBackend);
  const auto r = f(floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
  check_array(r["swapped"], {4, 2}, {1, 5, 2, 6, 3, 7, 4, 8});
  check_array(r["flat"], {8}, {1, 2, 3, 4, 5, 6, 7, 8});
  check_array(r["tail"], {2, 2}, {2, 3, 6, 7});
  check_array(r["padded"], {2, 5}, {9, 1, 2, 3, 4, 9, 5, 6, 7, 8});
  check_array(r["back"], {2, 4}, {3, 4, 1, 2, 7, 8, 5, 6});
}

TEST_CASE("a symbolic size is split evenly if its polynomial is even") {
  const Dim B("B");
  compile(
      [&](Tensor x, Tensor y) {
        CHECK(split<2>(x, 0)[1].type() == f32[{B + 1}]);
        return y;
      },
      {f32[{2 * B + 2}], f32[{B}]}, kBackend);
}

TEST_CASE("a slice's limit that can't be proved is checked when sizes are known") {
  const Dim T("T");
  const auto f = compile([](Tensor x) { return slice(x, 0, 1, 3); }, {f32[{T}]}, kBackend);
  const int line = __LINE__ - 1;
  check_array(f(floats({3}, {1, 2, 3})), {2}, {2, 3});
  const Array two = floats({2}, {1, 2});
  CHECK(error_of([&] { f(two); }) == "tests/frontend/functions_test.cpp:" + std::to_string(__LINE__) +
                                         ": tests/frontend/functions_test.cpp:" + std::to_string(line) +
                                         ": sizes must have 3 <= T, found 3 and 2");
}

TEST_CASE("a size divided, rounded down: two time steps become one") {
  const Dim T("T"), B("B");
  const auto pairs = [&](Tensor x) {
    const Dim half = floordiv(T, 2);
    CHECK(half == floordiv(T, 2));
    return sum(reshape(slice(x, 0, 0, 2 * half), {half, 2, B}), {1});
  };
  const auto running = [&](Tensor x) {
    const auto cell = [](Tensor pair, Tensor total) { return total + pair * pair; };
    return scan(cell, pairs(x), {.initial = zeros({B})}).all;
  };
  const auto f = compile(running, {f32[{T, B}]}, kBackend);
  check_array(f(floats({5, 1}, {1, 2, 3, 4, 5})), {2, 1}, {9, 58});
  check_array(f(floats({1, 2}, {1, 2})), {0, 2}, {});
  CHECK(f.counters().compiles == 1);
  const auto slopes = compile([&](Tensor x) { return grad([&](Tensor y) { return sum(running(y)); })(x); },
                              {f32[{T, B}]}, kBackend);
  check_array(slopes(floats({5, 1}, {1, 2, 3, 4, 5})), {5, 1}, {12, 12, 14, 14, 0});
}

TEST_CASE("reductions") {
  const Dim B("B");
  const auto f = compile(
      [](Tensor x) {
        struct {
          Tensor total, rows, columns, average, greatest, least, where;
        } r{sum(x), sum(x, {-1}), sum(x, {0}), mean(x, {1}), max(x, {1}), min(x, {0}), argmax(x)};
        return r;
      },
      {f32[{B, 3}]}, kBackend);
  const auto r = f(floats({2, 3}, {1, 2, 3, 6, 5, 4}));
  check_array(r["total"], {}, {21});
  check_array(r["rows"], {2}, {6, 15});
  check_array(r["columns"], {3}, {7, 7, 7});
  check_array(r["average"], {2}, {2, 5});
  check_array(r["greatest"], {2}, {3, 6});
  check_array(r["least"], {3}, {1, 2, 3});
  check_array(r["where"], {2}, {2, 0});
  const auto average = compile([](Tensor x) { return mean(x); }, {f32[{B}]}, kBackend);
  CHECK(average(floats({4}, {1, 2, 3, 6})).item<float>() == 3);
  CHECK(std::isnan(average(floats({0}, {})).item<float>()));
}

TEST_CASE("indices, one_hot, iota, dim, cast") {
  const Dim B("B"), V("V");
  const auto f = compile(
      [&](Tensor table, Tensor ids) {
        struct {
          Tensor rows, hot, counted, size, truncated;
        } r{gather(table, ids), one_hot(ids, 3), iota(i32[{B, 2}], 0), dim(2 * B), cast(table, i32)};
        return r;
      },
      {f32[{V, 2}], i32[{B}]}, kBackend);
  const auto r = f(floats({3, 2}, {1.5, 2, 3, 4, -5.5, 6}), ints({2}, {2, 0}));
  check_array(r["rows"], {2, 2}, {-5.5, 6, 1.5, 2});
  check_array(r["hot"], {2, 3}, {0, 0, 1, 1, 0, 0});
  check_array(r["counted"], {2, 2}, {0, 0, 1, 1});
  check_array(r["size"], {}, {4});
  check_array(r["truncated"], {3, 2}, {1, 2, 3, 4, -5, 6});
}

TEST_CASE("softmax and its logarithm do not overflow") {
  const auto f = compile(
      [](Tensor x) {
        struct {
          Tensor p, logp, first;
        } r{softmax(x), log_softmax(x), softmax(x, 0)};
        return r;
      },
      {f64[{2, 3}]}, kBackend);
  const auto r = f(doubles({2, 3}, {1000, 1000, 1000, 0, std::log(2.0), std::log(5.0)}));
  const double third = 1.0 / 3;
  check_array(r["p"], {2, 3}, {third, third, third, 0.125, 0.25, 0.625}, 1e-15);
  check_array(
      r["logp"], {2, 3},
      {std::log(third), std::log(third), std::log(third), std::log(0.125), std::log(0.25), std::log(0.625)},
      1e-15);
  check_array(r["first"], {2, 3}, {1, 1, 1, 0, 0, 0}, 1e-15);
}

TEST_CASE("the softmax of a fully masked row is 0, and so is its gradient") {
  const double out = -std::numeric_limits<double>::infinity();
  const auto f = compile(
      [](Tensor x) {
        struct {
          Tensor p, logp;
        } r{softmax(x), log_softmax(x)};
        return r;
      },
      {f64[{2, 2}]}, kBackend);
  const auto r = f(doubles({2, 2}, {out, out, out, 3}));
  check_array(r["p"], {2, 2}, {0, 0, 0, 1}, 0);
  CHECK(r["logp"].data<double>()[0] == out);
  const auto slope =
      compile([](Tensor x) { return grad([](Tensor y) { return sum(softmax(y) * softmax(y)); })(x); },
              {f64[{2, 2}]}, kBackend);
  check_array(slope(doubles({2, 2}, {out, out, 0, 0})), {2, 2}, {0, 0, 0, 0}, 1e-15);
}

TEST_CASE("relu lets through what is above 0; losses") {
  const Dim B("B");
  const auto f = compile([](Tensor x) { return relu(x); }, {f32[{3}]}, kBackend);
  check_array(f(floats({3}, {-1, 0, 2})), {3}, {0, 0, 2});
  const auto ce =
      compile([](Tensor x, Tensor y) { return cross_entropy(x, y); }, {f64[{B, 3}], i32[{B}]}, kBackend);
  const Array logits = doubles({2, 3}, {0, std::log(2.0), std::log(5.0), 1, 1, 1});
  CHECK(ce(logits, ints({2}, {1, 0})).item<double>() ==
        doctest::Approx((std::log(4.0) + std::log(3.0)) / 2).epsilon(1e-14));
  const auto square = compile([](Tensor x, Tensor y) { return mse(x, y); }, {f64[{B}], f64[{B}]}, kBackend);
  CHECK(square(doubles({2}, {1, 5}), doubles({2}, {2, 8})).item<double>() == 5);
}
