// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/nn.h"

#include <cmath>
#include <vector>

#include "frontend/src/trace.h"
#include "rondo/param.h"
#include "rondo/pytorch.h"

namespace rondo::nn {

namespace {

Initializer within(double limit) { return uniform(-limit, limit); }

// Of weights the first `summed` of which are sums of two elsewhere.
Initializer twice(Initializer init, int64_t summed) {
  return [init = std::move(init), summed](std::string_view name, uint64_t seed,
                                          std::span<const int64_t> shape, std::span<double> values) {
    std::vector<double> second(values.size());
    init(name, seed, shape, values);
    init(std::string(name) + ".second", seed, shape, second);
    for (int64_t i = 0; i < summed; ++i) values[i] += second[i];
  };
}

void check_size(const std::string& name, const char* what, int64_t size, Loc loc) {
  if (size <= 0)
    detail::fail(loc, "'" + name + "': " + what + " must be 1 or more, found " + std::to_string(size));
}

// What PyTorch calls a cell's tensor: of a cell "x.l2_reverse" tensor "bias_hh" is "x.bias_hh_l2_reverse", of "x"
// it is "x.bias_hh_l0".
std::string pytorch_name(const std::string& cell, const std::string& tensor) {
  const size_t behind_dot = cell.rfind('.') + 1;  // 0 if there is none
  const std::string module = cell.substr(0, behind_dot), layer = cell.substr(behind_dot);
  const size_t end = layer.find_first_not_of("0123456789", 1);
  const bool has_number = layer.size() > 1 && layer[0] == 'l' && end != 1;
  if (has_number && (end == std::string::npos || layer.substr(end) == "_reverse"))
    return module + tensor + "_" + layer;
  return cell + "." + tensor + "_l0";
}

}  // namespace

Linear::Linear(const std::string& name, int64_t outputs, Loc loc)
    : full_name_(detail::Trace::current(loc).full_name(name, loc)),
      outputs_(outputs),
      loc_(detail::place(loc)) {
  check_size(name, "outputs", outputs, loc);
}

Tensor Linear::operator()(const Tensor& x, Loc loc) const {
  auto& [W, b] = *weights_;
  if (x.rank(loc) == 0 || !x.dim(-1, loc).is_constant())
    detail::fail(loc, "linear '" + full_name_ + "': the last dim of its input must be a number, found " +
                          x.type(loc).text());
  if (weights_->W.is_empty()) {
    const int64_t inputs = x.dim(-1, loc).constant();
    const Initializer init = within(1 / std::sqrt(static_cast<double>(inputs)));
    detail::Trace& trace = detail::Trace::current(loc);
    W = trace.declare(
        full_name_ + ".W",
        {f32[{inputs, outputs_}], init, true, loc_, {{.name = full_name_ + ".weight", .transposed = true}}});
    b = trace.declare(full_name_ + ".b",
                      {f32[{outputs_}], init, true, loc_, {{.name = full_name_ + ".bias"}}});
  }
  CalledFrom here(loc);
  return dot(x, W) + b;
}

Embedding::Embedding(const std::string& name, int64_t rows, int64_t width, Loc loc)
    : W(param(name + ".W", {rows, width}, normal(0, 1), loc)) {
  pytorch_form(W, {{.name = name + ".weight"}}, loc);
}

LayerNorm::LayerNorm(const std::string& name, int64_t width, double epsilon, Loc loc)
    : name_(name), epsilon_(epsilon) {
  check_size(name, "width", width, loc);
  g_ = param(name + ".g", {width}, constant(1), loc);
  b_ = param(name + ".b", {width}, zeros_init(), loc);
  pytorch_form(g_, {{.name = name + ".weight"}}, loc);
  pytorch_form(b_, {{.name = name + ".bias"}}, loc);
}

Tensor LayerNorm::operator()(const Tensor& x, Loc loc) const {
  CalledFrom here(loc);
  if (x.rank(loc) == 0 || x.dim(-1) != g_.dim(0))
    detail::fail(loc, "layer_norm '" + name_ + "': the last dim must be " + g_.dim(0).text() + ", found " +
                          x.type().text());
  return rondo::layer_norm(x, {-1}, epsilon_) * g_ + b_;
}

Dropout::Dropout(const std::string& name, double rate, Loc loc) : name_(name), rate_(rate) {
  if (!(rate >= 0 && rate < 1))
    detail::fail(loc,
                 "dropout '" + name + "': the rate is a probability below 1, found " + std::to_string(rate));
}

Tensor Dropout::operator()(const Tensor& x, Loc loc) const {
  if (!training(loc)) return x;
  CalledFrom here(loc);
  return where(random_uniform(name_, x.dims()) >= rate_, x / (1 - rate_), 0);
}

CellWeights::CellWeights(const std::string& name, int64_t inputs, int64_t hidden, int64_t gates,
                         int64_t summed, Loc loc)
    : hidden(hidden), loc(detail::place(loc)) {
  check_size(name, "inputs", inputs, loc);
  check_size(name, "hidden", hidden, loc);
  const Initializer init = within(1 / std::sqrt(static_cast<double>(hidden)));
  W = param(name + ".W", {inputs, gates * hidden}, init, loc);
  U = param(name + ".U", {hidden, gates * hidden}, init, loc);
  b = param(name + ".b", {gates * hidden}, twice(init, summed * hidden), loc);
  pytorch_form(W, {{.name = pytorch_name(name, "weight_ih"), .transposed = true}}, loc);
  pytorch_form(U, {{.name = pytorch_name(name, "weight_hh"), .transposed = true}}, loc);
  pytorch_form(b,
               {{.name = pytorch_name(name, "bias_ih")},
                {.name = pytorch_name(name, "bias_hh"), .rows = {{0, summed * hidden}}}},
               loc);
}

Rnn::State Rnn::operator()(const Tensor& x, const State& s) const {
  CalledFrom here(loc);
  return {tanh(dot(x, W) + b + dot(s.h, U))};
}

Lstm::State Lstm::operator()(const Tensor& x, const State& s) const {
  CalledFrom here(loc);
  const auto [i, f, g, o] = split<4>(dot(x, W) + b + dot(s.h, U));
  const Tensor c = sigmoid(f) * s.c + sigmoid(i) * tanh(g);
  return {sigmoid(o) * tanh(c), c};
}

Gru::Gru(const std::string& name, int64_t inputs, int64_t hidden, Loc loc)
    : CellWeights(name, inputs, hidden, 3, 2, loc),
      bn(param(name + ".bn", {hidden}, within(1 / std::sqrt(static_cast<double>(hidden))), loc)) {
  pytorch_form(bn, {{.name = pytorch_name(name, "bias_hh"), .rows = {{2 * hidden, 3 * hidden}}}}, loc);
}

Gru::State Gru::operator()(const Tensor& x, const State& s) const {
  CalledFrom here(loc);
  const auto [xr, xz, xn] = split<3>(dot(x, W) + b);
  const auto [hr, hz, hn] = split<3>(dot(s.h, U));
  const Tensor z = sigmoid(xz + hz);
  return {(1 - z) * tanh(xn + sigmoid(xr + hr) * (hn + bn)) + z * s.h};
}

}  // namespace rondo::nn
