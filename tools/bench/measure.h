// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "tools/bench/cells.h"

namespace rondo::bench {

enum class Mode { train, infer, compile };

struct Request {
  const Cell* cell;
  Shape shape;
  Mode mode = Mode::train;
  int rounds = 9;
  Options options = {};
  double memory = 1;  // a share of what a call takes without a limit, to which it is limited; 1: no limit
};

/// What one model took. Rates are those of dots alone: what else is computed takes time and counts for nothing.
struct Measured {
  double ms = 0, ms_min = 0, ms_max = 0;  // of one call: medians of rounds, and their range
  double gflops = 0, peak_gflops = 0;     // of dots; of the threads at the same time
  Counters counters;
  int64_t peak_bytes = 0;  // of the process
};

/// Measures models side by side: rounds take turns, so that all see the same weather. A round is as many calls as fit
/// into 50 ms, or one, or in mode compile one compilation; the peak is measured between rounds. Throws Error if a shape
/// does not fit its model.
std::vector<Measured> measure(const std::vector<Request>& requests);

}  // namespace rondo::bench
