// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "rondo/fields.h"
#include "rondo/scan.h"
#include "rondo/tensor.h"

// What disturbs a recurrent network while it is trained. Plain dropout is in nn.h: in a cell it draws a new
// mask at each time step. Names are those of random numbers; each is used once.
namespace rondo {

namespace detail {
/// `name` and its rates, one for each field of a state or one for all.
struct ZoneoutRates {
  ZoneoutRates(const std::string& name, std::vector<double> rates, Loc loc);
  /// The state after a time step: fields `before` and `after` are mixed. Throws Error if their number is not
  /// that of the rates.
  std::vector<Tensor> mixed(const NamedTensors& before, const NamedTensors& after) const;

  std::string name;
  std::vector<double> rates;
  Loc loc;
};

}  // namespace detail

namespace nn {

/// While training, 0 with probability `rate` and else 1 / (1 - rate), f32; else 1. Made outside of a cell and
/// multiplied inside, it is one mask for all time steps: `dot(s.h * mask, U)` (Gal, Ghahramani: "A
/// theoretically grounded application of dropout in recurrent neural networks", 2016).
Tensor dropout_mask(const std::string& name, double rate, const std::vector<Dim>& dims, Loc loc = {});

/// Dropout of a sequence x [time, ..] by one mask for all its time steps (Gal, Ghahramani, 2016); else x. It
/// throws Error for a scalar.
class VariationalDropout {
 public:
  VariationalDropout(const std::string& name, double rate, Loc loc = {});
  Tensor operator()(const Tensor& x, Loc loc = {}) const;

 private:
  std::string name_;
  double rate_;
};
inline VariationalDropout variational_dropout(const std::string& name, double rate, Loc loc = {}) {
  return {name, rate, loc};
}

/// A cell around `cell`, with its state and its outs. While training, each element of the state keeps its value
/// of the time step before with probability `rate`; else the state is the mean of that, rate times before plus
/// 1 - rate times after (Krueger et al.: "Zoneout", 2017). One rate is for all fields, several are for the
/// fields in their order: the paper's {0.05, 0.5} for an LSTM's {h, c}.
template <class Cell>
class Zoneout {
 public:
  using State = typename detail::StateOf<Cell>::type;

  Zoneout(const std::string& name, Cell cell, std::vector<double> rates, Loc loc = {})
      : cell_(std::move(cell)), rates_(name, std::move(rates), loc) {}

  State initial(Dim rows) const
    requires requires(const Cell& cell) { cell.initial(Dim()); }
  {
    return cell_.initial(rows);
  }

  template <class X>
  auto operator()(const X& x, const State& state, const Tensor& time) const {
    const auto result = detail::call_cell(cell_, x, state, time);
    if constexpr (detail::is_step<std::remove_const_t<decltype(result)>>)
      return Step{mixed(state, result.state), result.out};
    else
      return mixed(state, result);
  }

 private:
  State mixed(const State& before, const State& after) const {
    using detail::fields_of, detail::list_of;
    return fields_of<State>(rates_.mixed(list_of(before), list_of(after)));
  }

  Cell cell_;
  detail::ZoneoutRates rates_;
};
template <class Cell>
Zoneout<Cell> zoneout(const std::string& name, Cell cell, std::vector<double> rates, Loc loc = {}) {
  return {name, std::move(cell), std::move(rates), loc};
}

}  // namespace nn
}  // namespace rondo
