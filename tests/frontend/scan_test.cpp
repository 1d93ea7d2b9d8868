// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

// Two fields that mix, so that a wrong order of steps or fields shows.
struct Pair {
  struct State {
    Tensor h, c;
  };
  Tensor U;
  State operator()(const Tensor& x, const State& s) const {
    const Tensor c = sigmoid(dot(s.h, U)) * s.c + x;
    return {tanh(c) * x, c};
  }
};

// One time step of x, which is [time, rows, width].
Tensor at(const Tensor& x, int64_t t) { return reshape(slice(x, 0, t, t + 1), {x.dim(1), x.dim(2)}); }

Tensor stacked(const std::vector<Tensor>& steps) {
  std::vector<Tensor> parts;
  for (const Tensor& step : steps) parts.push_back(expand_dims(step, 0));
  return concat(parts, 0);
}

struct Results4 {
  Tensor h, c, hs, cs;
};

Results4 by_scan(const Tensor& x, const Tensor& U, const Tensor& h, const Tensor& c, bool reverse) {
  const auto run = scan(Pair{U}, x, {.initial = Pair::State{h, c}, .reverse = reverse});
  return {run.last.h, run.last.c, run.all.h, run.all.c};
}

Results4 by_hand(const Tensor& x, const Tensor& U, const Tensor& h, const Tensor& c, bool reverse) {
  Pair::State s{h, c};
  std::vector<Tensor> hs(3), cs(3);
  for (int64_t step = 0; step < 3; ++step) {
    const int64_t t = reverse ? 2 - step : step;
    s = Pair{U}(at(x, t), s);
    hs[t] = s.h;
    cs[t] = s.c;
  }
  return {s.h, s.c, stacked(hs), stacked(cs)};
}

}  // namespace

TEST_CASE("a scan equals the steps written out, in both directions") {
  const Dim B("B");
  const std::vector<Type> types = {f64[{3, B, 2}], f64[{2, 2}], f64[{B, 2}], f64[{B, 2}]};
  for (const bool reverse : {false, true}) {
    const auto loop =
        compile([=](Tensor x, Tensor U, Tensor h, Tensor c) { return by_scan(x, U, h, c, reverse); }, types,
                kBackend);
    const auto unrolled =
        compile([=](Tensor x, Tensor U, Tensor h, Tensor c) { return by_hand(x, U, h, c, reverse); }, types,
                kBackend);
    const Array x = noise({3, 4, 2}, 1), U = noise({2, 2}, 2), h = noise({4, 2}, 3), c = noise({4, 2}, 4);
    const auto a = loop(x, U, h, c), b = unrolled(x, U, h, c);
    for (const char* field : {"h", "c", "hs", "cs"})
      check_array(a[field], b[field].shape(), values(b[field]));
  }
}

TEST_CASE("a scan that is unrolled, and its gradient, have the bits of the loop") {
  const Dim T("T"), B("B");
  const std::vector<Type> types = {f64[{T, B, 2}], f64[{2, 2}], f64[{B, 2}], f64[{B, 2}]};
  for (const bool reverse : {false, true}) {
    const auto loss_by = [=](int64_t steps) {
      return [=](Tensor x, Tensor U, Tensor h, Tensor c) {
        const auto run =
            scan(Pair{U}, x, {.initial = Pair::State{h, c}, .reverse = reverse, .unroll = steps});
        return sum(run.all.h * run.all.c) + sum(run.last.h);
      };
    };
    const auto loop = compile(value_and_grad(loss_by(1)), types, kBackend);
    const auto by_three = compile(value_and_grad(loss_by(3)), types, kBackend);
    for (const int64_t steps : {0, 1, 2, 3, 4, 7, 9}) {
      const Array x = noise({steps, 4, 2}, 1), U = noise({2, 2}, 2), h = noise({4, 2}, 3),
                  c = noise({4, 2}, 4);
      const auto a = loop(x, U, h, c), b = by_three(x, U, h, c);
      for (const char* field : {"value", "gradient[0]", "gradient[1]", "gradient[2]", "gradient[3]"})
        CHECK(values(a[field]) == values(b[field]));
    }
    std::vector<int64_t> dots;  // of the loops of three steps and of those behind them
    for (const Counters::Loop& each : by_three.counters().loops) dots.push_back(each.dots);
    std::ranges::sort(dots);
    CHECK(dots == std::vector<int64_t>{1, 1, 3, 3});
  }
}

