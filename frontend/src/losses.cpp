// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/losses.h"

#include "frontend/src/broadcast.h"
#include "frontend/src/options.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"

namespace rondo {

namespace {

void check_cross_entropy(const Type& scores, const Type& classes, const CrossEntropyOptions& options,
                         Loc loc) {
  const bool fits = scores.rank() >= 1 && classes.dtype.is_int() &&
                    std::vector<Dim>(scores.dims.begin(), scores.dims.end() - 1) == classes.dims;
  if (!fits)
    detail::fail(
        loc, "cross_entropy: labels are integers with the dims of the logits but the last, found logits " +
                 scores.text() + " and labels " + classes.text());
  detail::check_option(options.label_smoothing >= 0 && options.label_smoothing <= 1, "cross_entropy",
                       "label_smoothing", "in 0 .. 1", options.label_smoothing, loc);
  if (options.class_weights.is_empty()) return;
  const Type expected{scores.dtype, {scores.dims.back()}}, &found = options.class_weights.type(loc);
  if (found != expected)
    detail::fail(loc, "cross_entropy: class_weights must be " + expected.text() +
                          ", one for each class of the logits, found " + found.text());
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, CrossEntropyOptions options, Loc loc) {
  CalledFrom here(loc);
  check_cross_entropy(logits.type(loc), labels.type(loc), options, loc);
  const auto& [class_weights, smoothing, ignored] = options;
  const bool weighted = !class_weights.is_empty();
  const Tensor counted = ignored ? ne(labels, *ignored) : Tensor();
  const Tensor label = ignored ? where(counted, labels, 0) : labels;

  const Tensor logp = log_softmax(logits);
  Tensor cost = -gather(logp, label, -1, labels.rank()), weight;
  if (weighted) {
    weight = gather(class_weights, label);
    cost = cost * weight;
  }
  if (smoothing != 0)
    cost = (1 - smoothing) * cost - smoothing * mean(weighted ? logp * class_weights : logp, {-1});
  if (!weighted && !ignored) return mean(cost);
  if (!weighted) weight = full(Type{logits.dtype(), labels.dims()}, 1);
  // Selected and not multiplied: what does not count may be infinite.
  if (ignored) {
    cost = where(counted, cost, 0);
    weight = where(counted, weight, 0);
  }
  return sum(cost) / sum(weight);
}

namespace {

// prediction - target, of one float type.
Tensor difference(const char* loss, const Tensor& prediction, const Tensor& target, Loc loc) {
  const Type &x = prediction.type(loc), &y = target.type(loc);
  if (x != y)
    detail::fail(loc, std::string(loss) + ": the prediction is " + x.text() + ", the target " + y.text() +
                          ": bring them to one type, by reshape or cast");
  detail::check_floats(x, loss, loc);
  return prediction - target;
}

// |d| is cut off at delta: beyond, m stays and the rest grows with slope delta.
Tensor huber_mean(const Tensor& d, double delta) {
  const Tensor size = abs(d), m = min(size, delta);
  return mean(m * (size - m / 2));
}

}  // namespace

Tensor bce_with_logits(const Tensor& logits, const Tensor& targets, BceOptions options, Loc loc) {
  CalledFrom here(loc);
  difference("bce_with_logits", logits, targets, loc);
  // -log(1 - sigmoid(x)) is x - log sigmoid(x), and -log sigmoid(x) is log(1 + exp(-x)).
  Tensor truth = log1p(exp(-abs(logits))) + max(-logits, 0);
  if (!options.positive_weight.is_empty()) {
    const Type &found = options.positive_weight.type(loc), &x = logits.type();
    if (x.rank() == 0 || found != Type{x.dtype, {x.dims.back()}})
      detail::fail(loc, "bce_with_logits: positive_weight must have one dim, the last of the logits " +
                            x.text() + ", and their element type, found " + found.text());
    truth = truth * (1 + (options.positive_weight - 1) * targets);
  }
  return mean((1 - targets) * logits + truth);
}

Tensor mse(const Tensor& prediction, const Tensor& target, Loc loc) {
  CalledFrom here(loc);
  const Tensor d = difference("mse", prediction, target, loc);
  return mean(d * d);
}

Tensor l1(const Tensor& prediction, const Tensor& target, Loc loc) {
  CalledFrom here(loc);
  return mean(abs(difference("l1", prediction, target, loc)));
}

Tensor huber(const Tensor& prediction, const Tensor& target, double delta, Loc loc) {
  CalledFrom here(loc);
  detail::check_positive("huber", "delta", delta, loc);
  return huber_mean(difference("huber", prediction, target, loc), delta);
}

Tensor smooth_l1(const Tensor& prediction, const Tensor& target, double beta, Loc loc) {
  CalledFrom here(loc);
  detail::check_not_negative("smooth_l1", "beta", beta, loc);
  if (beta == 0) return l1(prediction, target);
  return huber_mean(difference("smooth_l1", prediction, target, loc), beta) / beta;
}

}  // namespace rondo
