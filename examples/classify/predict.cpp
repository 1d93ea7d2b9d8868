// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/predict.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <span>
#include <string>

#include "runtime/failure.h"
#include "runtime/text.h"

namespace classify {

using namespace rondo;

namespace {

constexpr std::size_t kMostLineBytes = 64 * 1024;

// What came next, as soon as something came; empty at the end.
std::span<const char> read_some(int handle, std::span<char> buffer) {
  for (;;) {
    const ssize_t got = read(handle, buffer.data(), buffer.size());
    if (got >= 0) return buffer.first(static_cast<std::size_t>(got));
    if (errno != EINTR) throw runtime::Failure(std::string("can't read titles: ") + std::strerror(errno));
  }
}

void print_answers(const std::vector<std::string>& labels, const std::vector<Answer>& answers,
                   std::FILE* out) {
  for (const Answer& answer : answers) {
    const auto best = static_cast<std::size_t>(best_of(answer));
    std::fprintf(out, "%s\t%.4f\n", runtime::printable(labels[best]).c_str(), answer[best]);
  }
  if (std::fflush(out) != 0)
    throw runtime::Failure(std::string("can't write answers: ") + std::strerror(errno));
}

}  // namespace

int best_of(const Answer& answer) {
  return static_cast<int>(std::max_element(answer.begin(), answer.end()) - answer.begin());
}

Predictor::Predictor(const ModelSizes& sizes, const Options& options)
    : probabilities_(
          compile([sizes](Tensor words, Tensor length) { return softmax(logits(sizes, words, length)); },
                  word_types(), options)) {}

std::vector<Answer> Predictor::operator()(const Weights& weights, const std::vector<Sample>& samples) const {
  std::vector<Answer> answers;
  for (std::size_t first = 0; first < samples.size(); first += kBatchSize) {
    std::vector<std::size_t> indices(std::min(kBatchSize, samples.size() - first));
    std::iota(indices.begin(), indices.end(), first);
    const Batch batch = make_batch(samples, indices);
    const Array probabilities = probabilities_(weights, batch.words, batch.length);
    const auto labels = static_cast<std::size_t>(probabilities.shape()[1]);
    for (auto row = probabilities.data<float>(); !row.empty(); row = row.subspan(labels))
      answers.emplace_back(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(labels));
  }
  return answers;
}

void predict_lines(const SavedModel& model, const Options& options, int in, std::FILE* out) {
  const Predictor predictor(model.sizes, options);
  predictor(model.weights,
            {Sample{}});  // if the weights are not the model's, this tells before a line is read
  std::vector<Sample> samples;
  std::string line;
  const auto end_line = [&] {
    samples.push_back({model.vocabulary.ids(lower_case(line)), 0});
    line.clear();
  };
  const auto answer = [&] {
    print_answers(model.labels, predictor(model.weights, samples), out);
    samples.clear();
  };
  std::vector<char> buffer(1 << 16);
  for (;;) {
    const std::span<const char> bytes = read_some(in, buffer);
    if (bytes.empty()) break;
    for (const char byte : bytes) {
      if (byte == '\n')
        end_line();
      else if (line.size() < kMostLineBytes)
        line += byte;
    }
    answer();
  }
  if (!line.empty()) end_line();
  answer();
}

}  // namespace classify
