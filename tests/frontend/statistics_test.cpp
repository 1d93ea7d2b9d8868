// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");
const double kInfinity = std::numeric_limits<double>::infinity(), kNan = std::nan("");

}  // namespace

TEST_CASE("stack puts tensors side by side along a new dim") {
  const auto f = compile(
      [](Tensor x, Tensor y) {
        struct {
          Tensor first, middle, last, scalars;
        } r{stack({x, y}), stack({x, y}, 1), stack({x, y, x}, -1), stack({sum(x), sum(y)})};
        return r;
      },
      {f32[{B, 2}], f32[{B, 2}]}, kBackend);
  const auto r = f(floats({1, 2}, {1, 2}), floats({1, 2}, {3, 4}));
  check_array(r["first"], {2, 1, 2}, {1, 2, 3, 4});
  check_array(r["middle"], {1, 2, 2}, {1, 2, 3, 4});
  check_array(r["last"], {1, 2, 3}, {1, 3, 1, 2, 4, 2});
  check_array(r["scalars"], {2}, {3, 7});
}

TEST_CASE("variance: of these numbers, or of what they were drawn from") {
  const auto f = compile(
      [](Tensor x) {
        struct {
          Tensor all, rows, drawn, columns;
        } r{variance(x), variance(x, {-1}), variance(x, {1}, 1), variance(x, {0}, 1)};
        return r;
      },
      {f64[{B, 3}]}, kBackend);
  const auto r = f(doubles({2, 3}, {1, 2, 6, 4, 4, 4}));
  check_array(r["all"], {}, {15.5 / 6}, 1e-15);  // about the mean 3.5
  check_array(r["rows"], {2}, {14.0 / 3, 0}, 1e-15);
  check_array(r["drawn"], {2}, {7, 0});
  check_array(r["columns"], {3}, {4.5, 2, 2});
  CHECK(std::isnan(values(f(doubles({1, 3}, {1, 2, 6}))["columns"])[0]));
  CHECK(std::isnan(f(doubles({0, 3}, {}))["all"].item<double>()));
}

TEST_CASE("layer_norm has mean 0 and, nearly, variance 1") {
  const auto f = compile(
      [](Tensor x) {
        struct {
          Tensor last, both;
        } r{layer_norm(x, {-1}, 0.5), layer_norm(x, {0, 1}, 0)};
        return r;
      },
      {f64[{2, 2}]}, kBackend);
  const auto r = f(doubles({2, 2}, {1, 3, 2, 8}));
  const double a = 1 / std::sqrt(1.5), c = 3 / std::sqrt(9.5), all = 1 / std::sqrt(29.0 / 4);
  check_array(r["last"], {2, 2}, {-a, a, -c, c}, 1e-15);
  check_array(r["both"], {2, 2}, {-2.5 * all, -0.5 * all, -1.5 * all, 4.5 * all}, 1e-15);
  check_gradient([](Tensor x, Tensor w) { return sum(layer_norm(x) * w); }, {f64[{B, 4}], f64[{B, 4}]},
                 {noise({2, 4}, 1), noise({2, 4}, 2)});

  const auto layer =
      compile([](Tensor x) { return nn::layer_norm("norm", 2)(x); }, {f32[{T, B, 2}]}, kBackend);
  Weights weights = layer.init(0);
  const Array x = floats({1, 1, 2}, {1, 3});
  check_array(layer(weights, x), {1, 1, 2}, {-1, 1}, 1e-5);
  weights.set("norm.g", floats({2}, {2, 3}));
  weights.set("norm.b", floats({2}, {10, 20}));
  check_array(layer(weights, x), {1, 1, 2}, {8, 23}, 1e-5);
}

TEST_CASE("logsumexp does not overflow, and is -inf of nothing") {
  const auto f = compile(
      [](Tensor x) {
        struct {
          Tensor rows, all, slope;
        } r{logsumexp(x, {1}), logsumexp(x), grad([](Tensor x) { return sum(logsumexp(x, {1})); })(x)};
        return r;
      },
      {f64[{B, 2}]}, kBackend);
  const auto r = f(doubles({3, 2}, {1000, 1000, std::log(3.0), 0, -kInfinity, -kInfinity}));
  check_array(r["rows"], {3}, {1000 + std::log(2.0), std::log(4.0), -kInfinity}, 1e-15);
  check_array(r["all"], {}, {1000 + std::log(2.0)}, 1e-15);
  check_array(r["slope"], {3, 2}, {0.5, 0.5, 0.75, 0.25, 0, 0}, 1e-15);
  CHECK(f(doubles({0, 2}, {}))["all"].item<double>() == -kInfinity);
  CHECK(f(doubles({1, 2}, {kInfinity, 0}))["all"].item<double>() == kInfinity);
}