TEST_CASE("rows with lengths are what each row alone would be") {
  const Dim T("T"), B("B");
  for (const bool reverse : {false, true}) {
    const auto padded = compile(
        [=](Tensor x, Tensor length, Tensor U, Tensor h, Tensor c) {
          const auto run =
              scan(Pair{U}, x, {.length = length, .initial = Pair::State{h, c}, .reverse = reverse});
          return Results4{run.last.h, run.last.c, run.all.h, run.all.c};
        },
        {f64[{T, B, 2}], i32[{B}], f64[{2, 2}], f64[{B, 2}], f64[{B, 2}]}, kBackend);
    const auto alone =
        compile([=](Tensor x, Tensor U, Tensor h, Tensor c) { return by_scan(x, U, h, c, reverse); },
                {f64[{T, B, 2}], f64[{2, 2}], f64[{B, 2}], f64[{B, 2}]}, kBackend);
    const std::vector<int64_t> lengths = {4, 0, 2};
    Array x = noise({4, 3, 2}, 1);
    const Array U = noise({2, 2}, 2), h = noise({3, 2}, 3), c = noise({3, 2}, 4);
    for (int64_t t = 0; t < 4; ++t)
      for (int64_t row = 0; row < 3; ++row)
        if (t >= lengths[row]) x.data<double>()[(t * 3 + row) * 2] = std::nan("");  // padding may be anything
    const auto r = padded(x, ints({3}, {4, 0, 2}), U, h, c);
    for (int64_t row = 0; row < 3; ++row) {
      const int64_t n = lengths[row];
      Array own = Array::zeros(runtime::ElementType::f64, {n, 1, 2}), h1 = noise({1, 2}, 0), c1 = h1;
      for (int64_t k = 0; k < 2; ++k) {
        for (int64_t t = 0; t < n; ++t)
          own.data<double>()[t * 2 + k] = x.data<double>()[(t * 3 + row) * 2 + k];
        h1.data<double>()[k] = h.data<double>()[row * 2 + k];
        c1.data<double>()[k] = c.data<double>()[row * 2 + k];
      }
      const auto expected = alone(own, U, h1, c1);
      for (int64_t k = 0; k < 2; ++k) {
        CHECK(values(r["h"])[row * 2 + k] == values(expected["h"])[k]);
        CHECK(values(r["c"])[row * 2 + k] == values(expected["c"])[k]);
        for (int64_t t = 0; t < 4; ++t)
          CHECK(values(r["hs"])[(t * 3 + row) * 2 + k] == (t < n ? values(expected["hs"])[t * 2 + k] : 0));
      }
    }
  }
}

TEST_CASE("a length outside the time steps is an error of the run") {
  const Dim T("T"), B("B");
  int line = 0;
  const auto f = compile(
      [&](Tensor x, Tensor length) {
        const auto add = [](Tensor x, Tensor s) { return s + x; };
        line = __LINE__ + 1;
        return scan(add, x, {.length = length, .initial = zeros({x.dim(1)})}).last;
      },
      {f32[{T, B}], i64[{B}]}, kBackend);
  const Array x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  check_array(f(x, Array::from<int64_t>({3}, {0, 1, 2})), {3}, {0, 2, 9});
  for (const int64_t bad : {int64_t{-1}, int64_t{3}})
    CHECK(error_of([&] { f(x, Array::from<int64_t>({3}, {0, bad, 2})); }) ==
          "tests/frontend/scan_test.cpp:" + std::to_string(line) +
              ": check: a row's length lies outside 0 .. T (at position 1)");
}

