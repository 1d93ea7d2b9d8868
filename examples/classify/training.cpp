// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/training.h"

#include <cstdio>
#include <string>

#include "runtime/progress.h"

namespace classify {

using namespace rondo;

namespace {

constexpr double kLearningRate = 2e-3;

struct StepResults {
  Tensor loss, correct;
};

std::vector<std::int32_t> lengths_of(const std::vector<Sample>& samples) {
  std::vector<std::int32_t> lengths;
  for (const Sample& sample : samples) lengths.push_back(static_cast<std::int32_t>(sample.words.size()));
  return lengths;
}

template <class... Values>
std::string text(const char* format, Values... values) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

}  // namespace

TrainingStep training_step(const ModelSizes& sizes, const Options& options) {
  std::vector<Type> types = word_types();
  types.push_back(types.back());  // the labels are as many as the lengths
  return train_step(
      [sizes](Tensor words, Tensor length, Tensor label) {
        const Tensor guess = logits(sizes, words, length);
        return StepResults{cross_entropy(guess, label), sum(cast(eq(argmax(guess), label), i32))};
      },
      types, adam(kLearningRate), options);
}

void train(const TrainingStep& step, Weights& weights, const std::vector<Sample>& samples, int epochs,
           std::uint64_t seed, const runtime::StopSignals& signals) {
  const std::vector<std::int32_t> lengths = lengths_of(samples);
  const auto titles = static_cast<std::int64_t>(samples.size());
  runtime::Progress progress(titles * epochs, "titles");
  for (int epoch = 0; epoch < epochs; ++epoch) {
    progress.begin_stage("epoch " + std::to_string(epoch + 1) + "/" + std::to_string(epochs), titles);
    double loss = 0, correct = 0, seen = 0;
    for (const auto& indices :
         batches_by_length(lengths, kBatchSize, seed, static_cast<std::uint32_t>(epoch))) {
      const Batch batch = make_batch(samples, indices);
      const auto results = step(weights, batch.words, batch.length, batch.label);
      const auto rows = static_cast<double>(indices.size());
      loss += results["loss"].item<float>() * rows;
      correct += results["correct"].item<std::int32_t>();
      seen += rows;
      progress.advance(
          static_cast<std::int64_t>(indices.size()),
          {{"loss", text("%.4f", loss / seen)}, {"accuracy", text("%.1f %%", 100 * correct / seen)}});
      if (signals.stop_requested() != 0) return;
    }
  }
}

}  // namespace classify
