// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "tests/backends/kernel_bench.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

const Dim T("T"), B("B"), H("H");

// Small sizes, those around a vector, and empty ones.
void check_at_many_sizes(KernelBench& bench) {
  unsigned seed = 0;
  for (std::int64_t t : {0, 1, 3, 8, 17})
    for (std::int64_t b : {0, 1, 2, 16, 19})
      for (std::int64_t h : {0, 1, 7, 24, 35}) bench.check({{"T", t}, {"B", b}, {"H", h}}, ++seed);
}

}  // namespace

TEST_CASE("shape kernels: broadcast, reshape and slice") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    ir::Builder& b = bench.b;
    for (DType dtype : {f32, f64, bf16, i1}) {
      b.broadcast(bench.param(dtype[{}]), {}, {T, H});
      b.broadcast(bench.param(dtype[{H}]), {2}, {T, B, H});
      b.broadcast(bench.param(dtype[{B}]), {1}, {T, B, H});
      b.broadcast(bench.param(dtype[{T, H}]), {0, 2}, {T, B, H});
      b.broadcast(bench.param(dtype[{T, B}]), {0, 1}, {T, B, H});
      b.broadcast(bench.param(dtype[{B}]), {0}, {B, 3});
      b.reshape(bench.param(dtype[{T, B, H}]), {T * B, H});
      b.reshape(bench.param(dtype[{T, H}]), {T, 1, H});
      b.slice(bench.param(dtype[{T + 2, B, H + 1}]), {1, 0, 1}, {T + 1, B, H + 1});
      b.slice(bench.param(dtype[{B, 2 * H}]), {0, H}, {B, 2 * H});
      b.slice(bench.param(dtype[{B, 4}]), {0, 2}, {B, 3});
      b.slice(bench.param(dtype[{B, H, 2}]), {0, 0, 1}, {B, H, 2});
    }
    bench.compile();
    check_at_many_sizes(bench);
  }
}

TEST_CASE("shape kernels: pad, concat and split") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    ir::Builder& b = bench.b;
    for (DType dtype : {f32, bf16, i64, i1}) {
      b.pad(bench.param(dtype[{B, H}]), {1, 0}, {T, 2}, 1);
      b.pad(bench.param(dtype[{B, H}]), {0, 0}, {0, 0}, 1);
      b.pad(bench.param(dtype[{B, 1}]), {0, 3}, {0, 1}, 0);
      b.concat({bench.param(dtype[{T, H}]), bench.param(dtype[{B, H}]), bench.param(dtype[{1, H}])}, 0);
      b.concat({bench.param(dtype[{B, H}]), bench.param(dtype[{B, 1}]), bench.param(dtype[{B, H}])}, 1);
      ir::Value* twice = bench.param(dtype[{B, H}]);
      b.concat({twice, twice}, 1);
      b.split(bench.param(dtype[{B, 2 * H + 1}]), 1, {H, 1, H});
      b.split(bench.param(dtype[{T + B, H}]), 0, {B, T});
    }
    bench.compile();
    check_at_many_sizes(bench);
  }
}

TEST_CASE("shape kernels: transpose") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (DType dtype : {f32, f64, bf16, i1}) {
      bench.b.transpose(bench.param(dtype[{B, H}]), {1, 0});
      bench.b.transpose(bench.param(dtype[{T, B, H}]), {1, 0, 2});
      bench.b.transpose(bench.param(dtype[{T, B, H}]), {0, 2, 1});
      bench.b.transpose(bench.param(dtype[{T, B, H}]), {2, 1, 0});
      bench.b.transpose(bench.param(dtype[{T, B, H}]), {2, 0, 1});
      bench.b.transpose(bench.param(dtype[{T, B, 1}]), {2, 1, 0});
      bench.b.transpose(bench.param(dtype[{24, 40}]), {1, 0});
    }
    bench.compile();
    check_at_many_sizes(bench);
  }
}

TEST_CASE("shape kernels: constant, iota and dim") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    ir::Builder& b = bench.b;
    for (DType dtype : {f32, f64, bf16, i32, i64, i1})
      for (double value : {0.0, 1.0, -0.0, -2.5, 1e300}) b.constant(dtype[{B, H}], value);
    b.constant(f32[{}], 3);
    for (DType dtype : {i32, i64})
      for (int64_t dim : {0, 1, 2}) b.iota(dtype[{T, B, H}], dim);
    b.iota(i32[{B, 1}], 1);
    b.dim(2 * T * B - H);
    b.dim(17);
    bench.compile();
    check_at_many_sizes(bench);
  }
}
