// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/codegen/dot_kernel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "backends/llvm/codegen/code_generator.h"
#include "backends/llvm/codegen/target.h"
#include "backends/llvm/prebuilt.h"
#include "ir/error.h"
#include "tests/backends/guarded.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

using Random = std::mt19937;

std::int64_t draw(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

/// Mostly ordinary numbers, some zeros of both signs, some so small that products of them underflow.
template <class T>
T draw_value(Random& random) {
  T value = static_cast<T>(std::normal_distribution<double>()(random));
  switch (draw(random, 0, 19)) {
    case 0:
      return T(0);
    case 1:
      return -T(0);
    case 2:
      return value * std::sqrt(std::numeric_limits<T>::min()) / 64;
    default:
      return value;
  }
}

template <class T>
bool same_bits(T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b) || (std::isnan(a) && std::isnan(b));
}

template <class T>
std::int64_t count_differences(const std::vector<T>& expected, const T* found) {
  std::int64_t differences = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) differences += !same_bits(expected[i], found[i]);
  return differences;
}

template <class T>
const PrebuiltKernels::DotsOf<T>& dots(Isa isa) {
  const PrebuiltKernels& kernels = prebuilt_kernels(isa);
  if constexpr (std::is_same_v<T, float>)
    return kernels.f32;
  else
    return kernels.f64;
}

/// The kernels of one target and type.
template <class T>
struct Kernels : PrebuiltKernels::DotsOf<T> {
  Target target;

  explicit Kernels(const Target& wanted) : PrebuiltKernels::DotsOf<T>(dots<T>(wanted.isa)), target(wanted) {}
};

template <class T>
void for_each_target(const std::function<void(const Kernels<T>&)>& check) {
  for (const Target& target : supported_targets()) check(Kernels<T>(target));
}

struct Sizes {
  std::int64_t M, N, K;
};

/// Elements from the first to the last of `rows` rows that are `stride` apart.
std::int64_t extent(std::int64_t rows, std::int64_t stride, std::int64_t columns) {
  return rows && columns ? (rows - 1) * stride + columns : 0;
}

/// Runs the kernel once on random operands, with random strides and either layout of a, and compares all of
/// c, the gaps between its rows included, to a plain loop. The last elements of a, b and c lie at a guard
/// page, or their first ones do; the gaps in a and b and the scratch memory are NaN.
template <class T>
void check_dot(const Kernels<T>& kernels, Random& random, Sizes sizes) {
  auto [M, N, K] = sizes;
  bool transposed = draw(random, 0, 1), accumulate = draw(random, 0, 3) == 0, at_end = draw(random, 0, 1);
  std::int64_t a_row = transposed ? 1 : K + draw(random, 0, 3), a_k = transposed ? M + draw(random, 0, 3) : 1;
  std::int64_t b_k = N + draw(random, 0, 3), c_row = N + draw(random, 0, 3);
  Guarded<T> a(transposed ? extent(K, a_k, M) : extent(M, a_row, K), at_end);
  Guarded<T> b(extent(K, b_k, N), at_end), c(extent(M, c_row, N), at_end);
  Guarded<T> scratch(kernels.scratch_size, at_end);
  for (Guarded<T>* array : {&a, &b, &scratch}) std::ranges::fill(*array, std::numeric_limits<T>::quiet_NaN());
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t k = 0; k < K; ++k) a[m * a_row + k * a_k] = draw_value<T>(random);
  for (std::int64_t k = 0; k < K; ++k)
    for (std::int64_t n = 0; n < N; ++n) b[k * b_k + n] = draw_value<T>(random);
  for (T& value : c) value = draw_value<T>(random);

  std::vector<T> expected(c.begin(), c.end());
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t n = 0; n < N; ++n) {
      T sum = accumulate ? expected[m * c_row + n] : T(0);
      for (std::int64_t k = 0; k < K; ++k) sum = std::fma(a[m * a_row + k * a_k], b[k * b_k + n], sum);
      expected[m * c_row + n] = sum;
    }
  kernels.dot(a.data(), b.data(), c.data(), M, N, K, a_row, a_k, b_k, c_row, scratch.data(), accumulate);
  INFO(name(kernels.target.isa), " M ", M, " N ", N, " K ", K, " transposed ", transposed);
  REQUIRE(count_differences(expected, c.data()) == 0);
}

