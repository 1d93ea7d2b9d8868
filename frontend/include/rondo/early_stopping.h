// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

#include "ir/loc.h"

namespace rondo {

struct EarlyStoppingOptions {
  int64_t patience = 1;            // so many measures in a row may fail to improve
  double least_change = 0;         // an improvement is by more than this
  bool greater_is_better = false;  // as of accuracies; losses shrink
};

/// Tells when training no longer pays, by one measure a round, such as the loss on held-out data:
///   EarlyStopping stopping({.patience = 3});
///   Weights best = weights;
///   while (!stopping.should_stop()) {
///     ..  // an epoch
///     if (stopping.improves(loss)) best = weights;
///   }
/// It lives on the host, beside the training loop.
class EarlyStopping {
 public:
  /// Throws Error unless `patience` is 1 or more and `least_change` finite and 0 or more.
  explicit EarlyStopping(EarlyStoppingOptions options = {}, Loc loc = {});

  /// Takes the next measure. True if it is the first, or better than the best by more than `least_change`;
  /// NaN is never better.
  bool improves(double measure);
  /// True once `patience` measures in a row were no improvement.
  bool should_stop() const { return failures_ >= options_.patience; }

  /// The best measure, NaN before there is one, and how many came before it.
  double best() const { return best_; }
  int64_t best_round() const { return best_round_; }

 private:
  EarlyStoppingOptions options_;
  double best_;
  int64_t best_round_ = 0, rounds_ = 0, failures_ = 0;
};

}  // namespace rondo
