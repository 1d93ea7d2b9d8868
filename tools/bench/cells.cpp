// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace rondo::bench {

namespace {

// Weights of a cell, uniform in +-1/sqrt(hidden), and zeros of its state.
struct Sizes {
  std::string name;
  int64_t inputs, hidden;
  DType dtype;

  double limit() const { return 1 / std::sqrt(static_cast<double>(hidden)); }
  Tensor weight(const std::string& of, const std::vector<Dim>& dims) const {
    return param(name + "." + of, dtype[dims], uniform(-limit(), limit()));
  }
  Tensor zero_state(Dim rows) const { return zeros(dtype[{rows, hidden}]); }
};

// x W + h U + b for several gates at once.
struct Gates {
  Tensor W, U, b;
  Gates(const Sizes& s, int64_t gates)
      : W(s.weight("W", {s.inputs, gates * s.hidden})),
        U(s.weight("U", {s.hidden, gates * s.hidden})),
        b(s.weight("b", {gates * s.hidden})) {}
  Tensor operator()(const Tensor& x, const Tensor& h) const { return dot(x, W) + b + dot(h, U); }
};

struct HState {
  Tensor h;
};
struct HCState {
  Tensor h, c;
};

struct Rnn : Sizes {
  Gates gates{*this, 1};
  HState initial(Dim rows) const { return {zero_state(rows)}; }
  HState operator()(Tensor x, HState s) const { return {tanh(gates(x, s.h))}; }
};

struct Gru : Sizes {  // resets after the product
  Tensor W = weight("W", {inputs, 3 * hidden}), U = weight("U", {hidden, 3 * hidden}),
         b = weight("b", {3 * hidden}), bn = weight("bn", {hidden});
  HState initial(Dim rows) const { return {zero_state(rows)}; }
  HState operator()(Tensor x, HState s) const {
    auto [xr, xz, xn] = split<3>(dot(x, W) + b);
    auto [hr, hz, hn] = split<3>(dot(s.h, U));
    const Tensor z = sigmoid(xz + hz), n = tanh(xn + sigmoid(xr + hr) * (hn + bn));
    return {(1 - z) * n + z * s.h};
  }
};

struct WithMemory : Sizes {
  HCState initial(Dim rows) const { return {zero_state(rows), zero_state(rows)}; }
};

struct Lstm : WithMemory {
  Gates gates{*this, 4};
  HCState operator()(Tensor x, HCState s) const {
    auto [i, f, g, o] = split<4>(gates(x, s.h));
    const Tensor c = sigmoid(f) * s.c + sigmoid(i) * tanh(g);
    return {sigmoid(o) * tanh(c), c};
  }
};

struct Peephole : WithMemory {  // Gers, Schmidhuber, 2000
  Gates gates{*this, 4};
  Tensor pi = weight("pi", {hidden}), pf = weight("pf", {hidden}), po = weight("po", {hidden});
  HCState operator()(Tensor x, HCState s) const {
    auto [i, f, g, o] = split<4>(gates(x, s.h));
    const Tensor c = sigmoid(f + pf * s.c) * s.c + sigmoid(i + pi * s.c) * tanh(g);
    return {sigmoid(o + po * c) * tanh(c), c};
  }
};

struct Coupled : WithMemory {  // the input gate is what the forget gate leaves
  Gates gates{*this, 3};
  HCState operator()(Tensor x, HCState s) const {
    auto [f, g, o] = split<3>(gates(x, s.h));
    const Tensor keep = sigmoid(f), c = keep * s.c + (1 - keep) * tanh(g);
    return {sigmoid(o) * tanh(c), c};
  }
};

struct LayerNormLstm : WithMemory {  // Ba, Kiros, Hinton, 2016
  Tensor W = weight("W", {inputs, 4 * hidden}), U = weight("U", {hidden, 4 * hidden}),
         b = weight("b", {4 * hidden}), gx = weight("gx", {4 * hidden}), gh = weight("gh", {4 * hidden}),
         gc = weight("gc", {hidden}), bc = weight("bc", {hidden});
  HCState operator()(Tensor x, HCState s) const {
    auto [i, f, g, o] = split<4>(gx * layer_norm(dot(x, W)) + gh * layer_norm(dot(s.h, U)) + b);
    const Tensor c = sigmoid(f) * s.c + sigmoid(i) * tanh(g);
    return {sigmoid(o) * tanh(gc * layer_norm(c) + bc), c};
  }
};

struct MinimalGated : Sizes {  // Zhou et al., 2016
  Tensor W = weight("W", {inputs, 2 * hidden}), b = weight("b", {2 * hidden}),
         Uf = weight("Uf", {hidden, hidden}), Un = weight("Un", {hidden, hidden});
  HState initial(Dim rows) const { return {zero_state(rows)}; }
  HState operator()(Tensor x, HState s) const {
    auto [xf, xn] = split<2>(dot(x, W) + b);
    const Tensor f = sigmoid(xf + dot(s.h, Uf)), n = tanh(xn + dot(f * s.h, Un));
    return {(1 - f) * s.h + f * n};
  }
};

// Two LSTMs that share what they read: one goes on in time, one in depth (Kalchbrenner, Danihelka, Graves, 2015).
struct Grid2 : Sizes {
  Tensor P = weight("P", {inputs, hidden}), WT = weight("WT", {2 * hidden, 4 * hidden}),
         bT = weight("bT", {4 * hidden}), WD = weight("WD", {2 * hidden, 4 * hidden}),
         bD = weight("bD", {4 * hidden});
  struct State {
    std::array<HCState, 2> time;  // of two layers, whose weights are tied
    Tensor h;                     // what the last layer gives
  };
  State initial(Dim rows) const {
    const HCState zero = {zero_state(rows), zero_state(rows)};
    return {{zero, zero}, zero_state(rows)};
  }
  static HCState lstm(const Tensor& hs, const Tensor& m, const Tensor& W, const Tensor& b) {
    auto [u, f, o, c] = split<4>(dot(hs, W) + b);
    const Tensor next = sigmoid(f) * m + sigmoid(u) * tanh(c);
    return {tanh(sigmoid(o) * next), next};
  }
  State operator()(Tensor x, State s) const {
    HCState depth = {dot(x, P), zeros(dtype[{s.h.dim(0), hidden}])};
    State next = s;
    for (size_t layer = 0; layer < s.time.size(); ++layer) {
      next.time[layer] = lstm(concat({depth.h, s.time[layer].h}, 1), s.time[layer].c, WT, bT);
      depth = lstm(concat({depth.h, next.time[layer].h}, 1), depth.c, WD, bD);
    }
    next.h = depth.h;
    return next;
  }
};

// An LSTM that looks at all inputs before each step (Luong, Pham, Manning, 2015, "general").
struct AttentionDecoder : WithMemory {
  Tensor memory;  // [T,B,inputs]
  nn::LuongAttention attend = nn::luong_attention(name + ".attention", hidden, memory);
  Gates gates{{name, 2 * inputs, hidden, dtype}, 4};
  HCState operator()(Tensor x, HCState s) const {
    const Tensor context = attend(s.h).context;
    auto [i, f, g, o] = split<4>(gates(concat({x, context}, 1), s.h));
    const Tensor c = sigmoid(f) * s.c + sigmoid(i) * tanh(g);
    return {sigmoid(o) * tanh(c), c};
  }
};

// Layers of a cell, one over the states of the other.
template <class C>
Tensor stacked(const Tensor& x, const Shape& shape) {
  Tensor states = x;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const C cell{Sizes{"l" + std::to_string(layer), layer == 0 ? shape.inputs : shape.hidden, shape.hidden,
                       shape.dtype}};
    states = scan(cell, states).all.h;
  }
  return states;
}

