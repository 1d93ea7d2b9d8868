// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <llvm/IR/Module.h>

#include "tests/backends/kernel_bench.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

const Dim T("T"), B("B"), H("H"), K("K");

void check_at_many_sizes(KernelBench& bench) {
  unsigned seed = 0;
  for (std::int64_t t : {0, 1, 3})
    for (std::int64_t b : {0, 1, 7})
      for (std::int64_t h : {0, 1, 16, 37})
        for (std::int64_t k : {0, 1, 5, 20}) bench.check({{"T", t}, {"B", b}, {"H", h}, {"K", k}}, ++seed);
}

}  // namespace

TEST_CASE("dot kernels: every place of batch, free and contracted dims") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    ir::Builder& b = bench.b;
    for (DType dtype : {f32, f64, bf16}) {
      const auto x = [&](const std::vector<Dim>& dims) { return bench.param(dtype[dims]); };
      b.dot(x({B, K}), x({K, H}), {1}, {0});
      b.dot(x({K, B}), x({K, H}), {0}, {0});
      b.dot(x({B, K}), x({H, K}), {1}, {1});
      b.dot(x({K, B}), x({H, K}), {0}, {1});
      b.dot(x({T, B, K}), x({K, H}), {2}, {0});
      b.dot(x({T, B, K}), x({T, B, H}), {0, 1}, {0, 1});
      b.dot(x({T, B, K}), x({T, B, H}), {1, 0}, {1, 0});
      b.dot(x({T, K, B}), x({T, H, B}), {0, 2}, {0, 2});
      b.dot(x({T, B, K}), x({T, K, H}), {2}, {1}, {0}, {0});
      b.dot(x({B, T, K}), x({T, H, K}), {2}, {2}, {1}, {0});
      b.dot(x({K, H}), x({K}), {0}, {0});
      b.dot(x({T, K}), x({K, B, H}), {1}, {0});
      b.dot(x({T, K}), x({B, K, H}), {1}, {1});
      b.dot(x({B}), x({H}), {}, {});
      b.dot(x({B, H}), x({}), {}, {});
      b.dot(x({B}), x({B}), {}, {}, {0}, {0});
    }
    bench.compile();
    check_at_many_sizes(bench);
  }
}

TEST_CASE("dot kernels: bf16 by blocks of rows, columns and pairs") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    const auto x = [&](const std::vector<Dim>& dims) { return bench.param(bf16[dims]); };
    bench.b.dot(x({B, K}), x({K, H}), {1}, {0});
    bench.b.dot(x({K, B}), x({K, H}), {0}, {0});
    bench.b.dot(x({2, B, K}), x({2, K, H}), {0, 2}, {0, 1});
    bench.b.dot(x({B, K, 1}), x({K, 1, H}), {1, 2}, {0, 1});
    bench.compile();
    unsigned seed = 0;
    for (std::int64_t b : {41, 42, 85})
      for (std::int64_t h : {63, 65})
        for (std::int64_t k : {127, 128, 256, 257})
          if (b < 44 || k == 257) bench.check({{"B", b}, {"H", h}, {"K", k}}, ++seed);
  }
}

TEST_CASE("dot kernels: in the order of a reduction") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    ir::Builder& b = bench.b;
    for (DType dtype : {f32, f64, bf16}) {
      const auto x = [&](const std::vector<Dim>& dims) { return bench.param(dtype[dims]); };
      b.dot(x({K}), x({K}), {0}, {0});
      b.dot(x({B, K}), x({K}), {1}, {0});
      b.dot(x({T, B, K}), x({B, K}), {2}, {1}, {1}, {0});
      b.dot(x({B, T, K}), x({B, K}), {2}, {1}, {0}, {0});
      b.dot(x({B, K}), x({B, K}), {1}, {1}, {0}, {0});
    }
    for (const auto& op : bench.function.body.ops) CHECK(op->has_attr("lanes"));
    bench.compile();
    check_at_many_sizes(bench);
    bench.check({{"T", 2}, {"B", 3}, {"K", 9001}}, 1);
  }
}

TEST_CASE("dot and transpose kernels: a module only calls them") {
  const Target target = select_target();
  for (DType dtype : {f32, f64, bf16}) {
    CodeModule code("test");
    KernelLibrary library(std::span(&code, 1), target);
    ir::Function function("test");
    ir::Builder b(function.body);
    const auto x = [&](const std::vector<Dim>& dims) { return function.add_param(dtype[dims]); };
    b.dot(x({B, K}), x({K, H}), {1}, {0});
    b.dot(x({B, T, K}), x({K, T, H}), {1, 2}, {1, 0});
    b.dot(x({B, K}), x({B, K}), {1}, {1}, {0}, {0});
    b.transpose(x({T, B, H}), {2, 1, 0});
    CHECK(function.body.ops[2]->has_attr("lanes"));
    for (const auto& op : function.body.ops) library.get(*op);
    CHECK(code.module().size() == function.body.ops.size());
  }
}
