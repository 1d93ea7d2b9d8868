// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The title classifier and its data as arrays.
#pragma once

#include <rondo/rondo.h>

#include <cstdint>
#include <span>
#include <vector>

#include "examples/classify/vocabulary.h"

namespace classify {

inline constexpr std::int64_t kMostWidth = 4096, kMostLayers = 16;

inline constexpr std::size_t kBatchSize = 64;  // titles that are worked on at once

struct ModelSizes {
  std::int64_t vocabulary;
  std::int64_t labels;
  std::int64_t embedding = 64;
  std::int64_t hidden = 128;
  std::int64_t layers = 1;
  bool bidirectional = false;
};

/// Embedding, dropout, layers of LSTM over the true lengths with dropout between them, dropout of their final
/// states, linear: words i32[T,B] and length i32[B] to logits f32[B,labels].
rondo::Tensor logits(const ModelSizes& sizes, const rondo::Tensor& words, const rondo::Tensor& length);

struct Batch {
  rondo::Array words;   // i32[T,B], padded with 0
  rondo::Array length;  // i32[B]
  rondo::Array label;   // i32[B]
};

/// The samples of these indices side by side, as long as the longest of them.
Batch make_batch(std::span<const Sample> samples, std::span<const std::size_t> indices);

/// What train_step and compile are given for a Batch: the types of words and length, and of label.
std::vector<rondo::Type> word_types();

}  // namespace classify
