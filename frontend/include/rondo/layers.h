// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rondo/functions.h"
#include "rondo/nn.h"
#include "rondo/scan.h"

namespace rondo::nn {

struct LayersOptions {
  int64_t layers = 1;
  /// Beside each cell a second one runs from the last time position to the first; the next layer reads what
  /// both give, side by side (Schuster, Paliwal, 1997).
  bool bidirectional = false;
  /// The rate of dropout on what one layer gives to the next (Zaremba et al., 2014).
  double dropout = 0;
};

template <class State>
struct LayersInput {
  /// i32 or i64 [rows]: as scan takes it.
  Tensor length = {};
  /// The states before the first time step, of each layer the forward one before the reverse one, instead of
  /// cell.initial(rows).
  std::vector<State> initial = {};
};

/// `width` is that of a cell's h, with both directions twice that.
template <class State>
struct LayersRun {
  Tensor last;  // [rows, width]: h of the last layer, after the last time step of each direction
  Tensor all;   // [time, rows, width]: h of the last layer at each time position
  std::vector<State> states;  // after the last time step, in the order of LayersInput::initial
};

}  // namespace rondo::nn

namespace rondo::detail {
/// Throw Error if the options, or the number of initial states, make no sense.
void check_layers(const std::string& name, const nn::LayersOptions& options, Loc loc);
void check_initial_states(const std::string& name, std::size_t expected, std::size_t found, Loc loc);
}  // namespace rondo::detail

namespace rondo::nn {

/// Layers of recurrent cells, each over the outputs of the one before. A Cell is made by Cell(name, inputs,
/// hidden, loc) and its State has a Tensor h, which is its output: nn::Rnn, nn::Lstm and nn::Gru are such, and
/// so may be a cell of the user's. The cells are called `name.l0`, `name.l1`, .. and `name.l0_reverse`, ..,
/// which stands before the names of their weights.
template <class Cell>
class Layers {
 public:
  using State = typename Cell::State;

  Layers(const std::string& name, int64_t inputs, int64_t hidden, LayersOptions options = {}, Loc loc = {})
      : name_(name), dropout_(options.dropout), directions_(options.bidirectional ? 2 : 1) {
    detail::check_layers(name, options, loc);
    for (int64_t layer = 0; layer < options.layers; ++layer) {
      const std::string cell = name + ".l" + std::to_string(layer);
      const int64_t width = layer == 0 ? inputs : static_cast<int64_t>(directions_) * hidden;
      cells_.emplace_back(cell, width, hidden, loc);
      if (options.bidirectional) cells_.emplace_back(cell + "_reverse", width, hidden, loc);
    }
  }

  /// x [time, rows, inputs]. Throws Error where scan does, and if there is not one initial state a cell.
  LayersRun<State> operator()(Tensor x, LayersInput<State> input = {}, Loc loc = {}) const {
    CalledFrom here(loc);
    if (!input.initial.empty()) detail::check_initial_states(name_, cells_.size(), input.initial.size(), loc);
    LayersRun<State> run;
    for (std::size_t first = 0; first < cells_.size(); first += directions_) {
      if (first > 0 && dropout_ > 0)
        x = dropout(name_ + ".l" + std::to_string(first / directions_), dropout_)(x);
      std::vector<Tensor> last, all;
      for (std::size_t i = first; i < first + directions_; ++i) {
        ScanOptions<State> options{.length = input.length, .reverse = i > first};
        if (!input.initial.empty()) options.initial = input.initial[i];
        const Run<State> one = scan(cells_[i], x, options);
        last.push_back(one.last.h);
        all.push_back(one.all.h);
        run.states.push_back(one.last);
      }
      run.last = side_by_side(last);
      run.all = x = side_by_side(all);
    }
    return run;
  }

 private:
  static Tensor side_by_side(const std::vector<Tensor>& parts) {
    return parts.size() == 1 ? parts[0] : concat(parts, -1);
  }

  std::string name_;
  double dropout_;
  std::size_t directions_;
  std::vector<Cell> cells_;  // a layer's directions stand together
};

template <class Cell>
Layers<Cell> layers(const std::string& name, int64_t inputs, int64_t hidden, LayersOptions options = {},
                    Loc loc = {}) {
  return {name, inputs, hidden, options, loc};
}

}  // namespace rondo::nn
