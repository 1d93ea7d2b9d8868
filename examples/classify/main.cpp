// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trains a classifier of Debian package descriptions, and shows what it learned.
#include <rondo/rondo.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "examples/classify/model.h"
#include "examples/classify/report.h"
#include "examples/classify/titles.h"
#include "runtime/progress.h"
#include "runtime/signals.h"

namespace {

using namespace rondo;
using namespace classify;

constexpr std::size_t kBatchSize = 64;
constexpr double kLearningRate = 2e-3;

struct Flags {
  std::optional<std::string> data;  // else what apt-cache prints
  std::string out = "out/classify";
  std::string backend = "llvm";
  std::int64_t hidden = 128;
  int epochs = 5;
  std::uint64_t seed = 1;
};

std::vector<Sample> samples_of(const std::vector<Title>& titles, const Vocabulary& vocabulary) {
  std::vector<Sample> samples;
  for (const Title& title : titles) samples.push_back({vocabulary.ids(title.text), title.label});
  return samples;
}

std::vector<std::int32_t> lengths_of(const std::vector<Sample>& samples) {
  std::vector<std::int32_t> lengths;
  for (const Sample& sample : samples) lengths.push_back(static_cast<std::int32_t>(sample.words.size()));
  return lengths;
}

struct StepResults {
  Tensor loss, correct;
};

auto training_step(const ModelSizes& sizes, const Flags& flags) {
  std::vector<Type> types = word_types();
  types.push_back(types.back());  // the labels are as many as the lengths
  return train_step(
      [sizes](Tensor words, Tensor length, Tensor label) {
        const Tensor guess = logits(sizes, words, length);
        return StepResults{cross_entropy(guess, label), sum(cast(eq(argmax(guess), label), i32))};
      },
      types, adam(kLearningRate), {.backend = flags.backend, .dump = flags.out + "/ir"});
}

// Trains until the last epoch or a signal.
template <class Step>
void train(const Step& step, Weights& weights, const std::vector<Sample>& samples, const Flags& flags,
           const runtime::StopSignals& signals) {
  const std::vector<std::int32_t> lengths = lengths_of(samples);
  const auto titles = static_cast<std::int64_t>(samples.size());
  runtime::Progress progress(titles * flags.epochs, "titles");
  for (int epoch = 0; epoch < flags.epochs; ++epoch) {
    progress.begin_stage("epoch " + std::to_string(epoch + 1) + "/" + std::to_string(flags.epochs), titles);
    double loss = 0, correct = 0, seen = 0;
    for (const auto& indices :
         batches_by_length(lengths, kBatchSize, flags.seed, static_cast<std::uint32_t>(epoch))) {
      const Batch batch = make_batch(samples, indices);
      const auto results = step(weights, batch.words, batch.length, batch.label);
      const auto rows = static_cast<double>(indices.size());
      loss += results["loss"].template item<float>() * rows;
      correct += results["correct"].template item<std::int32_t>();
      seen += rows;
      char loss_text[32], accuracy_text[32];
      std::snprintf(loss_text, sizeof loss_text, "%.4f", loss / seen);
      std::snprintf(accuracy_text, sizeof accuracy_text, "%.1f %%", 100 * correct / seen);
      progress.advance(static_cast<std::int64_t>(indices.size()),
                       {{"loss", loss_text}, {"accuracy", accuracy_text}});
      if (signals.stop_requested() != 0) return;
    }
  }
}

// The model's answers, batch by batch in the titles' order.
std::vector<Answer> answers_of(const ModelSizes& sizes, const Weights& weights,
                               const std::vector<Sample>& samples, const Flags& flags) {
  const auto predict =
      compile([sizes](Tensor words, Tensor length) { return softmax(logits(sizes, words, length)); },
              word_types(), {.backend = flags.backend});
  std::vector<Answer> answers(samples.size());
  for (std::size_t first = 0; first < samples.size(); first += kBatchSize) {
    std::vector<std::size_t> indices(std::min(kBatchSize, samples.size() - first));
    std::iota(indices.begin(), indices.end(), first);
    const Batch batch = make_batch(samples, indices);
    const Array probabilities = predict(weights, batch.words, batch.length);
    for (std::size_t row = 0; row < indices.size(); ++row)
      std::copy_n(probabilities.data<float>().begin() + static_cast<std::ptrdiff_t>(row * kSections.size()),
                  kSections.size(), answers[first + row].begin());
  }
  return answers;
}

void save(Weights& weights, const Vocabulary& vocabulary, const Flags& flags) {
  std::string words, labels;
  for (const std::string& word : vocabulary.words()) words += (words.empty() ? "" : " ") + word;
  for (const std::string_view section : kSections)
    labels += (labels.empty() ? "" : " ") + std::string(section);
  weights.metadata["vocabulary"] = words;
  weights.metadata["labels"] = labels;
  weights.save(flags.out + "/model.safetensors");
  std::printf("weights, vocabulary and labels: %s/model.safetensors\nIR of each stage: %s/ir\n",
              flags.out.c_str(), flags.out.c_str());
}

int run(const Flags& flags) {
  const Titles titles = read_titles(flags.data);
  const Vocabulary vocabulary = Vocabulary::of(titles.train);
  const ModelSizes sizes{.vocabulary = vocabulary.size(), .hidden = flags.hidden};
  std::printf("%zu titles to train on, %zu to test, %lld words, seed %llu\n", titles.train.size(),
              titles.test.size(), static_cast<long long>(vocabulary.size()),
              static_cast<unsigned long long>(flags.seed));
  std::filesystem::create_directories(flags.out);

  // A signal ends the training, or the report, in order: the weights are saved whenever it comes.
  const runtime::StopSignals signals;
  const double started = runtime::Progress::steady_seconds();
  const auto step = training_step(sizes, flags);
  Weights weights = step.init(flags.seed);
  train(step, weights, samples_of(titles.train, vocabulary), flags, signals);
  const double seconds = runtime::Progress::steady_seconds() - started;
  save(weights, vocabulary, flags);
  if (signals.stop_requested() != 0) {
    std::printf("stopped after %.1f s\n", seconds);
    return 128 + signals.stop_requested();
  }
  std::printf("trained %d epochs in %.1f s, of which %.0f ms compiled the training step\n", flags.epochs,
              seconds, step.counters().compile_ms);
  const std::vector<Sample> tests = samples_of(titles.test, vocabulary);
  print_report(titles.test, answers_of(sizes, weights, tests, flags));
  return signals.stop_requested() != 0 ? 128 + signals.stop_requested() : 0;
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw runtime::Failure(std::string("standard output: ") + std::strerror(errno));
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"Trains a classifier of Debian package descriptions and shows what it learned."};
  app.add_option("--data", flags.data,
                 "A file as `apt-cache dumpavail` prints it; by default that command is run");
  app.add_option("--out", flags.out, "Where weights and IR go")->capture_default_str();
  app.add_option("--hidden", flags.hidden, "Units of the LSTM")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--epochs", flags.epochs, "Passes over the titles")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  // Less than the type holds: CLI11 takes the nearest for a number that does not fit, and -1 for the greatest.
  app.add_option("--seed", flags.seed, "Of initial weights, order and dropout")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max() - 1))
      ->capture_default_str();
  app.add_option("--backend", flags.backend, "What runs the model")
      ->check(CLI::IsMember({"llvm", "reference"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    const int code = run(flags);
    flush_output();
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
  }
}
