// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Control flow besides scan, derivatives of the user's own, forward derivatives, scatters and top_k.
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim B("B");

struct Pair {
  Tensor a, b;
};

// What tracing `function` with arguments of these types says, without its place.
template <class F>
std::string message(F function, std::vector<Type> types) {
  try {
    compile(std::move(function), std::move(types), kBackend);
  } catch (const Error& error) {
    const std::string text = error.what();
    const size_t place = text.find("control_test.cpp:");
    CHECK(place != std::string::npos);
    return text.substr(text.find(": ", place) + 2);
  }
  return "no error";
}

}  // namespace

TEST_CASE("cond chooses what is computed, by a truth value, and gradients take the way that was taken") {
  const auto f = compile(
      [](Tensor x, Tensor flag) {
        const Tensor w = param("w", f64[{}], constant(3));
        const auto loss = [&](Tensor x) {
          const Pair chosen =
              cond(flag > 0, [&] { return Pair{w * x * x, x}; }, [&] { return Pair{x, exp(x)}; });
          return sum(chosen.a + chosen.b);
        };
        return grad(loss)(x);
      },
      {f64[{B}], i32[{}]}, kBackend);
  const Weights weights = f.init(0);
  check_array(f(weights, doubles({2}, {1, 2}), ints({}, {1})), {2}, {7, 13}, 1e-12);
  check_array(f(weights, doubles({2}, {1, 2}), ints({}, {0})), {2}, {1 + std::exp(1), 1 + std::exp(2)},
              1e-12);
}

TEST_CASE("a cond within a cell, its branches within each other") {
  const Dim T("T");
  const auto f = compile(
      [](Tensor x) {
        const auto cell = [](Tensor x, Tensor sum, Tensor t) {
          return cond(
              t > 0, [&] { return cond(x > 2, [&] { return sum + 10 * x; }, [&] { return sum + x; }); },
              [&] { return sum - x; });
        };
        return scan(cell, x, {.initial = zeros(f64[{}])}).last;
      },
      {f64[{T}]}, kBackend);
  CHECK(f(doubles({4}, {1, 2, 3, 4})).item<double>() == -1 + 2 + 30 + 40);
  CHECK(f(doubles({0}, {})).item<double>() == 0);
}

TEST_CASE("while_loop runs until its test fails: Newton's square root, differentiated forward") {
  struct State {
    Tensor root, steps;
  };
  const auto newton = [](Tensor x) {
    return while_loop(
        State{x, zeros(f64[{}])}, [&](State s) { return abs(s.root * s.root - x) > 1e-12; },
        [&](State s) { return State{(s.root + x / s.root) / 2, s.steps + 1}; });
  };
  const auto f = compile(
      [&](Tensor x) {
        const auto root = [&](Tensor x) { return newton(x).root; };
        const auto [value, slope] = jvp(root, {x}, {full(f64[{}], 1)});
        return Pair{slope, newton(x).steps};
      },
      {f64[{}]}, kBackend);
  const auto [slope, steps] = f(doubles({}, {4}));
  CHECK(slope.item<double>() == doctest::Approx(0.25));
  CHECK(steps.item<double>() >= 4);
  CHECK(f(doubles({}, {1})).get<1>().item<double>() == 0);
}

TEST_CASE(
    "custom_vjp is differentiated as it says: a straight-through step, with a value kept for the "
    "derivative") {
  struct Rounded {
    Tensor y, error;
  };
  const auto step = custom_vjp(
      [](Tensor x, Tensor scale) {
        const Tensor y = floor(x * scale);
        return Rounded{y, x * scale - y};
      },
      [](Tensor, Tensor scale, Rounded value, Rounded d) {
        return std::array{d.y * scale, d.y * value.error};
      });
  const auto f = compile(
      [&](Tensor x, Tensor scale) {
        return grad([&](Tensor x, Tensor s) { return sum(step(x, s).y * x); })(x, scale);
      },
      {f64[{B}], f64[{B}]}, kBackend);
  // d/dx of floor(2x) x, with floor straight through: 2 x + floor(2x); d/dscale: x * (2x - floor(2x))
  const auto r = f(doubles({2}, {1.25, 3}), doubles({2}, {2, 2}));
  check_array(r.get<0>(), {2}, {2 * 1.25 + 2, 2 * 3 + 6}, 1e-12);
  check_array(r.get<1>(), {2}, {1.25 * 0.5, 0}, 1e-12);
}

