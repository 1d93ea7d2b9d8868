// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// z[j] = sum over i of x[i] w[i, j]
std::vector<double> product(const std::vector<double>& x, const std::vector<double>& w) {
  std::vector<double> z(w.size() / x.size(), 0.0);
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = 0; j < z.size(); ++j) z[j] += x[i] * w[i * z.size() + j];
  return z;
}

// One step of a cell in f64, on given weights: rows = 1, inputs = 2, hidden = 2.
template <class Cell, class F>
auto one_step(F state_of, int64_t gates, const Array& x, const Array& h, const Array& c, const Array& W,
              const Array& U, const Array& b) {
  const auto f = compile(
      [&](Tensor x, Tensor h, Tensor c, Tensor W, Tensor U, Tensor b) {
        Cell cell("cell", 2, 2);
        cell.W = W;
        cell.U = U;
        cell.b = b;
        if constexpr (std::is_same_v<Cell, nn::Gru>) cell.bn = c;
        return state_of(cell, x, h, c);
      },
      {f64[{1, 2}], f64[{1, 2}], f64[{1, 2}], f64[{2, 2 * gates}], f64[{2, 2 * gates}], f64[{2 * gates}]},
      kBackend);
  return f(x, h, c, W, U, b);
}

const Array x = noise({1, 2}, 1), h = noise({1, 2}, 2), c = noise({1, 2}, 3);

// x W + b and h U of a cell.
struct Products {
  std::vector<double> x, h;
  Products(const Array& W, const Array& U, const Array& b)
      : x(product(values(::x), values(W))), h(product(values(::h), values(U))) {
    for (size_t j = 0; j < x.size(); ++j) x[j] += values(b)[j];
  }
};

}  // namespace

TEST_CASE("cells are their formulas") {
  SUBCASE("rnn") {
    const Array W = noise({2, 2}, 4), U = noise({2, 2}, 5), b = noise({2}, 6);
    const Products z(W, U, b);
    const auto step = [](const nn::Rnn& cell, Tensor x, Tensor h, Tensor) { return cell(x, {h}).h; };
    check_array(one_step<nn::Rnn>(step, 1, x, h, c, W, U, b), {1, 2},
                {std::tanh(z.x[0] + z.h[0]), std::tanh(z.x[1] + z.h[1])}, 1e-14);
  }
  SUBCASE("lstm") {
    const Array W = noise({2, 8}, 4), U = noise({2, 8}, 5), b = noise({8}, 6);
    const Products z(W, U, b);
    const auto step = [](const nn::Lstm& cell, Tensor x, Tensor h, Tensor c) { return cell(x, {h, c}); };
    const auto r = one_step<nn::Lstm>(step, 4, x, h, c, W, U, b);
    std::vector<double> expected_h, expected_c;
    for (size_t k = 0; k < 2; ++k) {
      const auto gate = [&](size_t g) { return z.x[2 * g + k] + z.h[2 * g + k]; };
      expected_c.push_back(logistic(gate(1)) * values(c)[k] + logistic(gate(0)) * std::tanh(gate(2)));
      expected_h.push_back(logistic(gate(3)) * std::tanh(expected_c[k]));
    }
    check_array(r["h"], {1, 2}, expected_h, 1e-14);
    check_array(r["c"], {1, 2}, expected_c, 1e-14);
  }
  SUBCASE("gru") {
    const Array W = noise({2, 6}, 4), U = noise({2, 6}, 5), b = noise({6}, 6);
    const Products p(W, U, b);
    const auto step = [](const nn::Gru& cell, Tensor x, Tensor h, Tensor) { return cell(x, {h}).h; };
    std::vector<double> expected;
    for (size_t k = 0; k < 2; ++k) {
      const double r = logistic(p.x[k] + p.h[k]), z = logistic(p.x[2 + k] + p.h[2 + k]);
      expected.push_back((1 - z) * std::tanh(p.x[4 + k] + r * (p.h[4 + k] + values(c)[k])) +
                         z * values(h)[k]);
    }
    check_array(one_step<nn::Gru>(step, 3, x, h, c, W, U, b), {1, 2}, expected, 1e-14);
  }
}

