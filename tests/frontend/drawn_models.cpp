// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/drawn_models.h"

#include <array>
#include <cmath>
#include <vector>

namespace rondo::testing {

namespace {

// Cells as a user writes them, besides those of nn::.
struct UserCell {
  UserCell(std::string name, int64_t inputs, int64_t hidden)
      : name(std::move(name)), inputs(inputs), hidden(hidden) {}
  Tensor weight(const std::string& of, const std::vector<Dim>& dims) const {
    const double limit = 1 / std::sqrt(static_cast<double>(hidden));
    return param(name + "." + of, f32[dims], uniform(-limit, limit));
  }
  std::string name;
  int64_t inputs, hidden;
};

struct WithoutMemory : UserCell {
  struct State {
    Tensor h;
  };
  using UserCell::UserCell;
  State initial(Dim rows) const { return {zeros({rows, hidden})}; }
};

struct WithMemory : UserCell {
  struct State {
    Tensor h, c;
  };
  using UserCell::UserCell;
  State initial(Dim rows) const { return {zeros({rows, hidden}), zeros({rows, hidden})}; }
};

// x W + h U + b for several gates at once.
struct Gates {
  Gates(const UserCell& cell, int64_t gates)
      : W(cell.weight("W", {cell.inputs, gates * cell.hidden})),
        U(cell.weight("U", {cell.hidden, gates * cell.hidden})),
        b(cell.weight("b", {gates * cell.hidden})) {}
  Tensor operator()(const Tensor& x, const Tensor& h) const { return dot(x, W) + b + dot(h, U); }
  Tensor W, U, b;
};

struct ResetBeforeGru : WithoutMemory {
  using WithoutMemory::WithoutMemory;
  Tensor W = weight("W", {inputs, 3 * hidden}), U = weight("U", {hidden, 2 * hidden}),
         V = weight("V", {hidden, hidden});
  State operator()(const Tensor& x, const State& s) const {
    auto [xr, xz, xn] = split<3>(dot(x, W));
    auto [hr, hz] = split<2>(dot(s.h, U));
    const Tensor r = sigmoid(xr + hr), z = sigmoid(xz + hz), n = tanh(xn + dot(r * s.h, V));
    return {(1 - z) * n + z * s.h};
  }
};

struct Peephole : WithMemory {
  using WithMemory::WithMemory;
  Gates gates{*this, 4};
  Tensor pi = weight("pi", {hidden}), pf = weight("pf", {hidden}), po = weight("po", {hidden});
  State operator()(const Tensor& x, const State& s) const {
    auto [i, f, g, o] = split<4>(gates(x, s.h));
    const Tensor c = sigmoid(f + pf * s.c) * s.c + sigmoid(i + pi * s.c) * tanh(g);
    return {sigmoid(o + po * c) * tanh(c), c};
  }
};

struct Coupled : WithMemory {
  using WithMemory::WithMemory;
  Gates gates{*this, 3};
  State operator()(const Tensor& x, const State& s) const {
    auto [f, g, o] = split<3>(gates(x, s.h));
    const Tensor keep = sigmoid(f), c = keep * s.c + (1 - keep) * tanh(g);
    return {sigmoid(o) * tanh(c), c};
  }
};

struct LayerNormLstm : WithMemory {
  using WithMemory::WithMemory;
  Tensor W = weight("W", {inputs, 4 * hidden}), U = weight("U", {hidden, 4 * hidden}),
         b = weight("b", {4 * hidden}), gx = weight("gx", {4 * hidden}), gh = weight("gh", {4 * hidden}),
         gc = weight("gc", {hidden}), bc = weight("bc", {hidden});
  State operator()(const Tensor& x, const State& s) const {
    auto [i, f, g, o] = split<4>(gx * layer_norm(dot(x, W)) + gh * layer_norm(dot(s.h, U)) + b);
    const Tensor c = sigmoid(f) * s.c + sigmoid(i) * tanh(g);
    return {sigmoid(o) * tanh(gc * layer_norm(c) + bc), c};
  }
};

struct MinimalGated : WithoutMemory {
  using WithoutMemory::WithoutMemory;
  Tensor W = weight("W", {inputs, 2 * hidden}), b = weight("b", {2 * hidden}),
         Uf = weight("Uf", {hidden, hidden}), Un = weight("Un", {hidden, hidden});
  State operator()(const Tensor& x, const State& s) const {
    auto [xf, xn] = split<2>(dot(x, W) + b);
    const Tensor f = sigmoid(xf + dot(s.h, Uf)), n = tanh(xn + dot(f * s.h, Un));
    return {(1 - f) * s.h + f * n};
  }
};

// With other random numbers in each time step, so its loop reads the time.
struct DroppedLstm : nn::Lstm {
  DroppedLstm(const std::string& name, int64_t inputs, int64_t hidden)
      : Lstm(name, inputs, hidden), drop(nn::dropout(name + ".state", 0.3)) {}
  State operator()(const Tensor& x, const State& s) const { return Lstm::operator()(x, {drop(s.h), s.c}); }
  nn::Dropout drop;
};

struct ZoneoutGru : nn::Zoneout<nn::Gru> {
  ZoneoutGru(const std::string& name, int64_t inputs, int64_t hidden)
      : Zoneout(name + ".zoneout", nn::gru(name, inputs, hidden), {0.2}) {}
};

// h, after the last time step and after each one.
struct States {
  Tensor last, all;
};

template <class Cell>
States run(const std::string& name, int64_t hidden, const Tensor& x, const Tensor& length, bool reverse) {
  const auto run = scan(Cell(name, x.dim(-1).constant(), hidden), x, {.length = length, .reverse = reverse});
  return {run.last.h, run.all.h};
}

struct CellRow {
  const char* name;
  States (*run)(const std::string& name, int64_t hidden, const Tensor& x, const Tensor& length, bool reverse);
};

constexpr CellRow kCells[] = {
    {"rnn", run<nn::Rnn>},
    {"lstm", run<nn::Lstm>},
    {"gru", run<nn::Gru>},
    {"gru that resets before", run<ResetBeforeGru>},
    {"peephole lstm", run<Peephole>},
    {"coupled lstm", run<Coupled>},
    {"layer-norm lstm", run<LayerNormLstm>},
    {"minimal gated unit", run<MinimalGated>},
    {"lstm with dropout", run<DroppedLstm>},
    {"gru with zoneout", run<ZoneoutGru>},
};

// Works on each time step by itself.
struct BeforeRow {
  const char* name;
  Tensor (*apply)(const std::string& name, const Tensor& x);
};

constexpr BeforeRow kBefore[] = {
    {"a shift", [](const std::string& name, const Tensor& x) { return x + param(name, {x.dim(-1)}); }},
    {"dropout", [](const std::string& name, const Tensor& x) { return nn::dropout(name, 0.3)(x); }},
    {"variational dropout",
     [](const std::string& name, const Tensor& x) { return nn::variational_dropout(name, 0.3)(x); }},
    {"a dense layer", [](const std::string& name, const Tensor& x) { return tanh(nn::linear(name, 3)(x)); }},
    {"a layer norm",
     [](const std::string& name, const Tensor& x) { return nn::layer_norm(name, x.dim(-1).constant())(x); }},
};

// A mean knows the whole number of time steps. Labels are read by a gather, which may record an error.
struct LossRow {
  const char* name;
  Tensor (*of)(const States& states, const Tensor& x);
};

constexpr LossRow kLosses[] = {
    {"the mean of all states", [](const States& s, const Tensor&) { return mean(s.all * s.all); }},
    {"the sum of all states", [](const States& s, const Tensor&) { return sum(s.all * s.all); }},
    {"the last state", [](const States& s, const Tensor&) { return mean(s.last * s.last); }},
    {"all states and the last",
     [](const States& s, const Tensor&) { return mean(s.all * s.all) + mean(s.last); }},
    {"a label a step",
     [](const States& s, const Tensor& x) {
       return cross_entropy(nn::linear("out", x.dim(-1).constant())(s.all), argmax(x));
     }},
};

template <class Row, size_t n>
const Row& draw_row(Draws& draws, const Row (&rows)[n]) {
  return rows[static_cast<size_t>(draws.up_to(n - 1))];
}

enum class Way { kForward, kReverse, kBoth };

struct Layer {
  const BeforeRow* before;  // what its input goes through, or nullptr
  const CellRow* cell;
  int64_t hidden;
  Way way;
  bool passes_input;  // what comes behind reads its input beside its states
};

Way draw_way(Draws& draws) {
  if (draws.one_in(5)) return Way::kBoth;
  return draws.one_in(2) ? Way::kForward : Way::kReverse;
}

Layer draw_layer(Draws& draws) {
  return {.before = draws.one_in(3) ? &draw_row(draws, kBefore) : nullptr,
          .cell = &draw_row(draws, kCells),
          .hidden = draws.between(1, 9),
          .way = draw_way(draws),
          .passes_input = draws.one_in(5)};
}

std::string text_of(const Layer& layer) {
  const std::array ways = {" forward", " reverse", " both ways"};
  return (layer.before != nullptr ? std::string(layer.before->name) + ", " : "") + layer.cell->name + " of " +
         std::to_string(layer.hidden) + ways[static_cast<size_t>(layer.way)] +
         (layer.passes_input ? " beside its input" : "") + "; ";
}

States side_by_side(const States& a, const States& b) {
  return {concat({a.last, b.last}, -1), concat({a.all, b.all}, -1)};
}

States run_layer(const Layer& layer, const std::string& name, Tensor x, const Tensor& length) {
  if (layer.before != nullptr) x = layer.before->apply(name + ".before", x);
  const auto run = [&](bool reverse) {
    return layer.cell->run(name + (reverse ? ".reverse" : ".forward"), layer.hidden, x, length, reverse);
  };
  States states = run(layer.way == Way::kReverse);
  if (layer.way == Way::kBoth) states = side_by_side(states, run(true));
  if (layer.passes_input) states.all = concat({states.all, x}, -1);
  return states;
}

}  // namespace

DrawnModel draw_model(Draws& draws) {
  const int64_t inputs = draws.between(1, 9);
  const bool has_lengths = draws.one_in(2), gives_states = draws.one_in(5);
  std::vector<Layer> layers(static_cast<size_t>(1 + draws.one_in(2) + draws.one_in(5)));
  for (Layer& layer : layers) layer = draw_layer(draws);
  const LossRow& loss = draw_row(draws, kLosses);

  std::string text = std::to_string(inputs) + (has_lengths ? " inputs with lengths; " : " inputs; ");
  for (const Layer& layer : layers) text += text_of(layer);
  text += std::string("loss: ") + loss.name + (gives_states ? "; gives all states" : "");

  const auto outputs = [=](const Tensor& x, const Tensor& length) {
    States states{{}, x};
    for (size_t i = 0; i < layers.size(); ++i)
      states = run_layer(layers[i], "l" + std::to_string(i), states.all, has_lengths ? length : Tensor());
    return DrawnModel::Outputs{loss.of(states, x), gives_states ? states.all : states.last};
  };
  return {text, inputs, outputs};
}

}  // namespace rondo::testing
