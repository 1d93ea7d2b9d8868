// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trains a classifier of Debian package descriptions, or of the user's own texts, and shows what it learned; or
// answers with one that was trained.
#include <rondo/rondo.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "examples/classify/csv_titles.h"
#include "examples/classify/model.h"
#include "examples/classify/package_titles.h"
#include "examples/classify/predict.h"
#include "examples/classify/report.h"
#include "examples/classify/saved_model.h"
#include "examples/classify/training.h"
#include "runtime/failure.h"
#include "runtime/progress.h"
#include "runtime/signals.h"

namespace {

using namespace rondo;
using namespace classify;

struct Flags {
  std::optional<std::string> data;  // else what apt-cache prints
  std::string out = "out/classify";
  std::string backend = "llvm";
  std::string dots = "llvm";
  std::int64_t hidden = 128;
  std::int64_t layers = 1;
  bool bidirectional = false;
  int epochs = 5;
  std::uint64_t seed = 1;
  std::optional<std::string> predict;  // the file of a model, or "" for the one under `out`
};

std::string model_path(const Flags& flags) { return flags.out + "/model.safetensors"; }

Titles read_titles(const std::optional<std::string>& data) {
  if (!data || !lower_case(*data).ends_with(".csv")) return read_package_titles(data);
  return read_csv_titles(
      *data, [](const std::string& note) { std::fprintf(stderr, "classify: %s\n", note.c_str()); });
}

// Before any work is done for it.
void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && access(path.c_str(), W_OK) != 0) error = {errno, std::generic_category()};
  if (error) throw runtime::Failure("--out: can't write to the folder '" + path + "': " + error.message());
}

int run_training(const Flags& flags) {
  const Titles titles = read_titles(flags.data);
  const Vocabulary vocabulary = Vocabulary::of(titles.train);
  const ModelSizes sizes{.vocabulary = vocabulary.size(),
                         .labels = static_cast<std::int64_t>(titles.labels.size()),
                         .hidden = flags.hidden,
                         .layers = flags.layers,
                         .bidirectional = flags.bidirectional};
  std::printf("%zu titles to train on, %zu to test, %zu labels, %lld words, seed %llu\n", titles.train.size(),
              titles.test.size(), titles.labels.size(), static_cast<long long>(vocabulary.size()),
              static_cast<unsigned long long>(flags.seed));
  make_folder(flags.out);

  // A signal ends the training, or the report, in order: the weights are saved whenever it comes.
  const runtime::StopSignals signals;
  const double started = runtime::Progress::steady_seconds();
  const auto step =
      training_step(sizes, {.backend = flags.backend, .dots = flags.dots, .dump = flags.out + "/ir"});
  SavedModel model{sizes, vocabulary, titles.labels, step.init(flags.seed)};
  train(step, model.weights, samples_of(titles.train, vocabulary), flags.epochs, flags.seed, signals);
  const double seconds = runtime::Progress::steady_seconds() - started;
  save_model(model_path(flags), model);
  std::printf("weights, vocabulary and labels: %s\nIR of each stage: %s/ir\n", model_path(flags).c_str(),
              flags.out.c_str());
  if (signals.stop_requested() != 0) {
    std::printf("stopped after %.1f s\n", seconds);
    return 128 + signals.stop_requested();
  }
  std::printf("trained %d epochs in %.1f s, of which %.0f ms compiled the training step\n", flags.epochs,
              seconds, step.counters().compile_ms);
  const Predictor predictor(sizes, {.backend = flags.backend, .dots = flags.dots});
  print_report(titles.labels, titles.test, predictor(model.weights, samples_of(titles.test, vocabulary)));
  return signals.stop_requested() != 0 ? 128 + signals.stop_requested() : 0;
}

int run_prediction(const Flags& flags) {
  const SavedModel model = load_model(flags.predict->empty() ? model_path(flags) : *flags.predict);
  if (isatty(STDIN_FILENO) != 0) std::fprintf(stderr, "titles, one a line; Ctrl-D ends\n");
  predict_lines(model, {.backend = flags.backend, .dots = flags.dots}, STDIN_FILENO, stdout);
  return 0;
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw runtime::Failure(std::string("standard output: ") + std::strerror(errno));
}

void add_flags(CLI::App& app, Flags& flags) {
  const auto training = [](CLI::Option* option) { return option->group("Training"); };
  training(
      app.add_option("--data", flags.data,
                     "Titles: a .csv file whose rows have a label, then one or more columns of text, or a "
                     "file as `apt-cache dumpavail` prints it; by default that command is run"));
  training(app.add_option("--hidden", flags.hidden, "Units of an LSTM"))
      ->check(CLI::Range(std::int64_t{1}, kMostWidth))
      ->capture_default_str();
  training(app.add_option("--layers", flags.layers, "Layers of LSTM"))
      ->check(CLI::Range(std::int64_t{1}, kMostLayers))
      ->capture_default_str();
  training(app.add_flag("--bidirectional", flags.bidirectional, "Read titles in both directions"));
  training(app.add_option("--epochs", flags.epochs, "Passes over the titles"))
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  // Less than the type holds: CLI11 takes the nearest for a number that does not fit, and -1 for the greatest.
  training(app.add_option("--seed", flags.seed, "Of initial weights, order and dropout"))
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max() - 1))
      ->capture_default_str();

  CLI::Option* predict =
      app.add_option("--predict", flags.predict,
                     "Do not train: answer titles from the standard input, one a line, by label and "
                     "probability. FILE is what was saved; by default what lies under --out")
          ->expected(0, 1)
          ->type_name("[FILE]");
  for (CLI::Option* option : app.get_options())
    if (option->get_group() == "Training") predict->excludes(option);
  app.add_option("--out", flags.out, "Where weights and IR go")->capture_default_str();
  app.add_option("--backend", flags.backend, "What runs the model")
      ->check(CLI::IsMember({"llvm", "reference"}))
      ->capture_default_str();
  app.add_option("--dots", flags.dots, "What computes dots, for the backend llvm")
      ->check(CLI::IsMember({"llvm", "onednn"}))
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app{
      "Trains a classifier of Debian package descriptions, or of your own texts, and shows what it learned."};
  add_flags(app, flags);
  try {
    app.parse(argc, argv);
    if (flags.dots != "llvm" && flags.backend != "llvm")
      throw CLI::ValidationError("--dots", "the backend '" + flags.backend + "' computes dots itself");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    const int code = flags.predict ? run_prediction(flags) : run_training(flags);
    flush_output();
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
  }
}
