// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many dots the loops of a training step hold, and that no step copies, by the counters of the compiled step: what a
// loop need not compute step by step it does not, whoever wrote the cell and however.
#include <algorithm>

#include "ir/parse.h"
#include "ir/structural.h"
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");
constexpr int64_t kInputs = 16, kHidden = 20, kSteps = 20, kRows = 16;

using Dots = std::vector<int64_t>;  // of the loops, forward ones first

// The mean of all states, so that each time step has a gradient of its own. Two workers wait for each other four times at
// most, however many steps there are, and the plan takes hardly more memory than what is live at one time.
template <class MakeCell>
Counters counters_of(MakeCell&& make_cell, bool lengths) {
  const auto loss = [&](Tensor x, Tensor length) {
    const auto cell = make_cell();
    const auto run = lengths ? scan(cell, x, {.length = length}) : scan(cell, x);
    return mean(run.all.h * run.all.h);
  };
  auto step = train_step(loss, {f32[{T, B, kInputs}], i32[{B}]}, sgd(0.1),
                         {.backend = kBackend.backend, .threads = 2});
  Weights weights = step.init(1);
  step(weights, Array::zeros(runtime::ElementType::f32, {kSteps, kRows, kInputs}),
       Array::zeros(runtime::ElementType::i32, {kRows}));
  const Counters counters = step.counters();
  CHECK(counters.joins >= (kBackend.backend == "llvm" ? 1 : 0));
  CHECK(counters.joins <= 4);
  for (const auto& loop : counters.loops) CHECK_MESSAGE(loop.copies == 0, loop.place);
  CHECK(static_cast<double>(counters.arena_bytes) <= 1.15 * static_cast<double>(counters.live_bytes));
  return counters;
}

Dots dots_in_loops(const Counters& counters) {
  Dots dots;
  for (const auto& loop : counters.loops) dots.push_back(loop.dots);
  return dots;
}

struct HandWrittenLstm {
  Tensor W = param("cell.W", {kInputs, 4 * kHidden}), U = param("cell.U", {kHidden, 4 * kHidden}),
         b = param("cell.b", {4 * kHidden});
  struct State {
    Tensor h, c;
  };
  State initial(Dim rows) const { return {zeros({rows, kHidden}), zeros({rows, kHidden})}; }
  State operator()(Tensor x, State s) const {
    auto [i, f, g, o] = split<4>(dot(x, W) + b + dot(s.h, U));
    Tensor c = sigmoid(f) * s.c + sigmoid(i) * tanh(g);
    return {sigmoid(o) * tanh(c), c};
  }
};

// A weight and a bias for each gate, with peepholes (Gers, Schmidhuber, 2000).
struct PeepholeLstm {
  struct Gate {
    std::string name;
    Tensor W = param(name + ".W", {kInputs, kHidden}), U = param(name + ".U", {kHidden, kHidden}),
           b = param(name + ".b", {kHidden}), p = param(name + ".p", {kHidden});
    Tensor operator()(const Tensor& x, const Tensor& h) const { return dot(x, W) + dot(h, U) + b; }
  };
  Gate i{"i"}, f{"f"}, g{"g"}, o{"o"};
  struct State {
    Tensor h, c;
  };
  State initial(Dim rows) const { return {zeros({rows, kHidden}), zeros({rows, kHidden})}; }
  State operator()(Tensor x, State s) const {
    const Tensor input = sigmoid(i(x, s.h) + i.p * s.c), forget = sigmoid(f(x, s.h) + f.p * s.c);
    const Tensor c = forget * s.c + input * tanh(g(x, s.h));
    return {sigmoid(o(x, s.h) + o.p * c) * tanh(c), c};
  }
};

// The textbook's: four dots of [h, x].
struct JoinedLstm {
  Tensor gate(const char* name, const Tensor& hx) const {
    return dot(hx, param(std::string(name) + ".W", {kHidden + kInputs, kHidden})) +
           param(std::string(name) + ".b", {kHidden});
  }
  struct State {
    Tensor h, c;
  };
  State initial(Dim rows) const { return {zeros({rows, kHidden}), zeros({rows, kHidden})}; }
  State operator()(Tensor x, State s) const {
    const Tensor hx = concat({s.h, x}, 1);
    const Tensor c = sigmoid(gate("f", hx)) * s.c + sigmoid(gate("i", hx)) * tanh(gate("g", hx));
    return {sigmoid(gate("o", hx)) * tanh(c), c};
  }
};

// Resets before the product: the candidate's dot waits for the gates' dot.
struct ResetBeforeGru {
  Tensor W = param("W", {kInputs, 3 * kHidden}), U = param("U", {kHidden, 2 * kHidden}),
         V = param("V", {kHidden, kHidden});
  struct State {
    Tensor h;
  };
  State initial(Dim rows) const { return {zeros({rows, kHidden})}; }
  State operator()(Tensor x, State s) const {
    auto [xr, xz, xn] = split<3>(dot(x, W));
    auto [hr, hz] = split<2>(dot(s.h, U));
    const Tensor r = sigmoid(xr + hr), z = sigmoid(xz + hz), n = tanh(xn + dot(r * s.h, V));
    return {(1 - z) * n + z * s.h};
  }
};

// Other dropout in each time step, of what comes in and of the state.
struct DroppedLstm : HandWrittenLstm {
  nn::Dropout in = nn::dropout("in", 0.3), state = nn::dropout("state", 0.3);
  State operator()(Tensor x, State s) const { return HandWrittenLstm::operator()(in(x), {state(s.h), s.c}); }
};

}  // namespace

