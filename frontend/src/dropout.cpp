// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/dropout.h"

#include "frontend/src/options.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"
#include "rondo/nn.h"
#include "rondo/param.h"

namespace rondo {

namespace detail {

ZoneoutRates::ZoneoutRates(const std::string& name, std::vector<double> rates, Loc loc)
    : name(name), rates(std::move(rates)), loc(place(loc)) {
  for (const double rate : this->rates)
    check_option(rate >= 0 && rate <= 1, "zoneout '" + name + "'", "a rate", "in 0 .. 1", rate, loc);
}

std::vector<Tensor> ZoneoutRates::mixed(const NamedTensors& before, const NamedTensors& after) const {
  if (rates.size() != 1 && rates.size() != before.size())
    fail(loc, "zoneout '" + name + "': the state has " + std::to_string(before.size()) +
                  " fields, but there are " + std::to_string(rates.size()) + " rates: give one, or one each");
  CalledFrom here(loc);
  const bool draws = training(loc);
  std::vector<Tensor> state;
  for (size_t i = 0; i < before.size(); ++i) {
    const auto& [field, old] = before[i];
    const Tensor& next = after[i].second;
    const double rate = rates[rates.size() == 1 ? 0 : i];
    if (rate == 0)
      state.push_back(next);
    else if (draws)
      state.push_back(
          where(random_uniform(field.empty() ? name : name + "." + field, old.dims()) < rate, old, next));
    else
      state.push_back(rate * old + (1 - rate) * next);
  }
  return state;
}

}  // namespace detail

namespace nn {

Tensor dropout_mask(const std::string& name, double rate, const std::vector<Dim>& dims, Loc loc) {
  CalledFrom here(loc);
  return dropout(name, rate, loc)(full(f32[dims], 1));
}

VariationalDropout::VariationalDropout(const std::string& name, double rate, Loc loc)
    : name_(name), rate_(rate) {
  detail::check_fraction("variational_dropout '" + name + "'", "the rate", rate, loc);
}

Tensor VariationalDropout::operator()(const Tensor& x, Loc loc) const {
  if (x.rank(loc) == 0)
    detail::fail(loc, "variational_dropout '" + name_ +
                          "': a sequence has the time as its first dim, found " + x.type(loc).text());
  if (!training(loc)) return x;
  CalledFrom here(loc);
  std::vector<Dim> dims = x.dims();
  dims[0] = 1;
  return where(random_uniform(name_, dims) >= rate_, x / (1 - rate_), 0);
}

}  // namespace nn
}  // namespace rondo
