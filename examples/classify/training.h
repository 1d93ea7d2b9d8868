// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Learning from titles.
#pragma once

#include <rondo/rondo.h>

#include <cstdint>
#include <vector>

#include "examples/classify/model.h"
#include "runtime/signals.h"

namespace classify {

/// Takes the words, lengths and labels of a Batch; gives its loss and how many answers were right.
using TrainingStep = rondo::Compiled<rondo::Results<2>, 3>;
TrainingStep training_step(const ModelSizes& sizes, const rondo::Options& options);

/// Trains until the last epoch or a signal, and shows how it gets on.
void train(const TrainingStep& step, rondo::Weights& weights, const std::vector<Sample>& samples, int epochs,
           std::uint64_t seed, const rondo::runtime::StopSignals& signals);

}  // namespace classify
