// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/saved_model.h"

#include <charconv>
#include <map>
#include <utility>

#include "runtime/failure.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"

namespace classify {

namespace {

using rondo::runtime::Failure;
using rondo::runtime::quoted;

using Metadata = std::map<std::string, std::string>;

// Words hold no line break, and labels no control character.
std::string joined(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) lines += (lines.empty() ? "" : "\n") + text;
  return lines;
}

std::vector<std::string> parted(const std::string& lines) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    texts.push_back(lines.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

const std::string& text_at(const Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw Failure("there is no metadata '" + key + "'");
  return found->second;
}

std::int64_t number_at(const Metadata& metadata, const std::string& key, std::int64_t least,
                       std::int64_t most) {
  const std::string& text = text_at(metadata, key);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most)
    throw Failure("metadata '" + key + "' is " + quoted(text) + ", expected a number from " +
                  std::to_string(least) + " to " + std::to_string(most));
  return number;
}

SavedModel model_of(rondo::runtime::TensorFile file) {
  const Metadata& metadata = file.metadata;
  SavedModel model{.sizes = {},
                   .vocabulary = Vocabulary(parted(text_at(metadata, "vocabulary"))),
                   .labels = parted(text_at(metadata, "labels")),
                   .weights = {}};
  if (model.labels.empty()) throw Failure("metadata 'labels' is empty");
  model.sizes = {.vocabulary = model.vocabulary.size(),
                 .labels = static_cast<std::int64_t>(model.labels.size()),
                 .embedding = number_at(metadata, "embedding", 1, kMostWidth),
                 .hidden = number_at(metadata, "hidden", 1, kMostWidth),
                 .layers = number_at(metadata, "layers", 1, kMostLayers),
                 .bidirectional = number_at(metadata, "bidirectional", 0, 1) == 1};
  for (auto& [name, array] : file.tensors) model.weights.set(name, std::move(array));
  return model;
}

}  // namespace

void save_model(const std::string& path, SavedModel& model) {
  model.weights.metadata = {{"vocabulary", joined(model.vocabulary.words())},
                            {"labels", joined(model.labels)},
                            {"embedding", std::to_string(model.sizes.embedding)},
                            {"hidden", std::to_string(model.sizes.hidden)},
                            {"layers", std::to_string(model.sizes.layers)},
                            {"bidirectional", model.sizes.bidirectional ? "1" : "0"}};
  model.weights.save(path);
}

SavedModel load_model(const std::string& path) {
  rondo::runtime::TensorFile file = rondo::runtime::read_safetensors(path);
  try {
    return model_of(std::move(file));
  } catch (const Failure& failure) {
    throw Failure(quoted(path) + " was not saved by this program: " + failure.what());
  }
}

}  // namespace classify