TEST_CASE("a custom_vjp in the cell of a scan") {
  const Dim T("T");
  const auto clipped = custom_vjp([](Tensor h) { return h * h; },
                                  [](Tensor h, Tensor, Tensor d) { return min(max(2 * h * d, -1), 1); });
  const auto f = compile(
      [&](Tensor x) {
        const auto cell = [&](Tensor x, Tensor h) { return clipped(h) * x; };
        return grad([&](Tensor h0) { return scan(cell, x, {.initial = h0}).last; })(full(f64[{}], 2));
      },
      {f64[{T}]}, kBackend);
  // h: 2, 4, 16; backwards 1 * 1 -> clipped to 1, twice.
  CHECK(f(doubles({2}, {1, 1})).item<double>() == 1);
  CHECK(f(doubles({2}, {1, 1.0 / 64})).item<double>() == 0.5);
}

TEST_CASE(
    "jvp is the derivative along a direction; of grad, the Hessian times a vector; through a scan too") {
  const Dim T("T");
  const auto f = compile(
      [](Tensor x, Tensor v) {
        const auto cell = [](Tensor x, Tensor h) { return tanh(x + h); };
        const auto loss = [&](Tensor x) { return scan(cell, x, {.initial = zeros(f64[{}])}).last; };
        const auto forward = jvp(grad(loss), {x}, {v});
        const Tensor reverse = grad([&](Tensor x) { return sum(grad(loss)(x) * v); })(x);
        return Pair{forward.tangent, reverse};
      },
      {f64[{T}], f64[{T}]}, kBackend);
  const auto r = f(noise({5}, 1), noise({5}, 2));
  check_array(r.get<0>(), {5}, values(r.get<1>()), 1e-14);
  CHECK(std::abs(values(r.get<0>())[4]) > 1e-3);
}

TEST_CASE("scatter_add, scatter_set and top_k, along any dim") {
  struct Four {
    Tensor added, set, top, at;
  };
  const auto f = compile(
      [](Tensor base, Tensor at, Tensor updates) {
        const TopK top = top_k(base, 2, 0);
        return Four{scatter_add(base, at, updates), scatter_set(base, at, updates, 0), top.values,
                    top.indices};
      },
      {f32[{3, 2}], i32[{B}], f32[{B, 2}]}, kBackend);
  const auto r = f(floats({3, 2}, {1, 2, 3, 4, 5, 0}), ints({2}, {1, 1}), floats({2, 2}, {10, 20, 30, 40}));
  check_array(r["added"], {3, 2}, {1, 2, 43, 64, 5, 0});
  check_array(r["set"], {3, 2}, {1, 2, 30, 40, 5, 0});
  check_array(r["top"], {2, 2}, {5, 4, 3, 2});
  check_array(r["at"], {2, 2}, {2, 1, 1, 0});
  const Dim N("N");
  const auto some = compile([](Tensor x) { return top_k(x, 3).values; }, {f32[{N}]}, kBackend);
  check_array(some(floats({4}, {1, 4, 2, 3})), {3}, {4, 3, 2});
  CHECK_THROWS_AS(some(floats({2}, {1, 2})), Error);
}

