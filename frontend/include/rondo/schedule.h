// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <utility>

#include "rondo/tensor.h"

namespace rondo {

/// A learning rate that may change from one update of the weights to the next. It is computed inside the
/// training step, in f64, from how many updates were made before: 0 at the first. A number is a schedule too:
/// it stays.
class Schedule {
 public:
  /// Throws Error unless `rate` is finite and 0 or more.
  Schedule(double rate, Loc loc = {});
  /// One of your own: it is called while tracing with the number of updates before, f64[], and returns the
  /// rate, f64[].
  template <std::invocable<const Tensor&> F>
  Schedule(F rate) : rate_(std::move(rate)) {}

  /// The rate at the update before which `updates`, f64[], were made. Throws Error if a schedule of your own
  /// returns another type than f64[].
  Tensor at(const Tensor& updates, Loc loc = {}) const;

 private:
  std::function<Tensor(const Tensor& updates)> rate_;
};

// The schedules below throw Error, when they are made, unless `rate` and `last` are finite and 0 or more,
// `factor` is above 0, and counts of updates are 1 or more. In their formulas k is the number of updates
// before.

/// rate * factor^floor(k / every): PyTorch's StepLR, where one counts epochs instead of updates.
Schedule step_decay(double rate, int64_t every, double factor, Loc loc = {});

/// rate * factor^(k / every): with `every` = 1 PyTorch's ExponentialLR, otherwise Keras's ExponentialDecay.
Schedule exponential_decay(double rate, int64_t every, double factor, Loc loc = {});

/// last + (rate - last) * (1 + cos(pi * min(k / updates, 1))) / 2: half a wave from `rate` down to `last`,
/// where it stays (Loshchilov, Hutter: "SGDR", 2017, without restarts; PyTorch's CosineAnnealingLR would rise
/// again).
Schedule cosine_decay(double rate, int64_t updates, double last = 0, Loc loc = {});

/// `then` behind a linear rise: its first rate times start + (1 - start) * k / updates while k < updates, and
/// from then on `then`, as if its own updates began there. `start` lies in 0 .. 1.
Schedule linear_warmup(int64_t updates, Schedule then, double start = 0, Loc loc = {});

}  // namespace rondo