template <class T>
void check_many_dots() {
  for_each_target<T>([](const Kernels<T>& kernels) {
    Random random(1);
    for (int i = 0; i < 500; ++i)
      check_dot(kernels, random, {draw(random, 0, 70), draw(random, 0, 70), draw(random, 0, 70)});
    // Every height of the last tile and width of the last panel, with packed panels and without.
    for (std::int64_t M : {1, 2, 3, 4, 5, 6, 7, 11, 13, 49, 53})
      for (std::int64_t N : {1, 15, 16, 17, 63, 64, 65, 129})
        check_dot(kernels, random, {M, N, draw(random, 1, 9)});
    // Several blocks of K.
    for (std::int64_t K : {127, 128, 129, 255, 256, 700})
      check_dot(kernels, random, {draw(random, 40, 60), draw(random, 60, 140), K});
    for (Sizes empty : {Sizes{0, 5, 5}, {5, 0, 5}, {5, 70, 0}, {50, 130, 0}, {0, 0, 0}})
      for (int i = 0; i < 4; ++i) check_dot(kernels, random, empty);
  });
}

/// One inner product, as LanesDotFunction defines it.
template <class T>
T lanes_dot(const T* a, const T* b, std::int64_t K) {
  T total = 0;
  for (std::int64_t first = 0; first < K; first += 4096) {
    T lanes[16] = {};
    for (std::int64_t k = first; k < std::min(K, first + 4096); ++k) {
      T& lane = lanes[(k - first) % 16];
      lane = std::fma(a[k], b[k], lane);
    }
    for (int half = 8; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    total += lanes[0];
  }
  return total;
}

template <class T>
void check_lanes_dot(const Kernels<T>& kernels, Random& random, std::int64_t M, std::int64_t K) {
  bool at_end = draw(random, 0, 1), shared_b = draw(random, 0, 1);
  std::int64_t a_row = K + draw(random, 0, 3), b_row = shared_b ? 0 : K, c_stride = draw(random, 1, 3);
  Guarded<T> a(extent(M, a_row, K), at_end), b(extent(M, b_row, K), at_end),
      c(extent(M, c_stride, 1), at_end);
  for (Guarded<T>* array : {&a, &b, &c})
    for (T& value : *array) value = draw_value<T>(random);
  std::vector<T> expected(c.begin(), c.end());
  for (std::int64_t m = 0; m < M; ++m)
    expected[m * c_stride] = lanes_dot(a.data() + m * a_row, b.data() + m * b_row, K);
  kernels.lanes_dot(a.data(), b.data(), c.data(), M, K, a_row, b_row, c_stride);
  INFO(name(kernels.target.isa), " M ", M, " K ", K);
  REQUIRE(count_differences(expected, c.data()) == 0);
}

template <class T>
void check_many_lanes_dots() {
  for_each_target<T>([](const Kernels<T>& kernels) {
    Random random(2);
    for (int i = 0; i < 300; ++i) check_lanes_dot(kernels, random, draw(random, 0, 11), draw(random, 0, 100));
    for (std::int64_t K : {4095, 4096, 4097, 4111, 8192, 10000})
      check_lanes_dot(kernels, random, draw(random, 1, 6), K);
  });
}

}  // namespace

TEST_CASE("dot kernel: bits of the fma chain, f32") { check_many_dots<float>(); }

TEST_CASE("dot kernel: bits of the fma chain, f64") { check_many_dots<double>(); }

TEST_CASE("lanes dot kernel: bits of the reduction by lanes, f32") { check_many_lanes_dots<float>(); }

TEST_CASE("lanes dot kernel: bits of the reduction by lanes, f64") { check_many_lanes_dots<double>(); }

