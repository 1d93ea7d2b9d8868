// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

// What the recorded trajectories do not show: how optimizers fit together, and what they refuse.
namespace {

// The loss w . x, whose gradient is x whatever w; and a bias to make groups with.
Tensor slope(const Tensor& x) {
  return sum(param("w", {2}, constant(1)) * x) + 2 * sum(param("bias", {1}, constant(1)));
}

Weights trained(const Optimizer& optimizer, const std::vector<Array>& batches) {
  const auto step = train_step(slope, {f32[{2}]}, optimizer, kBackend);
  Weights weights = step.init(0);
  for (const Array& batch : batches) step(weights, batch);
  return weights;
}

const Array kFirst = floats({2}, {1, 2}), kSecond = floats({2}, {3, -4});

}  // namespace

TEST_CASE("an optimizer that deals parameters out makes groups") {
  const Optimizer groups = [](const std::vector<Trained>& all) {
    std::vector<Trained> weights, biases;
    for (const Trained& each : all) (each.name == "bias" ? biases : weights).push_back(each);
    adamw(0.5, {.weight_decay = 0.5})(weights);
    sgd(0.25)(biases);
  };
  const Weights weights = trained(groups, {kFirst});
  check_array(weights.at("w"), {2}, {0.75 - 0.5, 0.75 - 0.5}, 1e-6);  // Adam's first step is the rate
  check_array(weights.at("bias"), {1}, {0.5});
  CHECK(weights.contains("adam.m.w"));
  CHECK_FALSE(weights.contains("adam.m.bias"));
}

TEST_CASE("clipping by value leaves what lies within, and NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_array(trained(clip_by_value(2, sgd(1)), {kSecond}).at("w"), {2}, {-1, 3});
  const Weights weights = trained(clip_by_value(2, sgd(1)), {floats({2}, {nan, 0.5})});
  CHECK(std::isnan(values(weights.at("w"))[0]));
  CHECK(values(weights.at("w"))[1] == 0.5);
}

TEST_CASE("accumulated gradients are those of one large batch") {
  const Weights apart = trained(accumulate(2, adam(0.1)), {kFirst, kSecond, kSecond, kSecond});
  const Weights joined = trained(adam(0.1), {floats({2}, {2, -1}), kSecond});
  CHECK(values(apart.at("w")) == values(joined.at("w")));
  CHECK(values(apart.at("adam.v.w")) == values(joined.at("adam.v.w")));
  CHECK(apart.at("accumulate.updates").item<int64_t>() == 2);
  CHECK(apart.at("rondo.step").item<int64_t>() == 4);
}

TEST_CASE("between updates the weights stand still, the sums do not") {
  const Weights weights = trained(accumulate(3, sgd(1, {.momentum = 0.5})), {kFirst, kSecond});
  check_array(weights.at("w"), {2}, {1, 1});
  check_array(weights.at("sgd.v.w"), {2}, {0, 0});
  check_array(weights.at("accumulate.g.w"), {2}, {4, -2});
  CHECK(weights.at("accumulate.batches").item<int64_t>() == 2);
}

TEST_CASE("a saved sum goes on, with another number of batches too") {
  const auto two = train_step(slope, {f32[{2}]}, accumulate(2, sgd(1)), kBackend);
  const auto four = train_step(slope, {f32[{2}]}, accumulate(4, sgd(1)), kBackend);
  Weights weights = four.init(0);
  for (int i = 0; i < 3; ++i) four(weights, kFirst);
  two(weights, kSecond);  // the fourth of a sum that is full at two
  check_array(weights.at("w"), {2}, {1 - 1.5, 1 - 0.5});
  CHECK(weights.at("accumulate.batches").item<int64_t>() == 0);
}

TEST_CASE("a schedule of one's own is a function of the count of updates") {
  const Schedule halves = [](const Tensor& k) { return 1 / (k + 1); };
  check_array(trained(sgd(halves), {kFirst, kFirst}).at("w"), {2}, {1 - 1.5, 1 - 3});
}

TEST_CASE("early stopping waits so long, for so much") {
  EarlyStopping stopping({.patience = 2, .least_change = 0.1});
  CHECK(std::isnan(stopping.best()));
  CHECK(stopping.improves(1));
  CHECK_FALSE(stopping.improves(0.95));
  CHECK_FALSE(stopping.should_stop());
  CHECK(stopping.improves(0.8));
  CHECK_FALSE(stopping.improves(std::nan("")));
  CHECK_FALSE(stopping.improves(0.75));
  CHECK(stopping.should_stop());
  CHECK(stopping.best() == 0.8);
  CHECK(stopping.best_round() == 2);

  EarlyStopping accuracy({.greater_is_better = true});
  CHECK_FALSE(accuracy.improves(std::nan("")));
  CHECK(accuracy.should_stop());
  CHECK(accuracy.improves(0.5));
  CHECK_FALSE(accuracy.should_stop());
  CHECK_FALSE(accuracy.improves(0.5));
  CHECK(accuracy.should_stop());
}

TEST_CASE("optimizers, schedules and early stopping say what they can't take") {
  CHECK_ERROR(sgd(-1), "learning rate: a constant must be finite and 0 or more, found -1.0");
  CHECK_ERROR(sgd(1, {.momentum = -0.5}), "sgd: momentum must be finite and 0 or more, found -0.5");
  CHECK_ERROR(sgd(1, {.nesterov = true}),
              "sgd: momentum must be above 0 for nesterov, which looks ahead along it, found 0.0");
  CHECK_ERROR(adam(1, {.beta1 = 1}), "adam: beta1 must be 0 or more and below 1, found 1.0");
  CHECK_ERROR(adamw(1, {.beta2 = -0.1}), "adamw: beta2 must be 0 or more and below 1, found -0.1");
  CHECK_ERROR(adamw(1, {.weight_decay = -1}), "adamw: weight_decay must be finite and 0 or more, found -1.0");
  CHECK_ERROR(rmsprop(1, {.decay = 1.5}), "rmsprop: decay must be 0 or more and below 1, found 1.5");
  CHECK_ERROR(rmsprop(1, {.epsilon = std::nan("")}),
              "rmsprop: epsilon must be finite and 0 or more, found nan");
  CHECK_ERROR(adagrad(1, {.initial = -1}), "adagrad: initial must be finite and 0 or more, found -1.0");
  CHECK_ERROR(clip_by_value(0, sgd(1)), "clip_by_value: limit must be finite and above 0, found 0.0");
  CHECK_ERROR(clip_by_global_norm(-1, sgd(1)),
              "clip_by_global_norm: max_norm must be finite and above 0, found -1.0");
  CHECK_ERROR(accumulate(0, sgd(1)), "accumulate: batches must be 1 or more, found 0");
  CHECK_ERROR(step_decay(1, 0, 0.5), "step_decay: every must be 1 or more, found 0");
  CHECK_ERROR(exponential_decay(1, 1, 0), "exponential_decay: factor must be finite and above 0, found 0.0");
  CHECK_ERROR(cosine_decay(1, -5), "cosine_decay: updates must be 1 or more, found -5");
  CHECK_ERROR(linear_warmup(5, 0.1, 2), "linear_warmup: start must be in 0 .. 1, found 2.0");
  CHECK_ERROR(EarlyStopping({.patience = 0}), "EarlyStopping: patience must be 1 or more, found 0");
  const auto single = [](const Tensor& k) { return cast(k, f32); };
  CHECK_ERROR(train_step(slope, {f32[{2}]}, sgd(Schedule(single))),
              "a schedule returns the rate as f64[], found f32[]; convert it by cast(x, f64)");
}
