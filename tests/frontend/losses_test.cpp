// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

// What the recorded values do not show: edges, sequences, mistakes.
namespace {

const Dim T("T"), B("B");
const float kNan = std::numeric_limits<float>::quiet_NaN();

// The value and the weight after a step of plain descent on loss(x w): NaN in the gradient would show in w.
template <class Loss>
std::pair<double, double> value_and_step(Loss loss, const Array& x) {
  const auto step = train_step([&](Tensor x) { return loss(x * param("w", {1}, constant(2))); },
                               {f32[{B, 3}]}, sgd(1), kBackend);
  Weights weights = step.init(0);
  const double value = step(weights, x);
  return {value, weights.at("w").item<float>()};
}

}  // namespace

TEST_CASE("the loss of an empty batch is NaN, and no weight moves") {
  const Array none = floats({0, 3}, {});
  const auto labels = [](const Tensor& x) { return full(i32[{x.dim(0)}], 1); };
  const auto check = [&](auto loss) {
    const auto [value, w] = value_and_step(loss, none);
    CHECK(std::isnan(value));
    CHECK(w == 2);
  };
  check([&](Tensor x) { return cross_entropy(x, labels(x)); });
  check([&](Tensor x) { return cross_entropy(x, labels(x), {.label_smoothing = 0.5, .ignore_index = 0}); });
  check([&](Tensor x) { return bce_with_logits(x, zeros(x.type())); });
  check([&](Tensor x) { return mse(x, zeros(x.type())); });
  check([&](Tensor x) { return l1(x, zeros(x.type())); });
  check([&](Tensor x) { return huber(x, zeros(x.type())); });
}

TEST_CASE("a batch of nothing but ignored rows counts as empty") {
  const auto loss = [](Tensor x) {
    return cross_entropy(x, full(i32[{x.dim(0)}], -100), {.ignore_index = -100});
  };
  const auto [value, w] = value_and_step(loss, floats({1, 3}, {1, 2, 3}));
  CHECK(std::isnan(value));
  CHECK(w == 2);
}

TEST_CASE("an ignored row may hold anything; a label that counts must be a class") {
  const auto ignoring = [](Tensor x, Tensor y) { return cross_entropy(x, y, {.ignore_index = -1}); };
  const int line = __LINE__ - 1;
  const auto loss = compile(ignoring, {f32[{T, B, 2}], i64[{T, B}]}, kBackend);
  const Array logits = floats({2, 1, 2}, {0, std::log(3.0f), kNan, kNan});
  CHECK(loss(logits, Array::from<int64_t>({2, 1}, {1, -1})).item<float>() ==
        doctest::Approx(std::log(4.0 / 3)).epsilon(1e-6));
  const Array wrong = Array::from<int64_t>({2, 1}, {1, 2});
  CHECK(error_of([&] { loss(logits, wrong); }) ==
        place(__FILE__, line) +
            "gather: the index at position 1 of i64[T,B] is out of range for dim 2 of f32[T,B,2]");
}

TEST_CASE("no logit is too large for bce_with_logits, and no loss too small") {
  const auto f = compile(
      [](Tensor x, Tensor y) { return value_and_grad([&](Tensor x) { return bce_with_logits(x, y); })(x); },
      {f32[{4}], f32[{4}]}, kBackend);
  const auto r = f(floats({4}, {1e4, -1e4, 1e4, -1e4}), floats({4}, {1, 1, 0, 0}));
  CHECK(r["value"].item<float>() == 5000);
  check_array(r["gradient[0]"], {4}, {0, -0.25, 0.25, 0});
  const auto sure = f(floats({4}, {20, 20, -20, -20}), floats({4}, {1, 1, 0, 0}));
  CHECK(sure["value"].item<float>() == doctest::Approx(std::exp(-20.0)).epsilon(1e-6));
}

TEST_CASE("losses say what does not fit") {
  CHECK_MISUSE(cross_entropy(x, i, {.class_weights = zeros({3})}),
               "cross_entropy: class_weights must be f32[4], one for each class of the logits, found f32[3]");
  CHECK_MISUSE(cross_entropy(x, i, {.label_smoothing = 1.5}),
               "cross_entropy: label_smoothing must be in 0 .. 1, found 1.5");
  CHECK_MISUSE(cross_entropy(x, i, {.ignore_index = int64_t{1} << 40}),
               "ne: the number 1099511627776.0 is no i32; floats are made of integers by cast(x, f32)");
  CHECK_MISUSE(
      l1(x, y),
      "l1: the prediction is f32[B,4], the target f32[4,3]: bring them to one type, by reshape or cast");
  CHECK_MISUSE(huber(i, i), "huber: it takes floats, found i32[B]; convert it by cast(x, f32)");
  CHECK_MISUSE(huber(x, x, 0), "huber: delta must be finite and above 0, found 0.0");
  CHECK_MISUSE(smooth_l1(x, x, -1), "smooth_l1: beta must be finite and 0 or more, found -1.0");
  CHECK_MISUSE(bce_with_logits(x, i),
               "bce_with_logits: the prediction is f32[B,4], the target i32[B]: bring them to one type, by "
               "reshape or cast");
  CHECK_MISUSE(
      bce_with_logits(x, x, {.positive_weight = zeros({3})}),
      "bce_with_logits: positive_weight must have one dim, the last of the logits f32[B,4], and their "
      "element type, found f32[3]");
}
