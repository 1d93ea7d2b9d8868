// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");

// What a training step sees of `function` beside a loss that has a weight.
template <class F>
auto seen_in_training(F function, Type type) {
  return train_step(
      [=](Tensor x) {
        struct {
          Tensor loss, seen;
        } r{sum(param("w", {})), function(x)};
        return r;
      },
      {type}, sgd(0), kBackend);
}

Array ones(std::vector<int64_t> shape) {
  Array array = Array::zeros(runtime::ElementType::f32, std::move(shape));
  for (float& x : array.data<float>()) x = 1;
  return array;
}

// How many of the elements are `value`.
int64_t count(const std::vector<double>& elements, double value) {
  return std::count(elements.begin(), elements.end(), value);
}

}  // namespace

TEST_CASE("variational dropout has one mask for all time steps, a new one in each training step") {
  const auto drop = [](Tensor x) { return nn::variational_dropout("drop", 0.25)(x); };
  const auto step = seen_in_training(drop, f32[{T, B, 4}]);
  Weights weights = step.init(3);
  const Array x = ones({3, 500, 4});
  const std::vector<double> first = values(step(weights, x)["seen"]),
                            second = values(step(weights, x)["seen"]);
  const float kept = 1 / 0.75f;
  CHECK(std::abs(count(first, 0) / 3 - 500) < 80);
  CHECK(count(first, 0) + count(first, kept) == 6000);
  for (size_t i = 0; i < 2000; ++i) CHECK((first[i] == first[2000 + i] && first[i] == first[4000 + i]));
  CHECK(first != second);
  check_array(compile(drop, {f32[{T, B, 4}]}, kBackend)(ones({1, 1, 4})), {1, 1, 4}, {1, 1, 1, 1});
}

TEST_CASE("a mask made outside of a cell stays the same inside; dropout in the cell does not") {
  const auto masked = [](Tensor x) {
    const Tensor mask = nn::dropout_mask("mask", 0.5, {x.dim(1), 4});
    const auto cell = [&](Tensor x, Tensor s) {
      return Step{s, std::array{x * mask, nn::dropout("inside", 0.5)(x)}};
    };
    const auto run = scan(cell, x, {.initial = zeros({})});
    return stack({run.out[0], run.out[1]});
  };
  const auto step = seen_in_training(masked, f32[{T, B, 4}]);
  Weights weights = step.init(3);
  const std::vector<double> seen = values(step(weights, ones({2, 100, 4}))["seen"]);
  const auto part = [&](size_t i) {
    return std::vector<double>(seen.begin() + i * 400, seen.begin() + (i + 1) * 400);
  };
  CHECK(part(0) == part(1));
  CHECK(part(2) != part(3));
  CHECK(count(part(0), 0) + count(part(0), 2) == 400);
  check_array(compile(masked, {f32[{T, B, 4}]}, kBackend)(ones({1, 1, 4})), {2, 1, 1, 4},
              {1, 1, 1, 1, 1, 1, 1, 1});
}

namespace {

// Counts up: in h by 1, in c by 10.
struct Counter {
  struct State {
    Tensor h, c;
  };
  State initial(Dim rows) const { return {zeros({rows}), zeros({rows})}; }
  State operator()(Tensor, State s) const { return {s.h + 1, s.c + 10}; }
};

Tensor counted(const Tensor& x) {
  const auto run = scan(nn::zoneout("zone", Counter(), {0.25, 0}), x);
  return stack({run.last.h, run.last.c});
}

}  // namespace

TEST_CASE("zoneout keeps elements of the state while training, and takes the mean otherwise") {
  const auto step = seen_in_training(counted, f32[{T, B}]);
  Weights weights = step.init(3);
  const std::vector<double> seen = values(step(weights, ones({2, 2000}))["seen"]);
  CHECK(std::abs(count(seen, 0) - 125) < 40);   // kept twice
  CHECK(std::abs(count(seen, 1) - 750) < 90);   // kept once
  CHECK(std::abs(count(seen, 2) - 1125) < 90);  // never
  CHECK(count(seen, 20) == 2000);               // a field with the rate 0 is not touched
  CHECK(values(step(weights, ones({2, 2000}))["seen"]) != seen);
  check_array(compile(counted, {f32[{T, B}]}, kBackend)(ones({2, 1})), {2, 1}, {0.75 * 2, 20});
}

TEST_CASE("zoneout takes any cell: a lone state, outs, the time") {
  const auto f = compile(
      [](Tensor x) {
        const auto cell = [](Tensor x, Tensor s, Tensor t) { return Step{s + x * cast(t, f32), s}; };
        const auto run = scan(nn::zoneout("zone", cell, {0.5}), x, {.initial = zeros({})});
        return std::array{run.last, run.out};
      },
      {f32[{T}]}, kBackend);
  const auto r = f(floats({3}, {1, 1, 1}));
  check_array(r["[0]"], {}, {0.5 * 1 + 0.5 * 2});
  check_array(r["[1]"], {3}, {0, 0, 0.5});
}

TEST_CASE("dropout kinds say what does not fit") {
  CHECK_MISUSE(nn::dropout_mask("d", -0.5, {3}),
               "dropout 'd': the rate is a probability below 1, found -0.500000");
  CHECK_MISUSE(nn::variational_dropout("d", 1)(x),
               "variational_dropout 'd': the rate must be 0 or more and below 1, found 1.0");
  CHECK_MISUSE(nn::variational_dropout("d", 0.5)(sum(x)),
               "variational_dropout 'd': a sequence has the time as its first dim, found f32[]");
  CHECK_MISUSE(scan(nn::zoneout("z", Counter(), {1.5}), x).last.h,
               "zoneout 'z': a rate must be in 0 .. 1, found 1.5");
  CHECK_MISUSE(scan(nn::zoneout("z", Counter(), {0.5, 0.5, 0.5}), x).last.h,
               "zoneout 'z': the state has 2 fields, but there are 3 rates: give one, or one each");
}
