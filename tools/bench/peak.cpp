// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "ir/error.h"
#include "runtime/workers.h"

namespace rondo::bench {

namespace {

constexpr int kChains = 12;  // enough to hide the latency of a multiply-add on two ports

// Kept as functions of their own, so that each has its instruction set. What they return keeps the work alive.
__attribute__((target("avx512f"))) float chains512(int64_t turns) {
  __m512 sums[kChains];
  const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  for (__m512& sum : sums) sum = y;
  for (int64_t turn = 0; turn < turns; ++turn)
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, x, y);
  for (const __m512& sum : sums) sums[0] = _mm512_add_ps(sums[0], sum);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) float chains256(int64_t turns) {
  __m256 sums[kChains];
  const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  for (__m256& sum : sums) sum = y;
  for (int64_t turn = 0; turn < turns; ++turn)
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, x, y);
  for (const __m256& sum : sums) sums[0] = _mm256_add_ps(sums[0], sum);
  return _mm256_cvtss_f32(sums[0]);
}

float chains128(int64_t turns) {
  __m128 sums[kChains];
  const __m128 x = _mm_set1_ps(0.999f), y = _mm_set1_ps(0.001f);
  for (__m128& sum : sums) sum = y;
  for (int64_t turn = 0; turn < turns; ++turn)
#pragma GCC unroll 12
    for (__m128& sum : sums) sum = _mm_add_ps(_mm_mul_ps(sum, x), y);
  for (const __m128& sum : sums) sums[0] = _mm_add_ps(sums[0], sum);
  return _mm_cvtss_f32(sums[0]);
}

struct Chains {
  float (*run)(int64_t turns);
  int lanes;
};

Chains best_chains() {
  if (__builtin_cpu_supports("avx512f")) return {chains512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {chains256, 8};
  return {chains128, 4};
}

}  // namespace

double peak_gflops(DType dtype, int threads) {
  if (dtype != f32 && dtype != f64) throw InternalError("peak_gflops of " + std::string(dtype.text()));
  constexpr int64_t kTurns = 10000;
  constexpr int kTries = 12;
  const Chains chains = best_chains();
  const auto work = [](void* chains, int) noexcept {
    volatile float kept = static_cast<const Chains*>(chains)->run(kTurns);
    static_cast<void>(kept);
  };
  double least = 1e9;
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    runtime::Workers::shared().run(threads, work, const_cast<Chains*>(&chains));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (i > 0) least = std::min(least, seconds);
  }
  const double flops = 2.0 * kTurns * kChains * chains.lanes * threads;
  return flops / least / 1e9 / (dtype == f64 ? 2 : 1);
}

}  // namespace rondo::bench
