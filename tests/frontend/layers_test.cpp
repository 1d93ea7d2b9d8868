// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");

struct LastAndAll {
  Tensor last, all;
};

// A cell of the user's own.
struct Decay {
  struct State {
    Tensor h;
  };
  Decay(const std::string& name, int64_t inputs, int64_t hidden, Loc = {})
      : W(param(name + ".W", {inputs, hidden}, constant(1))) {}
  State initial(Dim rows) const { return {zeros({rows, W.dim(1)})}; }
  State operator()(Tensor x, State s) const { return {0.5 * s.h + dot(x, W)}; }
  Tensor W;
};

Array numbers(const std::vector<int64_t>& shape) {
  const std::vector<double> doubles = values(noise(shape, 1));
  const std::vector<float> floats(doubles.begin(), doubles.end());
  return Array::from<float>(shape, floats);
}

}  // namespace

TEST_CASE("layers are scans over scans: with lengths, both directions side by side") {
  const auto layers = [](Tensor x, Tensor length) {
    const auto run =
        nn::layers<nn::Gru>("gru", 3, 2, {.layers = 2, .bidirectional = true})(x, {.length = length});
    return LastAndAll{run.last, run.all};
  };
  const auto scans = [](Tensor x, Tensor length) {
    const auto layer = [&](int64_t inputs, const std::string& name, Tensor x) {
      const auto forward = scan(nn::gru("gru." + name, inputs, 2), x, {.length = length});
      const auto backward =
          scan(nn::gru("gru." + name + "_reverse", inputs, 2), x, {.length = length, .reverse = true});
      return LastAndAll{concat({forward.last.h, backward.last.h}, -1),
                        concat({forward.all.h, backward.all.h}, -1)};
    };
    return layer(4, "l1", layer(3, "l0", x).all);
  };
  const auto f = compile(layers, {f32[{T, B, 3}], i32[{B}]}, kBackend);
  const auto g = compile(scans, {f32[{T, B, 3}], i32[{B}]}, kBackend);
  const Weights weights = f.init(1);
  CHECK(weights.contains("gru.l1_reverse.U"));
  const Array x = numbers({4, 3, 3}), length = ints({3}, {4, 0, 2});
  const auto [last, all] = f(weights, x, length);
  const auto [same_last, same_all] = g(weights, x, length);
  check_array(last, {3, 4}, values(same_last));
  check_array(all, {4, 3, 4}, values(same_all));
}

TEST_CASE("layers: final states come layer by layer, and may be the next initial ones") {
  const auto f = compile(
      [](Tensor x) {
        const auto lstm = nn::layers<nn::Lstm>("lstm", 2, 2, {.layers = 2});
        const auto first = lstm(slice(x, 0, 0, 3));
        const auto second = lstm(slice(x, 0, 3, 5), {.initial = first.states});
        struct {
          Tensor whole, parts, c;
        } r{lstm(x).last, second.last, second.states[1].c};
        return r;
      },
      {f32[{5, B, 2}]}, kBackend);
  const Weights weights = f.init(1);
  const auto r = f(weights, numbers({5, 2, 2}));
  check_array(r["parts"], {2, 2}, values(r["whole"]));
  CHECK(r["c"].shape() == std::vector<int64_t>{2, 2});
}

TEST_CASE("layers take a cell of the user's own") {
  const auto f = compile(
      [](Tensor x) { return nn::layers<Decay>("decay", 1, 1, {.layers = 2, .bidirectional = true})(x).all; },
      {f32[{T, B, 1}]}, kBackend);
  const Weights weights = f.init(0);
  // The first layer gives (1, 2.5) forward and (2, 2) backward; the second sums both and does the same.
  check_array(f(weights, floats({2, 1, 1}, {1, 2})), {2, 1, 2}, {3, 5.25, 6, 4.5});
}

TEST_CASE("layers drop out between one another, in training") {
  const auto loss = [](Tensor x) {
    const auto run = nn::layers<Decay>("decay", 1, 1, {.layers = 3, .dropout = 0.5})(x);
    return LastAndAll{sum(run.last), run.all};
  };
  const Array x = Array::from<float>({1, 1000, 1}, std::vector<float>(1000, 1.0f));
  const auto step = train_step(loss, {f32[{T, B, 1}]}, sgd(0), kBackend);
  Weights weights = step.init(1);
  int64_t zeros = 0;
  for (const double y : values(step(weights, x)["all"])) {
    CHECK((y == 0 || y == 4));  // kept twice, each time doubled
    zeros += y == 0;
  }
  CHECK(std::abs(zeros - 750) < 60);
  check_array(compile(loss, {f32[{T, B, 1}]}, kBackend)(std::as_const(weights), x)["all"], {1, 1000, 1},
              std::vector<double>(1000, 1.0));
}

namespace {

struct Bounded {  // without weights
  struct State {
    Tensor h;
  };
  Bounded(const std::string&, int64_t inputs, int64_t hidden, Loc = {})
      : W(full(f64[{inputs, hidden}], 0.75)) {}
  State initial(Dim rows) const { return {zeros(f64[{rows, W.dim(1)}])}; }
  State operator()(Tensor x, State s) const { return {tanh(0.5 * s.h + dot(x, W))}; }
  Tensor W;
};

}  // namespace

TEST_CASE("gradients through layers in both directions are the finite differences") {
  check_gradient(
      [](Tensor x) {
        const auto run = nn::layers<Bounded>("bounded", 2, 2, {.layers = 3, .bidirectional = true})(x);
        return sum(run.all * run.all) + sum(run.last) + sum(run.states[1].h);
      },
      {f64[{3, B, 2}]}, {noise({3, 2, 2}, 1)});
}
