// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training steps in little memory: the bits are those without a limit, and a call takes no more than it may.
#include <algorithm>
#include <cstring>
#include <set>

#include "tests/frontend/drawn_models.h"
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");

using TrainingStep = Compiled<Results<2>, 2>;

TrainingStep step_of(const DrawnModel& model, int64_t memory, int threads) {
  return train_step(model.outputs, {f32[{T, B, model.inputs}], i32[{B}]}, adam(0.01),
                    {.threads = threads, .memory = memory});
}

struct Batch {
  Array x, lengths;
};

Batch draw_batch(Draws& draws, int64_t steps, int64_t rows, int64_t inputs) {
  Batch batch{Array::zeros(runtime::ElementType::f32, {steps, rows, inputs}),
              Array::zeros(runtime::ElementType::i32, {rows})};
  for (float& x : batch.x.data<float>()) x = static_cast<float>(draws.between(-999, 999)) / 1000;
  for (int32_t& length : batch.lengths.data<int32_t>()) length = static_cast<int32_t>(draws.up_to(steps));
  return batch;
}

struct OneStep {
  std::vector<Array> arrays;  // results and weights
  int64_t bytes;
};

// One step with the weights of seed 1.
OneStep train(const TrainingStep& step, const Batch& batch) {
  Weights weights = step.init(1);
  const auto [loss, seen] = step(weights, batch.x, batch.lengths);
  OneStep trained{{loss, seen}, step.counters().run_bytes};
  for (const auto& [name, array] : weights.arrays()) trained.arrays.push_back(array);
  return trained;
}

bool same(const OneStep& a, const OneStep& b) {
  return std::ranges::equal(a.arrays, b.arrays, [](const Array& x, const Array& y) {
    return x.bytes() == y.bytes() && std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
  });
}

// The bytes that an error says would do.
int64_t least_named(const std::string& error) {
  const size_t at = error.find("would take ");
  REQUIRE_MESSAGE(at != std::string::npos, error);
  return std::stoll(error.substr(at + 11));
}

// Checks a batch, and returns 0 or, where the budget does not do, what would.
int64_t check_batch(const TrainingStep& free, const TrainingStep& limited, int64_t budget,
                    const Batch& batch) {
  const int64_t steps = batch.x.shape()[0], rows = batch.x.shape()[1];
  CAPTURE(steps);
  CAPTURE(rows);
  const OneStep expected = train(free, batch);
  try {
    const OneStep found = train(limited, batch);
    CHECK(found.bytes <= budget);
    CHECK(same(found, expected));
    return 0;
  } catch (const Error& error) {
    const int64_t least = least_named(error.what());
    CHECK(least > budget);
    return least;
  }
}

// Sequences of several lengths with one budget after another, from a twentieth of what the longest takes without a limit to
// a little more than all of it; or, if that was too little, with what was said to do. A step function has one budget,
// whatever the length.
int check_model(uint64_t seed) {
  constexpr int kBudgets = 2, kLengths = 5;
  Draws draws(seed);
  const DrawnModel model = draw_model(draws);
  const int threads = static_cast<int>(draws.between(1, 2));
  CAPTURE(seed);
  CAPTURE(model.text);
  CAPTURE(threads);
  const int64_t rows = draws.between(1, 5), longest = 8 + draws.up_to(int64_t{1} << draws.between(3, 9));
  std::set<int64_t> lengths = {longest};
  while (lengths.size() < kLengths) lengths.insert(draws.up_to(longest));
  std::vector<Batch> batches;
  for (const int64_t steps : lengths) batches.push_back(draw_batch(draws, steps, rows, model.inputs));
  const TrainingStep free = step_of(model, 0, 1);
  const int64_t all = train(free, batches.back()).bytes;
  int64_t named = 0;
  for (int i = 0; i < kBudgets; ++i) {
    const bool is_enough = named > 0;
    const int64_t budget = is_enough ? named : all * draws.between(5, 105) / 100;
    CAPTURE(budget);
    const TrainingStep limited = step_of(model, budget, threads);
    named = 0;
    for (const Batch& batch : batches) named = std::max(named, check_batch(free, limited, budget, batch));
    CHECK((named == 0 || !is_enough));
  }
  return kBudgets * kLengths;
}

}  // namespace

TEST_CASE("a training step takes no more memory than it may, or says how little would do; its bits stay" *
          doctest::skip(kBackend.backend != "llvm")) {
  int checked = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) checked += check_model(seed);
  CHECK(checked == 200);
}

TEST_CASE("a tenth of the memory does for a long sequence" * doctest::skip(kBackend.backend != "llvm")) {
  const auto outputs = [](const Tensor& x, const Tensor& n) {
    const auto run = scan(nn::lstm("l", 6, 8), x, {.length = n});
    return DrawnModel::Outputs{mean(run.all.h * run.all.h) + mean(run.last.h), run.last.h};
  };
  const DrawnModel model = {"lstm", 6, outputs};
  Draws draws(1);
  const Batch batch = draw_batch(draws, 20'000, 3, model.inputs);
  const OneStep expected = train(step_of(model, 0, 0), batch);
  CHECK(same(train(step_of(model, expected.bytes / 10, 0), batch), expected));
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