namespace {

template <class Cell>
void check_cell_gradient(int64_t gates) {
  const Dim B("B");
  check_gradient(
      [&](Tensor x, Tensor W, Tensor U, Tensor b) {
        Cell cell("cell", 2, 2);
        cell.W = W;
        cell.U = U;
        cell.b = b;
        if constexpr (std::is_same_v<Cell, nn::Gru>) cell.bn = split<3>(b)[2];
        typename Cell::State initial;
        detail::for_each_tensor(initial,
                                [&](const std::string&, Tensor& part) { part = full(f64[{B, 2}], 0.25); });
        const auto run = scan(cell, x, {.initial = initial});
        return sum(run.all.h * run.all.h) + sum(run.last.h);
      },
      {f64[{3, B, 2}], f64[{2, 2 * gates}], f64[{2, 2 * gates}], f64[{2 * gates}]},
      {noise({3, 2, 2}, 1), noise({2, 2 * gates}, 2), noise({2, 2 * gates}, 3), noise({2 * gates}, 4)});
}

}  // namespace

TEST_CASE("gradients of cells through time are the finite differences") {
  check_cell_gradient<nn::Rnn>(1);
  check_cell_gradient<nn::Lstm>(4);
  check_cell_gradient<nn::Gru>(3);
}

TEST_CASE("layers declare their weights once, and begin as PyTorch's do") {
  const Dim B("B");
  const auto f = compile(
      [](Tensor ids) {
        const Tensor e = nn::embedding("words", 50, 16)(ids);
        const nn::Linear twice = nn::linear("twice", 16), copy = twice;
        return copy(twice(e));
      },
      {i32[{B}]}, kBackend);
  const Weights weights = f.init(7);
  std::vector<std::string> names;
  for (const auto& [name, array] : weights.arrays()) names.push_back(name + " " + type_text(array));
  CHECK(names == std::vector<std::string>{"twice.W f32[16,16]", "twice.b f32[16]", "words.W f32[50,16]"});
  double greatest = 0;
  for (const double w : values(weights.at("twice.W"))) greatest = std::max(greatest, std::abs(w));
  CHECK(greatest <= 0.25);  // 1 / sqrt(16)
  CHECK(greatest > 0.24);
  double mean = 0, square = 0;
  for (const double w : values(weights.at("words.W"))) mean += w / 800, square += w * w / 800;
  CHECK(std::abs(mean) < 0.1);
  CHECK(square == doctest::Approx(1).epsilon(0.1));
  CHECK(f(weights, ints({2}, {0, 49})).shape() == std::vector<int64_t>{2, 16});
}

TEST_CASE("dropout: of half, in training; nothing else") {
  const Dim B("B");
  const auto loss = [](Tensor x) {
    const Tensor kept = nn::dropout("drop", 0.25)(x * param("w", {1}, constant(1)));
    struct {
      Tensor loss, kept;
    } r{sum(kept), kept};
    return r;
  };
  const auto step = train_step(loss, {f32[{B, 4}]}, sgd(0), kBackend);
  Weights weights = step.init(3);
  Array x = Array::zeros(runtime::ElementType::f32, {1000, 4});
  for (float& e : x.data<float>()) e = 3;
  const std::vector<double> first = values(step(weights, x)["kept"]),
                            second = values(step(weights, x)["kept"]);
  int64_t dropped = 0, differ = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    CHECK((first[i] == 0 || first[i] == 4));
    dropped += first[i] == 0;
    differ += first[i] != second[i];
  }
  CHECK(std::abs(dropped - 1000) < 120);
  CHECK(differ > 1000);  // another step draws other numbers
  Weights again = step.init(3);
  CHECK(values(step(again, x)["kept"]) == first);

  const auto evaluate = compile(loss, {f32[{B, 4}]}, kBackend);
  CHECK(values(evaluate(std::as_const(weights), x)["kept"]) == std::vector<double>(4000, 3.0));
}
