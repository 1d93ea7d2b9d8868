// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/predict.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "runtime/failure.h"
#include "tests/runtime/temporary_folder.h"

using namespace classify;
using rondo::runtime::Failure;

namespace {

const rondo::Options kReference = {.backend = "reference"};

SavedModel small_model(std::int64_t layers, bool bidirectional) {
  const Vocabulary vocabulary({"game", "of", "chess"});
  const std::vector<std::string> labels{"games", "Sci/Tech", "world news"};
  const ModelSizes sizes{.vocabulary = vocabulary.size(),
                         .labels = 3,
                         .embedding = 4,
                         .hidden = 5,
                         .layers = layers,
                         .bidirectional = bidirectional};
  const auto model =
      rondo::compile([=](rondo::Tensor words, rondo::Tensor length) { return logits(sizes, words, length); },
                     word_types(), kReference);
  return {sizes, vocabulary, labels, model.init(1)};
}

// What the model answers to the lines of a file.
std::string answers_to(const SavedModel& model, const std::string& lines) {
  const TemporaryFolder folder;
  write_text(folder / "in", lines);
  const int in = open((folder / "in").c_str(), O_RDONLY);
  std::FILE* out = std::fopen((folder / "out").c_str(), "w");
  predict_lines(model, kReference, in, out);
  close(in);
  std::fclose(out);
  return read_text(folder / "out");
}

std::string failure_of(const std::string& path) {
  try {
    load_model(path);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a saved model comes back whole") {
  const TemporaryFolder folder;
  for (const bool bidirectional : {false, true}) {
    SavedModel model = small_model(2, bidirectional);
    save_model(folder / "model", model);
    const SavedModel loaded = load_model(folder / "model");
    CHECK(loaded.labels == model.labels);
    CHECK(loaded.vocabulary.words() == model.vocabulary.words());
    CHECK(loaded.sizes.vocabulary == 5);
    CHECK(loaded.sizes.labels == 3);
    CHECK(loaded.sizes.embedding == 4);
    CHECK(loaded.sizes.hidden == 5);
    CHECK(loaded.sizes.layers == 2);
    CHECK(loaded.sizes.bidirectional == bidirectional);
    CHECK(answers_to(loaded, "game of chess\n") == answers_to(model, "game of chess\n"));
  }
}

TEST_CASE("a vocabulary may be empty") {
  const TemporaryFolder folder;
  SavedModel model = small_model(1, false);
  model.vocabulary = Vocabulary(std::vector<std::string>());
  save_model(folder / "model", model);
  CHECK(load_model(folder / "model").vocabulary.size() == 2);
}

TEST_CASE("a file that is no saved model is one message") {
  const TemporaryFolder folder;
  const std::string path = folder / "model", name = "'" + path + "'";
  CHECK(failure_of("/no/such") == "'/no/such': can't open: No such file or directory");
  write_text(path, "1,a,b\n");
  CHECK(failure_of(path) == name + ": byte 0: expected 8 bytes of header length, found 6");
  SavedModel model = small_model(1, false);
  save_model(path, model);
  const auto metadata = model.weights.metadata;
  for (const auto& [key, text] : metadata) {
    model.weights.metadata = metadata;
    model.weights.metadata.erase(key);
    model.weights.save(path);
    CHECK(failure_of(path) == name + " was not saved by this program: there is no metadata '" + key + "'");
  }
  const auto with = [&](const std::string& key, const std::string& text) {
    model.weights.metadata = metadata;
    model.weights.metadata[key] = text;
    model.weights.save(path);
    return failure_of(path);
  };
  const std::string start = name + " was not saved by this program: metadata ";
  CHECK(with("hidden", "5").empty());
  CHECK(with("hidden", "0") == start + "'hidden' is '0', expected a number from 1 to 4096");
  CHECK(with("hidden", "4097") == start + "'hidden' is '4097', expected a number from 1 to 4096");
  CHECK(with("embedding", "99999999999999999999") ==
        start + "'embedding' is '99999999999999999999', expected a number from 1 to 4096");
  CHECK(with("layers", "2x") == start + "'layers' is '2x', expected a number from 1 to 16");
  CHECK(with("bidirectional", "") == start + "'bidirectional' is '', expected a number from 0 to 1");
  CHECK(with("labels", "") == start + "'labels' is empty");
}

TEST_CASE("weights of other sizes are found before a line is read") {
  SavedModel model = small_model(1, false);
  model.sizes.layers = 2;
  CHECK_THROWS_AS(predict_lines(model, kReference, -1, stdout), rondo::Error);
  model = small_model(1, false);
  model.labels.pop_back();
  model.sizes.labels = 2;
  CHECK_THROWS_AS(predict_lines(model, kReference, -1, stdout), rondo::Error);
}

TEST_CASE("every line has an answer: label and probability") {
  const SavedModel model = small_model(1, true);
  const auto answer = [&](const std::string& title) {
    const Answer probabilities = Predictor(model.sizes, kReference)(
        model.weights, {{.words = model.vocabulary.ids(title), .label = 0}})[0];
    REQUIRE(probabilities.size() == 3);
    const auto best = static_cast<std::size_t>(best_of(probabilities));
    char text[64];
    std::snprintf(text, sizeof text, "%s\t%.4f\n", model.labels[best].c_str(), probabilities[best]);
    return std::string(text);
  };
  CHECK(answers_to(model, "") == "");
  CHECK(answers_to(model, "game") == answer("game"));
  CHECK(answers_to(model, "Game, OF\r\n\nchess\xFF\n") == answer("game of") + answer("") + answer("chess"));
  CHECK(answers_to(model, "\n\n") == answer("") + answer(""));
  // More lines than are worked on, and than are read, at once; a line beyond what is kept of it.
  std::string lines, expected;
  const std::string game = answer("game"), of_chess = answer("of chess");
  for (int i = 0; i < 9000; ++i) {
    lines += i % 3 == 0 ? "game\n" : "of chess\n";
    expected += i % 3 == 0 ? game : of_chess;
  }
  REQUIRE(lines.size() > 65536);
  CHECK(answers_to(model, lines) == expected);
  CHECK(answers_to(model, "chess" + std::string(70000, ' ') + "game\nof\n") ==
        answer("chess") + answer("of"));
}

TEST_CASE("titles that can't be read, answers that can't be written") {
  const SavedModel model = small_model(1, false);
  CHECK_THROWS_WITH_AS(predict_lines(model, kReference, -1, stdout), "can't read titles: Bad file descriptor",
                       Failure);
  const TemporaryFolder folder;
  write_text(folder / "in", "game\n");
  const int in = open((folder / "in").c_str(), O_RDONLY);
  std::FILE* full = std::fopen("/dev/full", "w");
  CHECK_THROWS_WITH_AS(predict_lines(model, kReference, in, full),
                       "can't write answers: No space left on device", Failure);
  close(in);
  std::fclose(full);
}

TEST_CASE("lines are answered as they come") {
  const SavedModel model = small_model(1, false);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const TemporaryFolder folder;
  std::FILE* out = std::fopen((folder / "out").c_str(), "w");
  // The second line is not ended before the answer to the first was seen: it can't be, if that waits for it.
  REQUIRE(write(ends[1], "game\nche", 8) == 8);
  std::thread predictor([&] { predict_lines(model, kReference, ends[0], out); });
  while (read_text(folder / "out").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  REQUIRE(write(ends[1], "ss", 2) == 2);
  close(ends[1]);
  predictor.join();
  close(ends[0]);
  std::fclose(out);
  CHECK(read_text(folder / "out") == answers_to(model, "game\nchess"));
}
