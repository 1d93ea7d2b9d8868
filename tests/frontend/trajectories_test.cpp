// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

// What scripts/recorded-trajectories.py computed by formulas of its own, in double precision.
namespace {

using Json = nlohmann::json;

const Json& recorded(const char* part) {
  static const Json json = Json::parse(std::ifstream("tests/frontend/recorded-trajectories.json"));
  return json.at(part);
}

// In f64 only the order of a few operations differs. In f32 each of up to 25 steps rounds some numbers of
// magnitude 1 to 6e-8, and what RMSprop and Adam divide by a small root is rounded before.
double tolerance(DType dtype) { return dtype == f64 ? 1e-13 : 2e-6; }

Array array_of(DType dtype, std::vector<int64_t> shape, const Json& numbers) {
  const auto values = numbers.get<std::vector<double>>();
  if (dtype == f64) return Array::from<double>(std::move(shape), values);
  const std::vector<float> narrow(values.begin(), values.end());
  return Array::from<float>(std::move(shape), narrow);
}

const std::map<std::string, Schedule>& schedules() {
  static const std::map<std::string, Schedule> map = {
      {"constant", 0.25},
      {"step", step_decay(0.5, 4, 0.5)},
      {"exponential", exponential_decay(0.5, 1, 0.9)},
      {"exponential every 5", exponential_decay(0.5, 5, 0.5)},
      {"cosine", cosine_decay(0.1, 20, 0.01)},
      {"warm-up", linear_warmup(10, 0.1)},
      {"warm-up, cosine", linear_warmup(5, cosine_decay(0.1, 20), 0.25)},
      {"warm-up, step", linear_warmup(3, step_decay(0.5, 4, 0.5))},
  };
  return map;
}

std::map<std::string, Optimizer> optimizers() {
  const Schedule cosine = schedules().at("warm-up, cosine"), step = schedules().at("warm-up, step");
  return {
      {"sgd", sgd(0.1)},
      {"sgd, momentum", sgd(0.1, {.momentum = 0.75})},
      {"sgd, nesterov", sgd(0.1, {.momentum = 0.75, .nesterov = true})},
      {"sgd, weight decay", sgd(0.1, {.momentum = 0.75, .weight_decay = 0.125})},
      {"sgd, all", sgd(0.1, {.momentum = 0.75, .nesterov = true, .weight_decay = 0.125})},
      {"sgd, scheduled", sgd(cosine, {.momentum = 0.75})},
      {"adam", adam(0.05)},
      {"adam, options", adam(0.05, {.beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.125})},
      {"adam, weight decay", adam(0.05, {.weight_decay = 0.125})},
      {"adam, scheduled", adam(step)},
      {"adamw", adamw(0.05)},
      {"adamw, scheduled", adamw(step, {.weight_decay = 0.25})},
      {"rmsprop", rmsprop(0.02)},
      {"rmsprop, options", rmsprop(0.02, {.decay = 0.9, .epsilon = 0.125, .weight_decay = 0.125})},
      {"rmsprop, momentum", rmsprop(0.02, {.decay = 0.9, .momentum = 0.5})},
      {"rmsprop, centered", rmsprop(0.02, {.decay = 0.9, .epsilon = 0.125, .centered = true})},
      {"rmsprop, all", rmsprop(step, {.decay = 0.9, .epsilon = 0.125, .momentum = 0.5, .centered = true})},
      {"rmsprop, keras", rmsprop(0.02, {.decay = 0.9, .epsilon = 0.125, .keras = true})},
      {"rmsprop, keras, momentum",
       rmsprop(step, {.decay = 0.9, .epsilon = 1e-7, .momentum = 0.5, .keras = true})},
      {"rmsprop, keras, all",
       rmsprop(step, {.decay = 0.9, .epsilon = 0.125, .momentum = 0.5, .centered = true, .keras = true})},
      {"adagrad", adagrad(0.1)},
      {"adagrad, options", adagrad(0.1, {.initial = 0.5, .epsilon = 0.125, .weight_decay = 0.125})},
      {"clipped by value", clip_by_value(0.25, sgd(0.1, {.momentum = 0.75}))},
      {"clipped by norm", clip_by_global_norm(0.5, adam(0.05))},
      {"accumulated", accumulate(4, sgd(schedules().at("step"), {.momentum = 0.75}))},
      {"accumulated, clipped", accumulate(3, clip_by_global_norm(0.5, adam(0.05, {.weight_decay = 0.125})))},
  };
}

// Trains y = x W + b on the recorded batches and compares W and b after each recorded step.
void check_trajectory(const Optimizer& optimizer, const Json& expected, DType dtype) {
  const Json& data = recorded("regression");
  const auto step = train_step(
      [&](Tensor x, Tensor y) {
        const Tensor W = param("W", dtype[{3, 2}], given(array_of(dtype, {3, 2}, data["W"])));
        return mse(dot(x, W) + param("b", dtype[{2}], given(array_of(dtype, {2}, data["b"]))), y);
      },
      {dtype[{5, 3}], dtype[{5, 2}]}, optimizer, kBackend);
  Weights weights = step.init(0);
  int done = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    for (; done < data["recorded"][i].get<int>(); ++done)
      step(weights, array_of(dtype, {5, 3}, data["x"][done % 3]),
           array_of(dtype, {5, 2}, data["y"][done % 3]));
    std::vector<double> found = values(weights.at("W"));
    for (const double b : values(weights.at("b"))) found.push_back(b);
    CAPTURE(done);
    check_array(Array::from<double>({8}, found), {8}, expected[i].get<std::vector<double>>(),
                tolerance(dtype));
  }
}

}  // namespace