Tensor attention_decoder(const Tensor& x, const Shape& shape) {
  Tensor states = x;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const Sizes sizes{"l" + std::to_string(layer), layer == 0 ? shape.inputs : shape.hidden, shape.hidden,
                      shape.dtype};
    states = scan(AttentionDecoder{{sizes}, states}, states).all.h;
  }
  return states;
}

}  // namespace

std::span<const Cell> all_cells() {
  static const std::vector<Cell> cells = {
      {"rnn", "tanh (Elman)", stacked<Rnn>},
      {"lstm", "forget gate, no peepholes", stacked<Lstm>},
      {"gru", "resets after the product", stacked<Gru>},
      {"peephole", "LSTM whose gates see the memory", stacked<Peephole>},
      {"coupled", "LSTM with one gate to keep or to write", stacked<Coupled>},
      {"layernorm-lstm", "LSTM with normalised gates and memory", stacked<LayerNormLstm>},
      {"mgu", "minimal gated unit", stacked<MinimalGated>},
      {"grid2", "Grid LSTM of time and two tied layers of depth", stacked<Grid2>},
      {"attention", "LSTM that looks at all inputs before each step", attention_decoder},
  };
  return cells;
}

const Cell* find_cell(const std::string& name) {
  const auto found = std::ranges::find(all_cells(), name, &Cell::name);
  return found == all_cells().end() ? nullptr : &*found;
}

}  // namespace rondo::bench