TEST_CASE("loop laws: one dot in the forward loop, and one in the backward loop") {
  for (const bool lengths : {false, true}) {
    CHECK(dots_in_loops(counters_of([] { return nn::rnn("cell", kInputs, kHidden); }, lengths)) ==
          Dots{1, 1});
    CHECK(dots_in_loops(counters_of([] { return nn::lstm("cell", kInputs, kHidden); }, lengths)) ==
          Dots{1, 1});
    CHECK(dots_in_loops(counters_of([] { return nn::gru("cell", kInputs, kHidden); }, lengths)) ==
          Dots{1, 1});
    CHECK(dots_in_loops(counters_of([] { return HandWrittenLstm(); }, lengths)) == Dots{1, 1});
    CHECK(dots_in_loops(counters_of([] { return PeepholeLstm(); }, lengths)) == Dots{1, 1});
    CHECK(dots_in_loops(counters_of([] { return JoinedLstm(); }, lengths)) == Dots{1, 1});
    CHECK(dots_in_loops(counters_of([] { return DroppedLstm(); }, lengths)) == Dots{1, 1});
  }
}

TEST_CASE("loop laws: two where the second waits for the first") {
  for (const bool lengths : {false, true})
    CHECK(dots_in_loops(counters_of([] { return ResetBeforeGru(); }, lengths)) == Dots{2, 2});
}

// How many multiplications and additions the dots of a step take where the rows have so many time steps.
template <class MakeCell>
int64_t dot_flops(MakeCell&& make_cell, int32_t steps) {
  auto step = train_step(
      [&](Tensor x, Tensor length) {
        const auto run = scan(make_cell(), x, {.length = length});
        return mean(run.all.h * run.all.h) + mean(run.last.h);
      },
      {f32[{T, B, kInputs}], i32[{B}]}, sgd(0.1), kBackend);
  Weights weights = step.init(1);
  Array lengths = Array::zeros(runtime::ElementType::i32, {kRows});
  std::ranges::fill(lengths.data<int32_t>(), steps);
  step(weights, Array::zeros(runtime::ElementType::f32, {kSteps, kRows, kInputs}), lengths);
  return step.counters().dot_flops;
}

// Forward and backward, each with one dot of a row by kHidden x gates of kHidden.
template <class MakeCell>
void check_ended(MakeCell&& make_cell, int64_t gates) {
  const int64_t step = 2 * 2 * kRows * kHidden * gates * kHidden;
  CHECK(dot_flops(make_cell, kSteps) - dot_flops(make_cell, kSteps / 4) == (kSteps - kSteps / 4) * step);
}

TEST_CASE("rows that have ended are not run, forward and backward" *
          doctest::skip(kBackend.backend != "llvm")) {
  check_ended([] { return nn::rnn("cell", kInputs, kHidden); }, 1);
  check_ended([] { return nn::lstm("cell", kInputs, kHidden); }, 4);
  check_ended([] { return nn::gru("cell", kInputs, kHidden); }, 3);
  check_ended([] { return HandWrittenLstm(); }, 4);
  check_ended([] { return PeepholeLstm(); }, 4);
  check_ended([] { return JoinedLstm(); }, 4);
  check_ended([] { return ResetBeforeGru(); }, 3);
  check_ended([] { return DroppedLstm(); }, 4);
}

// What runs where sizes are such that it pays comes first; then both loops as they are.
TEST_CASE("loop laws: of two layers one loop each way, with a dot for U of both and one for W between them") {
  for (const bool lengths : {false, true}) {
    const auto loss = [&](Tensor x, Tensor length) {
      const Tensor known = lengths ? length : Tensor();
      const auto below = scan(nn::lstm("below", kInputs, kHidden), x, {.length = known});
      const auto above = scan(nn::lstm("above", kHidden, kHidden), below.all.h, {.length = known});
      return mean(above.all.h * above.all.h);
    };
    auto step = train_step(loss, {f32[{T, B, kInputs}], i32[{B}]}, sgd(0.1),
                           {.backend = kBackend.backend, .threads = 2});
    const auto counted = [&](int64_t steps, int64_t rows) {
      Weights weights = step.init(1);
      step(weights, Array::zeros(runtime::ElementType::f32, {steps, rows, kInputs}),
           Array::zeros(runtime::ElementType::i32, {rows}));
      return step.counters();
    };
    const Counters counters = counted(kSteps, kRows);
    CHECK(counters.joins <= 4);
    if (kBackend.backend != "llvm") {  // the interpreter runs what is not lowered
      CHECK(dots_in_loops(counters) == Dots{1, 1, 1, 1});
      continue;
    }
    CHECK(dots_in_loops(counters) == Dots{3, 1, 1, 3, 1, 1});
    const int64_t few = counted(600, 11).dots, many = counted(600, 12).dots;
    CHECK(many == few + 2 * (600 - 1));  // W inside, for each time step
  }
}

TEST_CASE("nn::lstm and the same cell written by hand optimise to the same IR, up to names") {
  const auto optimised = [](const auto& make_cell) {
    auto step = train_step(
        [&](Tensor x, Tensor length) {
          const auto run = scan(make_cell(), x, {.length = length});
          return mean(run.all.h * run.all.h) + sum(run.last.c);
        },
        {f32[{T, B, kInputs}], i32[{B}]}, adam(1e-3), kBackend);
    return step.optimised_ir();
  };
  const ir::Module ours = ir::parse(optimised([] { return nn::lstm("cell", kInputs, kHidden); }), "ours"),
                   theirs = ir::parse(optimised([] { return HandWrittenLstm(); }), "theirs");
  CHECK(ir::equal_up_to_names(*ours.functions[0], *theirs.functions[0]));
}
