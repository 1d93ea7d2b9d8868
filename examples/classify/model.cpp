// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/model.h"

#include <algorithm>

namespace classify {

using namespace rondo;

Tensor logits(const ModelSizes& sizes, const Tensor& words, const Tensor& length) {
  const double drop = 0.3;
  Tensor x =
      nn::dropout("drop_words", drop)(nn::embedding("words", sizes.vocabulary, sizes.embedding)(words));
  const auto lstm =
      nn::layers<nn::Lstm>("lstm", sizes.embedding, sizes.hidden,
                           {.layers = sizes.layers, .bidirectional = sizes.bidirectional, .dropout = drop});
  return nn::linear("out", sizes.labels)(nn::dropout("drop_last", drop)(lstm(x, {.length = length}).last));
}

Batch make_batch(std::span<const Sample> samples, std::span<const std::size_t> indices) {
  const auto rows = static_cast<std::int64_t>(indices.size());
  std::int64_t longest = 0;
  for (const std::size_t i : indices)
    longest = std::max(longest, static_cast<std::int64_t>(samples[i].words.size()));
  Batch batch{Array::zeros(runtime::ElementType::i32, {longest, rows}),
              Array::zeros(runtime::ElementType::i32, {rows}),
              Array::zeros(runtime::ElementType::i32, {rows})};
  for (std::int64_t row = 0; row < rows; ++row) {
    const Sample& sample = samples[indices[static_cast<std::size_t>(row)]];
    for (std::size_t t = 0; t < sample.words.size(); ++t)
      batch.words.data<std::int32_t>()[t * static_cast<std::size_t>(rows) + static_cast<std::size_t>(row)] =
          sample.words[t];
    batch.length.data<std::int32_t>()[row] = static_cast<std::int32_t>(sample.words.size());
    batch.label.data<std::int32_t>()[row] = sample.label;
  }
  return batch;
}

std::vector<Type> word_types() {
  const Dim T("T"), B("B");
  return {i32[{T, B}], i32[{B}]};
}

}  // namespace classify
