// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <thread>

#include "tests/frontend/helpers.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

// The loss 3 w0 + 4 w1: its gradient is (3, 4), whatever w.
Tensor slope(const Tensor& x) { return sum(param("w", {2}, constant(1)) * x); }

const Array kSlope = floats({2}, {3, 4});

// w after each of three steps.
std::vector<std::vector<double>> three_steps(const Optimizer& optimizer) {
  const auto step = train_step(slope, {f32[{2}]}, optimizer, kBackend);
  Weights weights = step.init(0);
  std::vector<std::vector<double>> seen;
  for (int i = 0; i < 3; ++i) {
    step(weights, kSlope);
    seen.push_back(values(weights.at("w")));
  }
  return seen;
}

void check_steps(const std::vector<std::vector<double>>& found,
                 const std::vector<std::vector<double>>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    for (size_t k = 0; k < 2; ++k) {
      CAPTURE(i);
      CHECK(found[i][k] == doctest::Approx(expected[i][k]).epsilon(1e-6));
    }
}

}  // namespace

TEST_CASE("sgd, without and with momentum") {
  check_steps(three_steps(sgd(0.1)), {{0.7, 0.6}, {0.4, 0.2}, {0.1, -0.2}});
  // v = 0.5 v + g: 3, 4.5, 5.25 and 4, 6, 7
  check_steps(three_steps(sgd(0.1, {.momentum = 0.5})), {{0.7, 0.6}, {0.25, 0}, {-0.275, -0.7}});
}

TEST_CASE("adam follows its formula, with the bias corrected") {
  const double rate = 0.01, beta1 = 0.8, beta2 = 0.99, epsilon = 0.1;
  std::vector<std::vector<double>> expected;
  double w[2] = {1, 1}, m[2] = {}, v[2] = {};
  const double g[2] = {3, 4};
  for (int t = 1; t <= 3; ++t) {
    for (int k = 0; k < 2; ++k) {
      m[k] = beta1 * m[k] + (1 - beta1) * g[k];
      v[k] = beta2 * v[k] + (1 - beta2) * g[k] * g[k];
      w[k] -=
          rate * (m[k] / (1 - std::pow(beta1, t))) / (std::sqrt(v[k] / (1 - std::pow(beta2, t))) + epsilon);
    }
    expected.push_back({w[0], w[1]});
  }
  check_steps(three_steps(adam(rate, {.beta1 = beta1, .beta2 = beta2, .epsilon = epsilon})), expected);
}

TEST_CASE("gradients are clipped by their common length") {
  check_steps(three_steps(clip_by_global_norm(1, sgd(1))),
              {{0.4, 0.2}, {-0.2, -0.6}, {-0.8, -1.4}});  // length 5
  check_steps(three_steps(clip_by_global_norm(100, sgd(0.1))), three_steps(sgd(0.1)));
}

TEST_CASE("an optimizer of one's own is a function in the same language") {
  const Optimizer sign_descent = [](const std::vector<Trained>& parameters) {
    for (const auto& [name, value, gradient] : parameters) update(value, value - 0.25 * sign(gradient));
  };
  check_steps(three_steps(sign_descent), {{0.75, 0.75}, {0.5, 0.5}, {0.25, 0.25}});
}

TEST_CASE("a step returns the loss before its update, or all fields") {
  const auto lone = train_step(slope, {f32[{2}]}, sgd(0.1), kBackend);
  Weights weights = lone.init(0);
  CHECK(lone(weights, kSlope) == 7);
  CHECK(lone(weights, kSlope) == doctest::Approx(4.5));
  CHECK(weights.at("rondo.step").item<int64_t>() == 2);

  const auto several = train_step(
      [](Tensor x) {
        struct {
          Tensor loss, doubled;
        } r{slope(x), 2 * x};
        return r;
      },
      {f32[{2}]}, sgd(0.1), kBackend);
  weights = several.init(0);
  const auto [loss, doubled] = several(weights, kSlope);
  CHECK(loss.item<float>() == 7);
  check_array(doubled, {2}, {6, 8});
}

TEST_CASE("a state changes by update, takes no gradient and lives in the weights") {
  const Dim B("B");
  const auto step = train_step(
      [&](Tensor x) {
        const Tensor w = param("w", {1}, constant(2));
        const Tensor total = state("total", {}), last = state("last", {B}, constant(7));
        update(total, total + sum(x));
        update(last, x * w);
        return sum(w * x) + sum(last * w) * 0 + total;
      },
      {f32[{B}]}, sgd(0), kBackend);
  Weights weights = step.init(0);
  CHECK_FALSE(weights.contains("last"));  // its size is not known yet
  CHECK(step(weights, floats({2}, {1, 2})) == 6);
  check_array(weights.at("last"), {2}, {2, 4});
  CHECK(weights.at("total").item<float>() == 3);
  CHECK(step(weights, floats({2}, {5, 5})) == 23);
  CHECK_THROWS_AS(step(weights, floats({3}, {1, 1, 1})), Error);
  weights.reset("last");
  CHECK(step(weights, floats({3}, {1, 1, 1})) == 19);
  check_array(weights.at("last"), {3}, {2, 2, 2});
}

