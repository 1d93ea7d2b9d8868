// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rondo/functions.h"
#include "rondo/tensor.h"

// Layers and cells. Each declares its weights under its name and is written in the language that the user
// has; a cell of the user's own is neither slower nor poorer. Weights begin as PyTorch's do.
namespace rondo::nn {

/// x [.., inputs] to x W + b [.., outputs], with W [inputs, outputs] and b [outputs] uniform in
/// +-1/sqrt(inputs). The first call declares them, as `name.W` and `name.b`; further calls use the same.
class Linear {
 public:
  Linear(const std::string& name, int64_t outputs, Loc loc = {});
  Tensor operator()(const Tensor& x, Loc loc = {}) const;

 private:
  struct Weights {
    Tensor W, b;
  };
  std::string full_name_;
  int64_t outputs_;
  Loc loc_;
  std::shared_ptr<Weights> weights_ = std::make_shared<Weights>();  // shared by copies
};
inline Linear linear(const std::string& name, int64_t outputs, Loc loc = {}) { return {name, outputs, loc}; }

/// Integers [..] to rows of W, [.., width]; `name.W` [rows, width] begins normally distributed. An integer
/// outside 0 .. rows-1 is an error of the run.
class Embedding {
 public:
  Embedding(const std::string& name, int64_t rows, int64_t width, Loc loc = {});
  Tensor operator()(const Tensor& indices, Loc loc = {}) const { return gather(W, indices, 0, 0, loc); }
  Tensor W;
};
inline Embedding embedding(const std::string& name, int64_t rows, int64_t width, Loc loc = {}) {
  return {name, rows, width, loc};
}

/// g layer_norm(x) + b over the last dim, with `name.g` [width], which begins as 1, and `name.b` [width], as 0
/// (Ba, Kiros, Hinton, 2016). x [.., width] is of f32.
class LayerNorm {
 public:
  LayerNorm(const std::string& name, int64_t width, double epsilon = 1e-5, Loc loc = {});
  Tensor operator()(const Tensor& x, Loc loc = {}) const;

 private:
  std::string name_;
  double epsilon_;
  Tensor g_, b_;
};
inline LayerNorm layer_norm(const std::string& name, int64_t width, double epsilon = 1e-5, Loc loc = {}) {
  return {name, width, epsilon, loc};
}

/// While training, sets each element to 0 with probability `rate` and divides the others by 1 - rate; else x
/// (Srivastava et al., 2014). The name is that of the random numbers; a layer is called once.
class Dropout {
 public:
  Dropout(const std::string& name, double rate, Loc loc = {});
  Tensor operator()(const Tensor& x, Loc loc = {}) const;

 private:
  std::string name_;
  double rate_;
};
inline Dropout dropout(const std::string& name, double rate, Loc loc = {}) { return {name, rate, loc}; }

/// Weights of a cell: `name.W` [inputs, gates hidden], `name.U` [hidden, gates hidden] and `name.b` [gates
/// hidden], uniform in +-1/sqrt(hidden). In the first `summed` gates, 1 or more, b is the sum of two draws,
/// since PyTorch adds two biases there. In PyTorch's layout a cell `x.lK` or `x.lK_reverse`, K a number, is that
/// layer of a module `x`; any other cell is the only layer of a module of its name.
struct CellWeights {
  CellWeights(const std::string& name, int64_t inputs, int64_t hidden, int64_t gates, int64_t summed,
              Loc loc);
  Tensor W, U, b;
  int64_t hidden;
  Loc loc;
};

/// h = tanh(x W + h U + b) (Elman, 1990).
class Rnn : public CellWeights {
 public:
  struct State {
    Tensor h;
  };
  Rnn(const std::string& name, int64_t inputs, int64_t hidden, Loc loc = {})
      : CellWeights(name, inputs, hidden, 1, 1, loc) {}
  State initial(Dim rows) const { return {zeros({rows, hidden}, loc)}; }
  State operator()(const Tensor& x, const State& s) const;
};

/// i, f, g, o = x W + h U + b; c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c)
/// (Hochreiter, Schmidhuber, 1997; forget gate: Gers et al., 2000).
class Lstm : public CellWeights {
 public:
  struct State {
    Tensor h, c;
  };
  Lstm(const std::string& name, int64_t inputs, int64_t hidden, Loc loc = {})
      : CellWeights(name, inputs, hidden, 4, 4, loc) {}
  State initial(Dim rows) const { return {zeros({rows, hidden}, loc), zeros({rows, hidden}, loc)}; }
  State operator()(const Tensor& x, const State& s) const;
};

/// r, z, n = x W + b and r', z', n' = h U; n = tanh(n + sigmoid(r + r') (n' + bn)); h = (1 - z) n + z h with
/// z = sigmoid(z + z') (Cho et al., 2014, in the form that resets after the product, as PyTorch's). Its own
/// bias is `name.bn` [hidden].
class Gru : public CellWeights {
 public:
  struct State {
    Tensor h;
  };
  Gru(const std::string& name, int64_t inputs, int64_t hidden, Loc loc = {});
  State initial(Dim rows) const { return {zeros({rows, hidden}, loc)}; }
  State operator()(const Tensor& x, const State& s) const;
  Tensor bn;
};

inline Rnn rnn(const std::string& name, int64_t inputs, int64_t hidden, Loc loc = {}) {
  return {name, inputs, hidden, loc};
}
inline Lstm lstm(const std::string& name, int64_t inputs, int64_t hidden, Loc loc = {}) {
  return {name, inputs, hidden, loc};
}
inline Gru gru(const std::string& name, int64_t inputs, int64_t hidden, Loc loc = {}) {
  return {name, inputs, hidden, loc};
}

}  // namespace rondo::nn
