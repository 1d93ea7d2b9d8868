// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>

#include "rondo/tensor.h"

// Losses are means, as PyTorch's are by default: a scalar of the prediction's type, NaN if there is nothing to
// average, with gradients that are then 0. They take floats of any type, and throw Error naming `loc` where
// types do not fit.
namespace rondo {

struct CrossEntropyOptions {
  /// [classes], of the logits' element type: how much a row counts, by its label.
  Tensor class_weights = {};
  /// How much of a row's target, 0 .. 1, is spread evenly over all classes (Szegedy et al., 2016).
  double label_smoothing = 0;
  /// Rows with this label, which may be no class, do not count.
  std::optional<int64_t> ignore_index = {};
};
/// The mean of -log softmax(logits)[label] over all rows: logits [.., classes], labels [..] i32 or i64. A
/// label outside 0 .. classes-1 is an error of the run. With options, w being the class weights:
///   sum over counted rows of ((1 - smoothing) w[label] -logp[label] + smoothing mean over c of w[c] -logp[c])
///   / sum over counted rows of w[label].
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, CrossEntropyOptions options = {},
                     Loc loc = {});

struct BceOptions {
  /// [n], n being the last dim of the logits: how much a truth counts, in units of what a falsehood does.
  Tensor positive_weight = {};
};
/// The mean binary cross-entropy of sigmoid(logits) over all elements, without overflow for any finite logit;
/// targets are probabilities and have the logits' type:
///   positive_weight target -log sigmoid(logit) + (1 - target) -log(1 - sigmoid(logit)).
Tensor bce_with_logits(const Tensor& logits, const Tensor& targets, BceOptions options = {}, Loc loc = {});

/// The mean of (prediction - target)^2 over all elements; both have one type.
Tensor mse(const Tensor& prediction, const Tensor& target, Loc loc = {});

/// The mean of |prediction - target|, whose slope is 0 at 0.
Tensor l1(const Tensor& prediction, const Tensor& target, Loc loc = {});

/// The mean, d being prediction - target, of d^2 / 2 where |d| <= delta, else of delta (|d| - delta / 2)
/// (Huber, 1964). `delta` is above 0.
Tensor huber(const Tensor& prediction, const Tensor& target, double delta = 1, Loc loc = {});

/// huber(.., beta) / beta: the slope is 1 beyond beta, which is 0 or more; with 0 it is l1 (Girshick, 2015).
Tensor smooth_l1(const Tensor& prediction, const Tensor& target, double beta = 1, Loc loc = {});

}  // namespace rondo
