// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training steps in little memory: the bits are those without a limit, and a call takes no more than it may.
#include <algorithm>
#include <cstring>
#include <random>

#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");
constexpr int64_t kInputs = 6, kHidden = 8, kRows = 3;

// The loss of a layer, or two, with lengths; of all states and the last one.
template <class Layer>
auto loss_of(Layer layer) {
  return [layer](Tensor x, Tensor length) {
    const Tensor shift = param("shift", {kInputs});
    const auto run = layer(x + shift, length);
    return mean(run.all.h * run.all.h) + mean(run.last.h);
  };
}

Array drawn(std::vector<int64_t> shape, uint64_t seed) {
  Array array = Array::zeros(runtime::ElementType::f32, std::move(shape));
  uint64_t state = seed + 1;
  for (float& value : array.data<float>()) {
    state = state * 6364136223846793005 + 1442695040888963407;
    value = static_cast<float>(static_cast<int64_t>(state >> 40)) * 0x1p-23f - 1;
  }
  return array;
}

struct OneStep {
  double loss;
  std::vector<Array> weights;
  int64_t bytes;
};

// One step with the weights of seed 1.
template <class Step>
OneStep train(const Step& step, int64_t steps) {
  Weights weights = step.init(1);
  Array lengths = Array::zeros(runtime::ElementType::i32, {kRows});
  for (int64_t b = 0; b < kRows; ++b)
    lengths.data<int32_t>()[b] = static_cast<int32_t>(steps - steps * b / 4);
  const double loss = step(weights, drawn({steps, kRows, kInputs}, 7), lengths);
  OneStep trained{loss, {}, step.counters().run_bytes};
  for (const auto& [name, array] : weights.arrays()) trained.weights.push_back(array);
  return trained;
}

bool same(const OneStep& a, const OneStep& b) {
  bool same = std::memcmp(&a.loss, &b.loss, sizeof a.loss) == 0 && a.weights.size() == b.weights.size();
  for (size_t i = 0; same && i < a.weights.size(); ++i)
    same = std::memcmp(a.weights[i].raw(), b.weights[i].raw(), a.weights[i].bytes()) == 0;
  return same;
}

// The bytes that an error says would do.
int64_t least_named(const std::string& error) {
  const size_t at = error.find("would take ");
  REQUIRE(at != std::string::npos);
  return std::stoll(error.substr(at + 11));
}

// Draws what is checked.
struct Draws {
  std::mt19937_64 random{1};
  int64_t up_to(int64_t most) { return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1)); }
  // Short ones as often as long ones.
  int64_t steps() { return up_to(int64_t{1} << up_to(9)); }
};

// Four budgets, from a twentieth of what the longest of nine sequences takes without a limit to a little more than all of
// it. One step function has one budget, whatever the length.
template <class Layer>
int check_budgets(Draws& draws, Layer layer) {
  const std::vector<Type> types = {f32[{T, B, kInputs}], i32[{B}]};
  const auto step = [&](int64_t memory, int threads) {
    return train_step(loss_of(layer), types, adam(0.01), {.threads = threads, .memory = memory});
  };
  const auto free = step(0, 1);
  int checked = 0;
  for (int budgets = 0; budgets < 4; ++budgets) {
    std::vector<int64_t> lengths(9);
    for (int64_t& steps : lengths) steps = draws.steps();
    const int64_t percent = 5 + draws.up_to(100);
    const int threads = static_cast<int>(1 + draws.up_to(1));
    const int64_t budget = train(free, std::ranges::max(lengths)).bytes * percent / 100;
    const auto limited = step(budget, threads);
    for (const int64_t steps : lengths) {
      CAPTURE(percent);
      CAPTURE(steps);
      CAPTURE(threads);
      const OneStep expected = train(free, steps);
      ++checked;
      try {
        const OneStep found = train(limited, steps);
        CHECK(found.bytes <= budget);
        CHECK(same(found, expected));
      } catch (const Error& error) {
        const int64_t least = least_named(error.what());
        CHECK(least > budget);
        const OneStep found = train(step(least, threads), steps);
        CHECK(found.bytes <= least);
        CHECK(same(found, expected));
      }
    }
  }
  return checked;
}

}  // namespace

TEST_CASE("a training step takes no more memory than it may, or says how little would do; its bits stay" *
          doctest::skip(kBackend.backend != "llvm")) {
  Draws draws;
  int checked = 0;
  checked += check_budgets(
      draws, [](Tensor x, Tensor n) { return scan(nn::rnn("l", kInputs, kHidden), x, {.length = n}); });
  checked += check_budgets(
      draws, [](Tensor x, Tensor n) { return scan(nn::lstm("l", kInputs, kHidden), x, {.length = n}); });
  checked += check_budgets(
      draws, [](Tensor x, Tensor n) { return scan(nn::gru("l", kInputs, kHidden), x, {.length = n}); });
  checked += check_budgets(draws, [](Tensor x, Tensor n) {
    return scan(nn::lstm("l", kInputs, kHidden), x, {.length = n, .reverse = true});
  });
  checked += check_budgets(draws, [](Tensor x, Tensor n) {
    const auto first = scan(nn::lstm("a", kInputs, kHidden), x, {.length = n});
    return scan(nn::gru("b", kHidden, kHidden), first.all.h, {.length = n});
  });
  checked += check_budgets(draws, [](Tensor x, Tensor n) {
    const auto forward = scan(nn::gru("f", kInputs, kHidden), x, {.length = n});
    const auto back = scan(nn::gru("b", kInputs, kHidden), x, {.length = n, .reverse = true});
    return scan(nn::rnn("top", 2 * kHidden, kHidden), concat({forward.all.h, back.all.h}, 2), {.length = n});
  });
  CHECK(checked == 216);
}

TEST_CASE("a tenth of the memory does for a long sequence" * doctest::skip(kBackend.backend != "llvm")) {
  const std::vector<Type> types = {f32[{T, B, kInputs}], i32[{B}]};
  const auto loss =
      loss_of([](Tensor x, Tensor n) { return scan(nn::lstm("l", kInputs, kHidden), x, {.length = n}); });
  const auto free = train_step(loss, types, sgd(0.1), {.memory = 0});
  const OneStep expected = train(free, 20'000);
  const auto limited = train_step(loss, types, sgd(0.1), {.memory = expected.bytes / 10});
  CHECK(same(train(limited, 20'000), expected));
}

TEST_CASE("a limit of memory is 1 byte or more, for a backend that takes one") {
  const auto loss = [](Tensor x) { return mean(param("w", {2}) * x); };
  CHECK_ERROR(train_step(loss, {f32[{2}]}, sgd(1), {.memory = -1}),
              "memory is -1 bytes, expected 1 or more, or 0 for what the machine has");
  CHECK_ERROR(train_step(loss, {f32[{2}]}, sgd(1), {.backend = "reference", .memory = 1}),
              "the backend 'reference' takes no limit of memory: leave memory at 0");
  CHECK(64_MiB == 64 * 1024 * 1024);
  CHECK(2_GiB == 2048 * 1_MiB);
  CHECK(3_KiB == 3072);
}