TEST_CASE("misuses of control flow are told with the user's words") {
  const Type x = f64[{B}], one = f64[{}];
  const auto yes = [](Tensor x) { return x; };
  CHECK(
      message([&](Tensor x) { return cond(x > 0, [&] { return x; }, [&] { return -x; }); }, {x}) ==
      "cond: the predicate is one truth value, i1[], found i1[B]; compare numbers, as in x > 0, and reduce a "
      "tensor, as by max(x, dims)");
  CHECK(message([&](Tensor x, Tensor p) { return cond(p > 0, [&] { return x; }, [&] { return sum(x); }); },
                {x, one}) ==
        "cond: is f64[B] in one way and f64[] in the other: both must give the same types");
  CHECK(message(
            [&](Tensor x, Tensor p) {
              return cond(p > 0, [&] { return Pair{x, x}; }, [&] { return Pair{x, cast(x, f32)}; });
            },
            {x, one}) ==
        "cond: 'b' is f64[B] in one way and f32[B] in the other: both must give the same types");
  CHECK(message([&](Tensor x) { return while_loop(x, [](Tensor x) { return x > 0; }, yes); }, {x}) ==
        "while_loop: what the test returns is one truth value, i1[], found i1[B]; compare numbers, as in x > "
        "0, "
        "and reduce a tensor, as by max(x, dims)");
  CHECK(
      message(
          [&](Tensor x) {
            return while_loop(
                Pair{x, x}, [](Pair p) { return p.a > 0; }, [](Pair p) { return Pair{p.a, cast(p.b, f32)}; });
          },
          {one}) ==
      "while_loop: 'b' enters as f64[] and leaves as f32[]: the body must return each part of the state with "
      "the type that it began with");
  CHECK(message(
            [&](Tensor x) {
              return while_loop(
                  x, [](Tensor x) { return x > 0; },
                  [](Tensor x) { return x - random_uniform("noise", {}); });
            },
            {f32[{}]}) ==
        "the random numbers 'noise' would be the same in each run of the while_loop: draw them outside, or "
        "use a scan");
  CHECK(
      message(
          [&](Tensor x) {
            return grad([&](Tensor x) { return while_loop(x, [](Tensor x) { return x < 9; }, yes); })(x);
          },
          {one}) ==
      "while: it has no derivative in reverse: forward only, by jvp: nothing records its steps; a loop whose "
      "gradient is wanted is a scan");
  CHECK(message(
            [&](Tensor x, Tensor w) {
              return custom_vjp([&](Tensor x) { return x * w; },
                                [](Tensor, Tensor, Tensor d) { return d; })(x);
            },
            {x, x}) ==
        "custom_vjp: a tensor from outside, f64[B] 'arg1' is used, and nothing would say its gradient: pass "
        "it as "
        "an argument");
  CHECK(message(
            [&](Tensor x) {
              return custom_vjp(yes, [](Tensor, Tensor, Tensor d) { return std::array{d, d}; })(x);
            },
            {x}) ==
        "custom_vjp: there are 1 float arguments, and backward returns 2 cotangents: one for each, in order");
  CHECK(message([&](Tensor x) { return custom_vjp(yes, [](Tensor, Tensor, Tensor d) { return sum(d); })(x); },
                {x}) == "custom_vjp: cotangent 0 is f64[], its argument is f64[B]: they must agree");
  CHECK(message(
            [&](Tensor x) {
              return jvp(custom_vjp(yes, [](Tensor, Tensor, Tensor d) { return d; }), {x}, {x}).tangent;
            },
            {x}) == "call: it has no derivative forward: in reverse its block vjp; it has none forward");
  CHECK(message([&](Tensor x) { return jvp(yes, {x}, {sum(x)}).tangent; }, {x}) ==
        "jvp: argument 0 is f64[B], its tangent f64[]: both must be of one float type; other tensors are "
        "captured, "
        "[&](Tensor x) { .. }");
  CHECK(message([&](Tensor x) { return jvp([](Tensor x) { return argmax(x); }, {x}, {x}).value; }, {x}) ==
        "jvp: the function returns i32[], only floats have tangents");
  CHECK(message([&](Tensor x) { return top_k(x, 9).values; }, {f32[{B, 8}]}) ==
        "top_k: k is 9, dim 1 of f32[B,8] does not have so many elements");
  CHECK(message([&](Tensor x) { return scatter_set(x, cast(x, i32), sum(x)); }, {x}) ==
        "scatter_set: updates are f64[], expected f64[B]");
}
