// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>

#include "tools/bench/peak.h"

namespace rondo::bench {

namespace {

double milliseconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int64_t peak_bytes_of_process() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

Array normal(const Shape& shape) {
  const auto type = shape.dtype == f64 ? runtime::ElementType::f64 : runtime::ElementType::f32;
  Array array = Array::zeros(type, {shape.steps, shape.rows, shape.inputs});
  std::mt19937 generator(1);
  std::normal_distribution<double> draw;
  if (shape.dtype == f64)
    for (double& value : array.data<double>()) value = draw(generator);
  else
    for (float& value : array.data<float>()) value = static_cast<float>(draw(generator));
  return array;
}

// Compiles anew at each call, and gives what a call of the model does.
class Model {
 public:
  explicit Model(const Request& request)
      : request_(request), x_(normal(request.shape)), options_(request.options) {
    if (request.memory == 1) return;
    compile();
    run();
    options_.memory = std::max<int64_t>(
        1, static_cast<int64_t>(static_cast<double>(counters().run_bytes) * request.memory));
  }

  /// Returns how long it took, in ms.
  double compile() {
    return milliseconds_of([&] {
      if (request_.mode == Mode::infer)
        prepare(rondo::compile([this](Tensor x) { return states(x); }, types(), options_));
      else
        prepare(train_step([this](Tensor x) { return loss(x); }, types(), sgd(1e-3), options_));
    });
  }

  void run() { run_(); }
  Counters counters() const { return counters_(); }

 private:
  template <class F>
  void prepare(F function) {
    auto weights = std::make_shared<Weights>(function.init(1));
    run_ = [this, function, weights] { function(*weights, x_); };
    counters_ = [function] { return function.counters(); };
  }

  std::vector<Type> types() const {
    const Dim T("T"), B("B");
    return {request_.shape.dtype[{T, B, request_.shape.inputs}]};
  }
  Tensor states(const Tensor& x) const { return request_.cell->states(x, request_.shape); }

  // All states matter, and the gradient goes back to the input, as through an embedding.
  Tensor loss(const Tensor& x) const {
    const Tensor shift = param("input.shift", request_.shape.dtype[{request_.shape.inputs}], zeros_init());
    const Tensor h = states(x + shift);
    return mean(h * h);
  }

  const Request& request_;
  const Array x_;
  Options options_;
  std::function<void()> run_;
  std::function<Counters()> counters_;
};

// A model with what its rounds took.
class Trial {
 public:
  explicit Trial(const Request& request) : request_(request), model_(request) {
    times_ = {model_.compile()};
    model_.run();  // binds
    if (request.mode == Mode::compile) return;
    times_.clear();
    const double once = milliseconds_of([&] { model_.run(); });
    calls_ = std::max(1, static_cast<int>(kRoundMs / std::max(once, 1e-3)));
  }

  void round() {
    if (request_.mode == Mode::compile) {
      times_.push_back(model_.compile());
      model_.run();
    } else {
      times_.push_back(milliseconds_of([&] {
                         for (int call = 0; call < calls_; ++call) model_.run();
                       }) /
                       calls_);
    }
    peaks_.push_back(peak_gflops(request_.shape.dtype, request_.options.threads));
  }

  Measured result() const {
    Measured measured;
    measured.ms = median(times_);
    measured.ms_min = *std::ranges::min_element(times_);
    measured.ms_max = *std::ranges::max_element(times_);
    measured.counters = model_.counters();
    measured.peak_gflops = median(peaks_);
    if (request_.mode != Mode::compile)
      measured.gflops = static_cast<double>(measured.counters.dot_flops) / measured.ms / 1e6;
    measured.peak_bytes = peak_bytes_of_process();
    return measured;
  }

 private:
  static constexpr double kRoundMs = 50;

  const Request& request_;
  Model model_;
  int calls_ = 1;
  std::vector<double> times_, peaks_;
};

}  // namespace

std::vector<Measured> measure(const std::vector<Request>& requests) {
  std::vector<std::unique_ptr<Trial>> trials;
  int rounds = 0;
  for (const Request& request : requests) {
    trials.push_back(std::make_unique<Trial>(request));
    rounds = std::max(rounds, request.rounds);
  }
  for (int round = 0; round < rounds; ++round)
    for (const auto& trial : trials) trial->round();
  std::vector<Measured> results;
  for (const auto& trial : trials) results.push_back(trial->result());
  return results;
}

}  // namespace rondo::bench