TEST_CASE("optimizers follow the recorded trajectories") {
  const auto ours = optimizers();
  CHECK(ours.size() == recorded("optimizers").size());
  for (const auto& [name, expected] : recorded("optimizers").items())
    for (const DType dtype : {f32, f64}) {
      CAPTURE(name);
      check_trajectory(ours.at(name), expected, dtype);
    }
}

TEST_CASE("schedules take the recorded values") {
  CHECK(schedules().size() == recorded("schedules").size());
  for (const auto& [name, expected] : recorded("schedules").items()) {
    CAPTURE(name);
    const Schedule& schedule = schedules().at(name);
    const auto rate = compile([&](Tensor k) { return schedule.at(k); }, {f64[{}]}, kBackend);
    for (size_t k = 0; k < expected.size(); ++k) {
      CAPTURE(k);
      CHECK(close(rate(doubles({}, {static_cast<double>(k)})).item<double>(), expected[k].get<double>(),
                  1e-15));
    }
  }
}

namespace {

// What the losses are given besides their first argument.
struct Inputs {
  DType dtype;
  Tensor of(const char* name, std::vector<int64_t> shape) const {
    return array_constant(name, array_of(dtype, std::move(shape), recorded("loss inputs")[name]));
  }
  Tensor labels() const {
    const auto labels = recorded("loss inputs")["labels"].get<std::vector<int32_t>>();
    return array_constant("labels", Array::from<int32_t>({5}, labels));
  }
  Tensor weights() const { return of("class_weights", {4}); }
  Tensor target() const { return of("target", {3, 4}); }
  Tensor truth() const { return of("truth", {3, 4}); }
};

using Loss = std::function<Tensor(Tensor x, const Inputs& in)>;

const std::map<std::string, Loss>& losses() {
  static const std::map<std::string, Loss> map = {
      {"cross_entropy", [](Tensor x, const Inputs& in) { return cross_entropy(x, in.labels()); }},
      {"cross_entropy, weights",
       [](Tensor x, const Inputs& in) {
         return cross_entropy(x, in.labels(), {.class_weights = in.weights()});
       }},
      {"cross_entropy, smoothing",
       [](Tensor x, const Inputs& in) { return cross_entropy(x, in.labels(), {.label_smoothing = 0.125}); }},
      {"cross_entropy, ignored",
       [](Tensor x, const Inputs& in) { return cross_entropy(x, in.labels(), {.ignore_index = 3}); }},
      {"cross_entropy, weights, smoothing",
       [](Tensor x, const Inputs& in) {
         return cross_entropy(x, in.labels(), {.class_weights = in.weights(), .label_smoothing = 0.125});
       }},
      {"cross_entropy, all",
       [](Tensor x, const Inputs& in) {
         return cross_entropy(x, in.labels(),
                              {.class_weights = in.weights(), .label_smoothing = 0.125, .ignore_index = 3});
       }},
      {"mse", [](Tensor x, const Inputs& in) { return mse(x, in.target()); }},
      {"l1", [](Tensor x, const Inputs& in) { return l1(x, in.target()); }},
      {"huber", [](Tensor x, const Inputs& in) { return huber(x, in.target()); }},
      {"huber, narrow", [](Tensor x, const Inputs& in) { return huber(x, in.target(), 0.25); }},
      {"smooth_l1", [](Tensor x, const Inputs& in) { return smooth_l1(x, in.target()); }},
      {"smooth_l1, narrow", [](Tensor x, const Inputs& in) { return smooth_l1(x, in.target(), 0.25); }},
      {"smooth_l1, of 0", [](Tensor x, const Inputs& in) { return smooth_l1(x, in.target(), 0); }},
      {"bce_with_logits", [](Tensor x, const Inputs& in) { return bce_with_logits(x, in.truth()); }},
      {"bce_with_logits, weights",
       [](Tensor x, const Inputs& in) {
         return bce_with_logits(x, in.truth(), {.positive_weight = in.of("positive_weights", {4})});
       }},
  };
  return map;
}

}  // namespace

TEST_CASE("losses have the recorded values and slopes") {
  CHECK(losses().size() == recorded("losses").size());
  for (const auto& [name, expected] : recorded("losses").items())
    for (const DType dtype : {f32, f64}) {
      CAPTURE(name);
      const Loss& loss = losses().at(name);
      const bool of_classes = name.starts_with("cross_entropy");
      const std::vector<int64_t> shape = of_classes ? std::vector<int64_t>{5, 4} : std::vector<int64_t>{3, 4};
      const auto both = compile(value_and_grad([&](Tensor x) { return loss(x, {dtype}); }),
                                {dtype[{shape.begin(), shape.end()}]}, kBackend);
      const char* input = of_classes ? "logits" : "prediction";
      const auto found = both(both.init(0), array_of(dtype, shape, recorded("loss inputs")[input]));
      check_array(found["value"], {}, {expected["value"].get<double>()}, tolerance(dtype));
      check_array(found["gradient[0]"], shape, expected["gradient"].get<std::vector<double>>(),
                  tolerance(dtype));
    }
}
