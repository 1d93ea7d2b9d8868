// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a trained classifier makes of titles.
#pragma once

#include <rondo/rondo.h>

#include <cstdio>
#include <vector>

#include "examples/classify/saved_model.h"

namespace classify {

/// The model's answer to one title: the probability of each label.
using Answer = std::vector<float>;

/// The label that is most probable, the first of equals.
int best_of(const Answer& answer);

/// A compiled model.
class Predictor {
 public:
  Predictor(const ModelSizes& sizes, const rondo::Options& options);
  /// One answer a sample, whose labels do not matter. Throws rondo::Error if the weights are not such.
  std::vector<Answer> operator()(const rondo::Weights& weights, const std::vector<Sample>& samples) const;

 private:
  rondo::Compiled<rondo::Array, 2> probabilities_;
};

/// Answers the lines that the handle `in` gives, each in turn, by "label TAB probability". All lines that have
/// come are answered before more are waited for. A line is kept to its first 64 KiB. Throws rondo::Error if the
/// weights do not fit the sizes, rondo::runtime::Failure if reading or writing fails.
void predict_lines(const SavedModel& model, const rondo::Options& options, int in, std::FILE* out);

}  // namespace classify
