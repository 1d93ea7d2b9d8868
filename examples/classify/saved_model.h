// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A trained classifier in a file.
#pragma once

#include <rondo/weights.h>

#include <string>
#include <vector>

#include "examples/classify/model.h"

namespace classify {

/// All that it takes to answer.
struct SavedModel {
  ModelSizes sizes;
  Vocabulary vocabulary;
  std::vector<std::string> labels;
  rondo::Weights weights;
};

/// Writes weights, with sizes, vocabulary and labels as metadata, to a safetensors file. Throws rondo::Error.
void save_model(const std::string& path, SavedModel& model);

/// Reads what save_model wrote; whether the weights have the sizes is found when they are used. Throws
/// rondo::runtime::Failure if it is no such file.
SavedModel load_model(const std::string& path);

}  // namespace classify