TEST_CASE("a cell may give outs, take the time, read several inputs and nest its state") {
  const Dim T("T"), B("B");
  struct Input {
    Tensor x, y;
  };
  struct Layer {
    Tensor sum;
  };
  struct State {
    std::array<Layer, 2> layers;
    Tensor steps;
  };
  struct Out {
    Tensor before, time;
  };
  const auto f = compile(
      [&](Tensor x, Tensor y) {
        const auto cell = [](Input in, State s, Tensor t) {
          const State next{{Layer{s.layers[0].sum + in.x}, Layer{s.layers[1].sum + in.y}}, s.steps + 1};
          return Step{next, Out{s.steps, t}};
        };
        const State begin{{Layer{zeros({B})}, Layer{full({B}, 100)}}, zeros(i32[{}])};
        const auto run = scan(cell, Input{x, y}, {.initial = begin, .reverse = true});
        struct {
          Tensor a, b, n, before, time, sums;
        } r{run.last.layers[0].sum, run.last.layers[1].sum, run.last.steps,
            run.out.before,         run.out.time,           run.all.layers[0].sum};
        return r;
      },
      {f32[{T, B}], f32[{T, B}]}, kBackend);
  const auto r = f(floats({3, 1}, {1, 2, 4}), floats({3, 1}, {10, 20, 40}));
  check_array(r["a"], {1}, {7});
  check_array(r["b"], {1}, {170});
  check_array(r["n"], {}, {3});
  check_array(r["before"], {3}, {2, 1, 0});
  check_array(r["time"], {3}, {0, 1, 2});
  check_array(r["sums"], {3, 1}, {7, 6, 4});
  const auto none = f(floats({0, 1}, {}), floats({0, 1}, {}));
  check_array(none["b"], {1}, {100});
  check_array(none["sums"], {0, 1}, {});
}

TEST_CASE("scans nest, and capture through both levels") {
  const Dim T("T"), S("S");
  const auto f = compile(
      [](Tensor x, Tensor scale) {
        const auto outer = [&](Tensor row, Tensor total) {
          const auto inner = [&](Tensor element, Tensor sum) { return sum + scale * element * total; };
          return scan(inner, row, {.initial = full({}, 1)}).last;
        };
        return scan(outer, x, {.initial = full({}, 2)}).last;
      },
      {f32[{T, S}], f32[{}]}, kBackend);
  // total = 1 + 10 * (row sum) * total, twice: 1 + 10*3*2 = 61, 1 + 10*7*61 = 4271
  CHECK(f(floats({2, 2}, {1, 2, 3, 4}), floats({}, {10})).item<float>() == 4271);
}

TEST_CASE("unused stacks and captures leave no trace") {
  const Dim T("T"), B("B");
  const auto f = compile(
      [](Tensor x, Tensor y) {
        const auto cell = [&](Tensor x, Tensor s) {
          const Tensor unused = y * 2;
          return Step{s + x, exp(unused)};
        };
        return scan(cell, x, {.initial = zeros({x.dim(1)})}).last;
      },
      {f32[{T, B}], f32[{B}]}, kBackend);
  CHECK(f.ir().find("use()") != std::string::npos);
  CHECK(f.ir().find("stack()") != std::string::npos);
  CHECK(f.ir().find("exp") == std::string::npos);
}

TEST_CASE("the gradient of a scan with lengths is the finite difference") {
  const Dim B("B");
  check_gradient(
      [&](Tensor x, Tensor U, Tensor h, Tensor c) {
        const Tensor length = iota(i32[{B}], 0);  // 0, 1, 2
        const auto run = scan(Pair{U}, x, {.length = length, .initial = Pair::State{h, c}, .reverse = true});
        return sum(run.last.h * run.last.c) + sum(run.all.h) + mean(run.all.c * run.all.h);
      },
      {f64[{3, B, 2}], f64[{2, 2}], f64[{B, 2}], f64[{B, 2}]},
      {noise({3, 3, 2}, 1), noise({2, 2}, 2), noise({3, 2}, 3), noise({3, 2}, 4)});
}
