// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/early_stopping.h"

#include <cmath>
#include <limits>

#include "frontend/src/options.h"

namespace rondo {

EarlyStopping::EarlyStopping(EarlyStoppingOptions options, Loc loc)
    : options_(options), best_(std::numeric_limits<double>::quiet_NaN()) {
  detail::check_count("EarlyStopping", "patience", options.patience, loc);
  detail::check_not_negative("EarlyStopping", "least_change", options.least_change, loc);
}

bool EarlyStopping::improves(double measure) {
  const double change = options_.greater_is_better ? measure - best_ : best_ - measure;
  const bool better = std::isnan(best_) ? !std::isnan(measure) : change > options_.least_change;
  if (better) {
    best_ = measure;
    best_round_ = rounds_;
  }
  failures_ = better ? 0 : failures_ + 1;
  ++rounds_;
  return better;
}

}  // namespace rondo
