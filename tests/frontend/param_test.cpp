// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

std::vector<std::string> names_of(const Weights& weights) {
  std::vector<std::string> names;
  for (const auto& [name, array] : weights.arrays()) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("scopes stand before names, and end where their block ends") {
  const auto f = compile(
      [](Tensor x) {
        const auto layer = [](Tensor x) { return x * param("w", {2}); };
        {
          Scope encoder("encoder");
          x = layer(x);
          Scope deep("deep");
          x = layer(x) + state("count", {});
        }
        Scope decoder("decoder");
        return layer(x) + random_uniform("w", {2});
      },
      {f32[{2}]}, kBackend);
  CHECK(names_of(f.init(0)) == std::vector<std::string>{"decoder.w", "encoder.deep.count", "encoder.deep.w",
                                                        "encoder.w", "rondo.seed", "rondo.step"});
}

TEST_CASE("a layer keeps the scope that it was made in") {
  const auto f = compile(
      [](Tensor x) {
        const auto make = [] {
          Scope scope("inner");
          return nn::linear("l", 2);
        };
        return make()(x);
      },
      {f32[{2}]}, kBackend);
  CHECK(names_of(f.init(0)) == std::vector<std::string>{"inner.l.W", "inner.l.b"});
}

TEST_CASE("a weight may be declared inside a cell and is one of the function's") {
  const Dim T("T");
  const auto step = train_step(
      [](Tensor x) {
        const auto cell = [](Tensor x, Tensor s) { return s + x * param("w", {}, constant(2)); };
        return scan(cell, x, {.initial = zeros({})}).last;
      },
      {f32[{T}]}, sgd(0.125), kBackend);
  Weights weights = step.init(0);
  CHECK(step(weights, floats({3}, {1, 2, 3})) == 12);
  CHECK(weights.at("w").item<float>() == 2 - 0.125 * 6);
}

TEST_CASE("what a function does not use it does not ask for") {
  const auto f = compile(
      [](Tensor x) {
        param("unused", {1000});
        return x * param("used", {2}, constant(3));
      },
      {f32[{2}]}, kBackend);
  CHECK(names_of(f.init(0)) == std::vector<std::string>{"unused", "used"});
  Weights weights;
  weights.set("used", floats({2}, {1, 2}));
  check_array(f(weights, floats({2}, {5, 5})), {2}, {5, 10});
}

TEST_CASE("weights of all element types begin as their initialiser says") {
  const auto f = compile(
      [](Tensor x) {
        state("f64", f64[{1}], constant(0.1));
        state("i32", i32[{1}], constant(-3));
        state("i64", i64[{1}], constant(7));
        state("i1", i1[{1}], constant(1));
        return x + param("f32", {1}, constant(0.1));
      },
      {f32[{1}]}, kBackend);
  const Weights weights = f.init(0);
  CHECK(weights.at("f64").item<double>() == 0.1);
  CHECK(weights.at("f32").item<float>() == 0.1f);
  CHECK(weights.at("i32").item<int32_t>() == -3);
  CHECK(weights.at("i64").item<int64_t>() == 7);
  CHECK(weights.at("i1").item<bool>());
}

TEST_CASE("an array constant is part of the function: no weight, not trained, not changed") {
  const Array table = doubles({2, 2}, {1, 2, 3, 4});
  const auto step = train_step(
      [&](Tensor x) {
        const Scope scope("model");
        const Tensor fixed = array_constant("table", table);
        CHECK(fixed.type() == f64[{2, 2}]);
        const auto cell = [&](Tensor x, Tensor s) { return s + dot(x, fixed); };
        const Tensor last = scan(cell, x, {.initial = zeros(f64[{2}])}).last;
        return sum(last * param("w", f64[{2}], constant(1)));
      },
      {f64[{Dim("T"), 2}]}, sgd(0.5), kBackend);
  Weights weights = step.init(0);
  CHECK(names_of(weights) == std::vector<std::string>{"model.w", "rondo.seed", "rondo.step"});
  CHECK(step(weights, doubles({1, 2}, {1, 1})) == 10);
  check_array(weights.at("model.w"), {2}, {-1, -2});
  CHECK(step(weights, doubles({1, 2}, {1, 1})) == -16);
  CHECK(step.ir().find("name(\"model.table\")") != std::string::npos);
}

TEST_CASE("constants say what they can't be") {
  CHECK_MISUSE((update(array_constant("c", floats({1}, {1})), x), x),
               "update: 'c' is a constant: what changes is a state(name, ..)");
  CHECK_MISUSE(array_constant("c d", floats({1}, {1})),
               "a name is made of letters, digits, '_', '-' and '.', found 'c d'");
}

TEST_CASE("training() tells who compiles") {
  const auto loss = [](Tensor x) { return x * param("w", {}, constant(1)) + (training() ? 10 : 20); };
  const auto step = train_step(loss, {f32[{}]}, sgd(0), kBackend);
  Weights weights = step.init(0);
  CHECK(step(weights, floats({}, {1})) == 11);
  CHECK(compile(loss, {f32[{}]}, kBackend)(weights, floats({}, {1})).item<float>() == 21);
}