TEST_CASE("dot kernel: any cut into rows, columns and K gives the same bits") {
  for_each_target<float>([](const Kernels<float>& kernels) {
    using Range = std::pair<std::int64_t, std::int64_t>;
    Random random(3);
    const std::int64_t M = 460, N = 150, K = 300;
    std::vector<float> a(M * K), b(K * N), whole(M * N), cut(M * N);
    std::vector<float> scratch(kernels.scratch_size);
    for (std::vector<float>* array : {&a, &b})
      for (float& value : *array) value = draw_value<float>(random);
    kernels.dot(a.data(), b.data(), whole.data(), M, N, K, K, 1, N, N, scratch.data(), 0);
    for (int i = 0; i < 10; ++i) {
      std::int64_t m = draw(random, 0, M), n = draw(random, 0, N), k = draw(random, 0, K);
      for (auto [m0, m1] : {Range{0, m}, Range{m, M}})
        for (auto [n0, n1] : {Range{0, n}, Range{n, N}})
          for (auto [k0, k1, accumulate] : {std::tuple{std::int64_t{0}, k, 0}, std::tuple{k, K, 1}})
            kernels.dot(a.data() + m0 * K + k0, b.data() + k0 * N + n0, cut.data() + m0 * N + n0, m1 - m0,
                        n1 - n0, k1 - k0, K, 1, N, N, scratch.data(), accumulate);
      REQUIRE(std::memcmp(whole.data(), cut.data(), whole.size() * sizeof(float)) == 0);
    }
  });
}

TEST_CASE("dot kernel: negative strides run K backwards") {
  for_each_target<double>([](const Kernels<double>& kernels) {
    const std::int64_t M = 7, N = 40, K = 31;
    Random random(4);
    std::vector<double> a(M * K), b(K * N), c(M * N), expected(M * N);
    std::vector<double> scratch(kernels.scratch_size);
    for (std::vector<double>* array : {&a, &b})
      for (double& value : *array) value = draw_value<double>(random);
    kernels.dot(a.data() + K - 1, b.data() + (K - 1) * N, c.data(), M, N, K, K, -1, -N, N, scratch.data(), 0);
    for (std::int64_t m = 0; m < M; ++m)
      for (std::int64_t n = 0; n < N; ++n)
        for (std::int64_t k = K - 1; k >= 0; --k)
          expected[m * N + n] = std::fma(a[m * K + k], b[k * N + n], expected[m * N + n]);
    CHECK(count_differences(expected, c.data()) == 0);
  });
}

TEST_CASE("dot kernel: other types are refused") {
  CodeModule code("test");
  CHECK_THROWS_AS(emit_dot_kernel(code, select_target(), runtime::ElementType::i32, "dot"), InternalError);
}

TEST_CASE("prebuilt kernels: every instruction set has its own, whatever the CPU") {
  std::set<const void*> functions;
  for (const Target& target : all_targets()) {
    const PrebuiltKernels& kernels = prebuilt_kernels(target.isa);
    const auto add = [&](const auto& dots, std::int64_t scratch_size) {
      functions.insert(reinterpret_cast<const void*>(dots.dot));
      functions.insert(reinterpret_cast<const void*>(dots.lanes_dot));
      CHECK(dots.scratch_size == scratch_size);
    };
    add(kernels.f32, dot_scratch_size(target, runtime::ElementType::f32));
    add(kernels.f64, dot_scratch_size(target, runtime::ElementType::f64));
    add(kernels.bf16, bf16_dot_scratch_size(target));
    for (TransposeFunction* transpose : kernels.transpose)
      functions.insert(reinterpret_cast<const void*>(transpose));
  }
  CHECK(functions.count(nullptr) == 0);
  CHECK(functions.size() == 4 * (3 * 2 + 4));
}

TEST_CASE("prebuilt kernels: the code of an instruction set is always the same") {
  for (const Target& target : all_targets()) {
    const CodeGenerator generator(target);
    const auto make = [&] {
      const CodeModule code = emit_prebuilt_kernels(target);
      generator.optimise(code);
      return generator.object(code);
    };
    CHECK(make() == make());
  }
}
