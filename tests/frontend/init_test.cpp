// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/hash.h"
#include "runtime/philox.h"
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

std::vector<double> drawn(const Initializer& init, std::vector<int64_t> shape, std::string_view name = "w",
                          uint64_t seed = 1) {
  int64_t size = 1;
  for (int64_t dim : shape) size *= dim;
  std::vector<double> values(size);
  init(name, seed, shape, values);
  return values;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("initial values are the same everywhere: these bits") {
  CHECK(drawn(uniform(0, 1), {3}) ==
        std::vector<double>{0x1.4269da085ea89p-1, 0x1.d5b707baf90a2p-1, 0x1.aadab79ade1p-4});
  CHECK(drawn(normal(0, 1), {3}) ==
        std::vector<double>{-0x1.0bc1e8d0994cfp+0, -0x1.8eaf530816cb9p+0, -0x1.9db55aa855766p-2});
  CHECK(drawn(orthogonal(), {2, 2}) == std::vector<double>{-0x1.1d7500d2b6344p-1, -0x1.a90a0582e850bp-1,
                                                           0x1.a90a0582e850bp-1, -0x1.1d7500d2b6344p-1});
}

TEST_CASE("initial values hang on name, seed and position alone") {
  const std::vector<double> w = drawn(uniform(-1, 1), {100});
  CHECK(drawn(uniform(-1, 1), {10, 10}) == w);
  CHECK(drawn(uniform(-1, 1), {100}, "v") != w);
  CHECK(drawn(uniform(-1, 1), {100}, "w", 2) != w);
  const std::vector<double> longer = drawn(uniform(-1, 1), {200});
  CHECK(std::vector<double>(longer.begin(), longer.begin() + 100) == w);
}

TEST_CASE("distributions have the moments that they should have") {
  const std::vector<double> u = drawn(uniform(2, 4), {20000}), n = drawn(normal(1, 3), {20000});
  for (const double x : u) CHECK((x >= 2 && x < 4));
  CHECK(mean_of(u) == doctest::Approx(3).epsilon(0.01));
  CHECK(mean_of(n) == doctest::Approx(1).epsilon(0.1));
  std::vector<double> square, fourth;
  for (const double x : n) {
    const double z = (x - 1) / 3;
    square.push_back(z * z);
    fourth.push_back(z * z * z * z);
  }
  CHECK(mean_of(square) == doctest::Approx(1).epsilon(0.03));
  CHECK(mean_of(fourth) == doctest::Approx(3).epsilon(0.1));
  CHECK(drawn(zeros_init(), {2}) == std::vector<double>{0, 0});
  CHECK(drawn(constant(2.5), {2}) == std::vector<double>{2.5, 2.5});
}

TEST_CASE("scaled weights have PyTorch's ranges and deviations") {
  const std::vector<int64_t> shape = {30, 20}, vector = {20};  // 30 inputs, 20 outputs; a vector is one row
  const auto near = [](const std::vector<double>& a, const std::vector<double>& b) {
    double greatest = 0;
    for (size_t i = 0; i < a.size(); ++i) greatest = std::max(greatest, std::abs(a[i] - b[i]));
    return a.size() == b.size() && greatest < 1e-15;
  };
  const auto even = [&](double limit) { return drawn(uniform(-limit, limit), shape); };
  const auto bell = [&](double deviation) { return drawn(normal(0, deviation), shape); };
  const double relu = std::sqrt(2), tanh = 5.0 / 3;
  CHECK(near(drawn(xavier_uniform(), shape), even(std::sqrt(6.0 / 50))));
  CHECK(near(drawn(xavier_uniform(2), shape), even(2 * std::sqrt(6.0 / 50))));
  CHECK(near(drawn(xavier_normal(2), shape), bell(2 * std::sqrt(2.0 / 50))));
  CHECK(near(drawn(kaiming_uniform(), shape), even(relu * std::sqrt(3.0 / 30))));
  CHECK(near(drawn(kaiming_uniform(tanh, Fan::outputs), shape), even(tanh * std::sqrt(3.0 / 20))));
  CHECK(near(drawn(kaiming_normal(), shape), bell(relu / std::sqrt(30.0))));
  CHECK(near(drawn(kaiming_normal(1, Fan::outputs), shape), bell(1 / std::sqrt(20.0))));
  CHECK(near(drawn(xavier_uniform(), vector),
             drawn(uniform(-std::sqrt(6.0 / 21), std::sqrt(6.0 / 21)), vector)));
  CHECK(drawn(kaiming_normal(), {0, 3}).empty());

  CHECK(gain_for(Nonlinearity::linear) == 1);
  CHECK(gain_for(Nonlinearity::sigmoid) == 1);
  CHECK(gain_for(Nonlinearity::tanh) == tanh);
  CHECK(gain_for(Nonlinearity::relu) == relu);
  CHECK(gain_for(Nonlinearity::leaky_relu, 0.5) == std::sqrt(1.6));
  CHECK(gain_for(Nonlinearity::leaky_relu) == std::sqrt(2 / 1.0001));
  CHECK(gain_for(Nonlinearity::selu) == 0.75);
}

TEST_CASE("given values are those, of any element type, for that shape") {
  CHECK(drawn(given(floats({2, 1}, {1.5, -2})), {2, 1}) == std::vector<double>{1.5, -2});
  CHECK(drawn(given(ints({2}, {7, -8})), {2}) == std::vector<double>{7, -8});
  CHECK(drawn(given(Array::from<bool>({2}, {true, false})), {2}) == std::vector<double>{1, 0});
  CHECK(drawn(given(Array::from<int64_t>({1}, {int64_t{1} << 40})), {1}) == std::vector<double>{0x1p40});
  CHECK(drawn(given(Array::from<runtime::Bfloat16>({1}, {{0x3FC0}})), {1}) == std::vector<double>{1.5});
  const auto f = compile([](Tensor x) { return x * param("w", {2}, given(doubles({2}, {3, 4}))); },
                         {f32[{2}]}, kBackend);
  check_array(f(f.init(0), floats({2}, {1, 1})), {2}, {3, 4});
}

TEST_CASE("initialisers say what they can't take") {
  CHECK_ERROR(uniform(1, -1), "uniform: high must be finite and at least the low end 1.0, found -1.0");
  CHECK_ERROR(normal(0, -1), "normal: deviation must be finite and 0 or more, found -1.0");
  CHECK_ERROR(xavier_uniform(-1), "xavier_uniform: gain must be finite and 0 or more, found -1.0");
  CHECK_ERROR(kaiming_normal(std::nan("")), "kaiming_normal: gain must be finite and 0 or more, found nan");
  CHECK_ERROR(orthogonal(-2), "orthogonal: gain must be finite and 0 or more, found -2.0");
  const auto wrong = [] { return given(floats({2}, {1, 2})); };
  const std::string made = place(__FILE__, __LINE__ - 1);
  const auto f = compile([&](Tensor x) { return x * param("w", {2, 1}, wrong()); }, {f32[{1}]}, kBackend);
  CHECK(error_of([&] { f.init(0); }) ==
        place(__FILE__, __LINE__ - 1) + made + "given: the array is f32[2], but 'w' has the dims [2,1]");
}

TEST_CASE("normal numbers are Box and Muller's, to the last digits of the C library's functions") {
  const std::vector<double> n = drawn(normal(0, 1), {1000});
  const uint64_t key = detail::hash("w");
  for (uint32_t i = 0; i < n.size(); ++i) {
    const auto words =
        runtime::philox4x32({i, 0, 1, 0}, {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
    const auto unit = [](uint64_t a, uint64_t b) {
      return static_cast<double>((a << 32 | b) >> 11) * 0x1p-53;
    };
    const double u = unit(words[0], words[1]), turn = unit(words[2], words[3]);
    const double expected = std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * 3.141592653589793 * turn);
    CHECK(std::abs(n[i] - expected) < 2e-14 * std::max(1.0, std::abs(expected)));
  }
}

TEST_CASE("orthogonal weights are orthonormal along the shorter side") {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{4, 12}, {12, 4}, {5, 5}}) {
    const std::vector<double> w = drawn(orthogonal(2), {rows, columns});
    const auto at = [&, rows = rows, columns = columns](int64_t vector, int64_t i) {
      return rows <= columns ? w[vector * columns + i] : w[i * columns + vector];
    };
    for (int64_t a = 0; a < std::min(rows, columns); ++a)
      for (int64_t b = 0; b <= a; ++b) {
        double inner = 0;
        for (int64_t i = 0; i < std::max(rows, columns); ++i) inner += at(a, i) * at(b, i);
        CHECK(std::abs(inner - (a == b ? 4 : 0)) < 1e-13);
      }
  }
}

TEST_CASE("random numbers in a function: even, and of their own at every step of every scan") {
  const Dim T("T"), B("B");
  const auto f = compile(
      [&](Tensor x) {
        const auto cell = [&](Tensor, Tensor s) { return Step{s, random_uniform("in_cell", {B, 3})}; };
        struct {
          Tensor once, each;
        } r{random_uniform("once", {T, B, 3}), scan(cell, x, {.initial = zeros({})}).out};
        return r;
      },
      {f32[{T, B}]}, kBackend);
  Weights weights = f.init(4);
  const auto r = f(weights, Array::zeros(runtime::ElementType::f32, {20, 50}));
  for (const char* field : {"once", "each"}) {
    std::vector<double> u = values(r[field]);
    CHECK(mean_of(u) == doctest::Approx(0.5).epsilon(0.05));
    std::sort(u.begin(), u.end());
    CHECK((u.front() >= 0 && u.back() < 1));
    const auto distinct = std::unique(u.begin(), u.end()) - u.begin();
    CHECK(distinct > 2990);  // of 3000, each one of 2^24
  }
  CHECK(values(r["once"]) != values(r["each"]));
}
