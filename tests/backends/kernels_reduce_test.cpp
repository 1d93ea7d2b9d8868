// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "tests/backends/kernel_bench.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

const Dim T("T"), B("B"), H("H");

void check_at_many_sizes(KernelBench& bench) {
  unsigned seed = 0;
  for (std::int64_t t : {1, 5})
    for (std::int64_t b : {0, 1, 2, 19})
      for (std::int64_t h : {0, 1, 15, 16, 17, 131}) bench.check({{"T", t}, {"B", b}, {"H", h}}, ++seed);
}

}  // namespace

TEST_CASE("reduce kernels: sum, max and min over any dims, in the order of the language") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (const ir::OpRow* row : {&ir::ops::reduce_sum, &ir::ops::reduce_max, &ir::ops::reduce_min})
      for (DType dtype : {f32, f64, bf16, i32, i64}) {
        const auto add = [&](const std::vector<Dim>& dims, const std::vector<int64_t>& reduced) {
          bench.add(*row, {dtype[dims]}, {make_attr(*row, "dims", {ir::ints(reduced)})});
        };
        for (const std::vector<int64_t>& reduced :
             std::vector<std::vector<int64_t>>{{}, {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}})
          add({T, B, H}, reduced);
        add({T, B, H, 2}, {1, 3});
        add({B, H, 1}, {2});
        add({B, 1, H}, {1});
        add({H, 1}, {0});
        add({B, 64}, {0});
        add({B, 100}, {0});
        add({B, 40}, {1});
        add({}, {});
      }
    bench.compile();
    check_at_many_sizes(bench);
  }
}

TEST_CASE("reduce kernels: rows of several blocks") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (const ir::OpRow* row : {&ir::ops::reduce_sum, &ir::ops::reduce_max, &ir::ops::reduce_min})
      for (DType dtype : {f32, bf16, i64}) {
        bench.add(*row, {dtype[{B, H}]}, {make_attr(*row, "dims", {ir::ints({1})})});
        bench.add(*row, {dtype[{2, 5001}]}, {make_attr(*row, "dims", {ir::ints({0, 1})})});
      }
    bench.compile();
    for (std::int64_t size : {4095, 4096, 4097, 8192, 10007}) bench.check({{"B", 2}, {"H", size}}, size);
  }
}

TEST_CASE("reduce kernels: argmax") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (DType dtype : {f32, f64, bf16, i32, i64}) {
      for (int64_t dim : {0, 1, 2}) bench.b.argmax(bench.param(dtype[{T, B, H}]), dim);
      bench.b.argmax(bench.param(dtype[{B, 16}]), 1);
      bench.b.argmax(bench.param(dtype[{0, B}]), 0);
    }
    bench.compile();
    check_at_many_sizes(bench);
  }
}
