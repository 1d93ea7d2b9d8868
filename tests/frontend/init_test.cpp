// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/hash.h"
#include "runtime/philox.h"
#include "tests/frontend/helpers.h"

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
  for (const double x : drawn(xavier(), {30, 20})) CHECK(std::abs(x) <= std::sqrt(6.0 / 50));
  CHECK(drawn(zeros_init(), {2}) == std::vector<double>{0, 0});
  CHECK(drawn(constant(2.5), {2}) == std::vector<double>{2.5, 2.5});
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