TEST_CASE("a masked softmax sees only where the mask holds") {
  const auto f = compile(
      [](Tensor x, Tensor mask) {
        struct {
          Tensor p, column, slope;
        } r{masked_softmax(x, mask), masked_softmax(x, mask, 0), grad([&](Tensor x) {
              return sum(masked_softmax(x, mask) * cast(iota(i32[{3, 2}], 1), f64));
            })(x)};
        return r;
      },
      {f64[{3, 2}], i1[{3, 2}]}, kBackend);
  const Array x = doubles({3, 2}, {std::log(3.0), 0, 5, kNan, kInfinity, kNan});
  const Array mask = Array::from<bool>({3, 2}, {true, true, true, false, false, false});
  const auto r = f(x, mask);
  check_array(r["p"], {3, 2}, {0.75, 0.25, 1, 0, 0, 0}, 1e-15);
  const double e = std::exp(std::log(3.0) - 5);
  check_array(r["column"], {3, 2}, {e / (1 + e), 1, 1 / (1 + e), 0, 0, 0}, 1e-15);
  check_array(r["slope"], {3, 2}, {-0.1875, 0.1875, 0, 0, 0, 0}, 1e-15);
}

TEST_CASE("cumsum adds up along any dim, forward and back") {
  const auto f = compile(
      [](Tensor x, Tensor i) {
        struct {
          Tensor rows, columns, middle, integers;
        } r{cumsum(x), cumsum(x, -1), cumsum(reshape(x, {1, B, 3}), 1), cumsum(i)};
        return r;
      },
      {f32[{B, 3}], i64[{T}]}, kBackend);
  const auto r = f(floats({2, 3}, {1, 2, 3, 4, 5, 6}), Array::from<int64_t>({3}, {5, -1, 7}));
  check_array(r["rows"], {2, 3}, {1, 2, 3, 5, 7, 9});
  check_array(r["columns"], {2, 3}, {1, 3, 6, 4, 9, 15});
  check_array(r["middle"], {1, 2, 3}, {1, 2, 3, 5, 7, 9});
  check_array(r["integers"], {3}, {5, 4, 11});
  check_array(f(floats({0, 3}, {}), Array::from<int64_t>({0}, {}))["rows"], {0, 3}, {});
  check_gradient([](Tensor x, Tensor w) { return sum(cumsum(x, 1) * w); }, {f64[{B, 3}], f64[{B, 3}]},
                 {noise({2, 3}, 1), noise({2, 3}, 2)});
}

TEST_CASE("a sequence mask tells time steps from padding") {
  const auto mask = [](Tensor length, Tensor x) { return sequence_mask(length, x.dim(0)); };
  const int line = __LINE__ - 1;
  const auto f = compile(mask, {i64[{B}], f32[{T}]}, kBackend);
  const Array steps = floats({3}, {0, 0, 0});
  check_array(f(Array::from<int64_t>({3}, {0, 1, 3}), steps), {3, 3}, {0, 1, 1, 0, 0, 1, 0, 0, 1});
  const Array wrong = Array::from<int64_t>({2}, {1, 4});
  CHECK(error_of([&] {
          f(wrong, steps);
        }).starts_with(place(__FILE__, line) + "check: a row's length lies outside 0 .. T"));
}

TEST_CASE("functions of many elements say what does not fit") {
  CHECK_MISUSE(stack({}), "stack: there is nothing to stack");
  CHECK_MISUSE(stack({x, y}),
               "stack: all parts have one type, found f32[B,4] and f32[4,3]: cast, reshape or pad them");
  CHECK_MISUSE(stack({x}, 3),
               "expand_dims: f32[B,4,1] has no dim 3; its dims are 0 to 2, or -1 to -3 from the last");
  CHECK_MISUSE(variance(i), "variance: it takes floats, found i32[B]; convert it by cast(x, f32)");
  CHECK_MISUSE(variance(x, {}, -1), "variance: correction must be 0 or more, found -1");
  CHECK_MISUSE(layer_norm(x, {2}),
               "layer_norm: f32[B,4] has no dim 2; its dims are 0 to 1, or -1 to -2 from the last");
  CHECK_MISUSE(layer_norm(x, {-1}, -1), "layer_norm: epsilon must be finite and 0 or more, found -1.0");
  CHECK_MISUSE(nn::layer_norm("norm", 3)(x), "layer_norm 'norm': the last dim must be 3, found f32[B,4]");
  CHECK_MISUSE(nn::layer_norm("norm", 0)(x), "'norm': width must be 1 or more, found 0");
  CHECK_MISUSE(softmax(i), "softmax: it takes floats, found i32[B]; convert it by cast(x, f32)");
  CHECK_MISUSE(logsumexp(x, {0, 0}), "logsumexp: dim 0 of f32[B,4] is named twice");
  CHECK_MISUSE(masked_softmax(x, x),
               "masked_softmax: the mask must be i1, found f32[B,4]; compare it, as in x > 0");
  CHECK_MISUSE(masked_softmax(x, y > 0),
               "masked_softmax: i1[4,3] can't be stretched to i1[B,4]: only a dim of 1 is, and missing dims "
               "come first");
  CHECK_MISUSE(cumsum(sum(x)), "cumsum: f32[] has no dim 0: it is a scalar");
  CHECK_MISUSE(sequence_mask(x, 3),
               "sequence_mask: length is i32 or i64 with one dim, the rows, found f32[B,4]");
}
