// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The title classifier and its data as arrays.
#pragma once

#include <rondo/rondo.h>

#include <cstdint>
#include <span>
#include <vector>

namespace classify {

struct ModelSizes {
  std::int64_t vocabulary;
  std::int64_t embedding = 64;
  std::int64_t hidden = 128;
  std::int64_t labels = 16;
};

/// Embedding, dropout, LSTM over the true lengths, dropout, linear: words i32[T,B] and length i32[B] to
/// logits f32[B,labels].
rondo::Tensor logits(const ModelSizes& sizes, const rondo::Tensor& words, const rondo::Tensor& length);

/// A title as the model sees it.
struct Sample {
  std::vector<std::int32_t> words;
  std::int32_t label;
};

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