TEST_CASE("a step that fails changes nothing") {
  const Dim B("B");
  const auto step = train_step([](Tensor ids) { return sum(nn::embedding("e", 4, 2)(ids)); }, {i32[{B}]},
                               adam(0.1), kBackend);
  Weights weights = step.init(5);
  step(weights, ints({2}, {0, 3}));
  const Weights before = weights;
  CHECK_THROWS_AS(step(weights, ints({2}, {0, 4})), Error);
  CHECK_THROWS_AS(step(weights, floats({1}, {1})), Error);
  for (const auto& [name, array] : before.arrays()) CHECK(values(weights.at(name)) == values(array));
}

namespace {

// Two classes by what comes first in the sequence.
struct Judged {
  Tensor loss, hits;
};

Judged judged(const Tensor& words, const Tensor& length, const Tensor& label) {
  const Tensor x = nn::dropout("drop", 0.1)(nn::embedding("words", 3, 4)(words));
  const auto run = scan(nn::lstm("lstm", 4, 6), x, {.length = length});
  const Tensor logits = nn::linear("out", 2)(run.last.h);
  return {cross_entropy(logits, label), sum(cast(eq(argmax(logits), label), f32))};
}

const std::vector<Type> kTypes = {i32[{Dim("T"), Dim("B")}], i32[{Dim("B")}], i32[{Dim("B")}]};
const Array kWords = ints({3, 4}, {1, 2, 1, 2, 2, 1, 0, 1, 0, 0, 0, 1}), kLength = ints({4}, {2, 2, 1, 3}),
            kLabel = ints({4}, {0, 1, 0, 1});

}  // namespace

TEST_CASE("a model with a scan learns") {
  const auto step = train_step(judged, kTypes, clip_by_global_norm(5, adam(0.05)));
  Weights weights = step.init(1);
  const double first = step(weights, kWords, kLength, kLabel)["loss"].item<float>();
  for (int i = 0; i < 60; ++i) step(weights, kWords, kLength, kLabel);
  CHECK(first > 0.5);
  CHECK(step(weights, kWords, kLength, kLabel)["loss"].item<float>() < 0.05);
  CHECK(step.counters().compiles == 1);
  const auto evaluate = compile(judged, kTypes);
  CHECK(evaluate(std::as_const(weights), kWords, kLength, kLabel)["hits"].item<float>() == 4);
}

TEST_CASE("both backends train with the same bits") {
  const auto compiled = train_step(judged, kTypes, adam(0.05));
  const auto interpreted = train_step(judged, kTypes, adam(0.05), {.backend = "reference"});
  Weights a = compiled.init(2), b = interpreted.init(2);
  for (int i = 0; i < 5; ++i)
    CHECK(compiled(a, kWords, kLength, kLabel)["loss"].item<float>() ==
          interpreted(b, kWords, kLength, kLabel)["loss"].item<float>());
  for (const auto& [name, array] : a.arrays()) CHECK(values(array) == values(b.at(name)));
}

TEST_CASE("dots by oneDNN train to nearly the same weights") {
  const auto own = train_step(judged, kTypes, adam(0.05));
  const auto onednn = train_step(judged, kTypes, adam(0.05), {.dots = "onednn"});
  Weights a = own.init(2), b = onednn.init(2);
  for (int i = 0; i < 5; ++i)
    CHECK(close(own(a, kWords, kLength, kLabel)["loss"].item<float>(),
                onednn(b, kWords, kLength, kLabel)["loss"].item<float>(), 1e-5));
  for (const auto& [name, array] : a.arrays()) {
    const std::vector<double> x = values(array), y = values(b.at(name));
    for (size_t i = 0; i < x.size(); ++i) CHECK(close(x[i], y[i], 1e-3));
  }
}

TEST_CASE("one compiled step serves several threads, each with weights of its own") {
  const auto step = train_step(judged, kTypes, adam(0.05));
  std::vector<Weights> weights(4, step.init(2));
  std::vector<std::thread> threads;
  for (Weights& own : weights)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) step(own, kWords, kLength, kLabel);
    });
  for (std::thread& thread : threads) thread.join();
  for (const Weights& own : weights)
    for (const auto& [name, array] : own.arrays()) CHECK(values(array) == values(weights[0].at(name)));
}

TEST_CASE("a dump holds the stages of the function") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "999-old.rondo") << "from an earlier process";
  std::ofstream(folder.path() / "notes.rondo") << "the user's";
  train_step(slope, {f32[{2}]}, sgd(0.1), {.dump = folder.path().string()});
  CHECK(!std::filesystem::exists(folder.path() / "999-old.rondo"));
  CHECK(std::filesystem::remove(folder.path() / "notes.rondo"));
  std::string names;
  for (const std::string& name : folder.list()) names += name.substr(3);
  CHECK(names.find("-trace.rondo") != std::string::npos);
  CHECK(names.find("-train.rondo") != std::string::npos);
}
