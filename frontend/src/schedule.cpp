// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/schedule.h"

#include "frontend/src/options.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"

namespace rondo {

Schedule::Schedule(double rate, Loc loc) {
  detail::check_not_negative("learning rate", "a constant", rate, loc);
  rate_ = [rate](const Tensor&) { return full(f64[{}], rate); };
}

Tensor Schedule::at(const Tensor& updates, Loc loc) const {
  CalledFrom here(loc);
  const Tensor rate = rate_(updates);
  if (rate.type() != f64[{}])
    detail::fail(loc, "a schedule returns the rate as f64[], found " + rate.type().text() +
                          "; convert it by cast(x, f64)");
  return rate;
}

Schedule step_decay(double rate, int64_t every, double factor, Loc loc) {
  detail::check_not_negative("step_decay", "rate", rate, loc);
  detail::check_count("step_decay", "every", every, loc);
  detail::check_positive("step_decay", "factor", factor, loc);
  return [=](const Tensor& k) { return rate * pow(factor, floor(k / every)); };
}

Schedule exponential_decay(double rate, int64_t every, double factor, Loc loc) {
  detail::check_not_negative("exponential_decay", "rate", rate, loc);
  detail::check_count("exponential_decay", "every", every, loc);
  detail::check_positive("exponential_decay", "factor", factor, loc);
  return [=](const Tensor& k) { return rate * pow(factor, k / every); };
}

// (1 + cos(pi p)) / 2 is the square of sin(pi/2 (1 - p)), which is exact at the end.
Schedule cosine_decay(double rate, int64_t updates, double last, Loc loc) {
  detail::check_not_negative("cosine_decay", "rate", rate, loc);
  detail::check_count("cosine_decay", "updates", updates, loc);
  detail::check_not_negative("cosine_decay", "last", last, loc);
  return [=](const Tensor& k) {
    const Tensor sine = sin(1.5707963267948966 * (1 - min(k / updates, 1)));
    return last + (rate - last) * (sine * sine);
  };
}

Schedule linear_warmup(int64_t updates, Schedule then, double start, Loc loc) {
  detail::check_count("linear_warmup", "updates", updates, loc);
  detail::check_option(start >= 0 && start <= 1, "linear_warmup", "start", "in 0 .. 1", start, loc);
  return [=, then = std::move(then)](const Tensor& k) {
    const Tensor risen = start + (1 - start) * (min(k, updates) / updates);
    return then.at(max(k - updates, 0)) * risen;
  };
}

}  // namespace rondo
