// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "passes/fusion_rules.h"
#include "passes/memory_plan.h"
#include "tests/backends/kernel_bench.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

const Dim T("T"), B("B"), H("H"), V("V");

void check_at_many_sizes(KernelBench& bench, std::int64_t vocabulary) {
  unsigned seed = 0;
  for (std::int64_t t : {0, 1, 5})
    for (std::int64_t b : {0, 1, 6})
      for (std::int64_t h : {0, 1, 16, 21})
        bench.check({{"T", t}, {"B", b}, {"H", h}, {"V", vocabulary}}, ++seed);
}

// Indices (operand 1) from `low` on, of a dim of size `size`, some of them `outside` of it.
KernelBench::Fill indices_of(std::int64_t size, bool outside) {
  return [=](int operand, ir::HostArray& array, KernelBench::Random& random) {
    if (operand != 1) return KernelBench::random_elements(operand, array, random);
    for (std::int64_t i = 0; i < array.size(); ++i) {
      std::int64_t index = static_cast<std::int64_t>(random() % size);
      if (outside && random() % 16 == 0) index = random() % 2 == 0 ? -1 - index : index + size;
      if (array.dtype == i32)
        array.data<std::int32_t>()[i] = static_cast<std::int32_t>(index);
      else
        array.data<std::int64_t>()[i] = index;
    }
  };
}

}  // namespace

TEST_CASE("gather kernels: any axis and batch dims; out of range reads 0 and records the first place") {
  for (const Target& target : supported_targets())
    for (bool outside : {false, true}) {
      KernelBench bench(target);
      bench.fill = indices_of(9, outside);
      for (DType index : {i32, i64})
        for (DType dtype : {f32, bf16, i1}) {
          const auto gather = [&](const std::vector<Dim>& x, const std::vector<Dim>& at, int64_t axis,
                                  int64_t batch) {
            bench.b.gather(bench.param(dtype[x]), bench.param(index[at]), axis, batch);
          };
          gather({V, H}, {T, B}, 0, 0);
          gather({V, 64}, {T, B}, 0, 0);
          gather({T, V, H}, {B}, 1, 0);
          gather({B, V}, {B}, 1, 1);
          gather({B, T, V, H}, {B, T}, 2, 1);
          gather({V}, {}, 0, 0);
        }
      bench.compile();
      check_at_many_sizes(bench, 9);
    }
}

TEST_CASE("scatter_add kernels: updates one after another; out of range adds nowhere and is recorded") {
  for (const Target& target : supported_targets())
    for (bool outside : {false, true}) {
      KernelBench bench(target);
      bench.fill = indices_of(5, outside);
      for (DType index : {i32, i64})
        for (DType dtype : {f32, bf16, i64}) {
          const auto scatter = [&](const std::vector<Dim>& base, const std::vector<Dim>& at,
                                   const std::vector<Dim>& updates, int64_t axis, int64_t batch) {
            bench.b.scatter_add(bench.param(dtype[base]), bench.param(index[at]), bench.param(dtype[updates]),
                                axis, batch);
          };
          scatter({V, H}, {T, B}, {T, B, H}, 0, 0);
          scatter({V, 64}, {T, B}, {T, B, 64}, 0, 0);
          scatter({T, V, H}, {B}, {T, B, H}, 1, 0);
          scatter({B, V}, {B}, {B}, 1, 1);
          scatter({V}, {T, B}, {T, B}, 0, 0);
        }
      bench.compile();
      check_at_many_sizes(bench, 5);
      for (const auto& op : bench.function.body.ops) {
        CHECK(passes::may_write_in_place(*op, 0, 0));
        bench.check_in_place(*op, 0, 0, {{"T", 3}, {"B", 7}, {"H", 18}, {"V", 5}}, 1);
      }
    }
}

TEST_CASE("check kernels: the first false element is recorded") {
  for (const Target& target : supported_targets())
    for (unsigned chance : {2u, 50u}) {
      KernelBench bench(target);
      bench.fill = [=](int operand, ir::HostArray& array, KernelBench::Random& random) {
        KernelBench::random_elements(operand, array, random);
        if (operand == 1)
          for (std::int64_t i = 0; i < array.size(); ++i) array.data<bool>()[i] = random() % chance != 0;
      };
      bench.b.check(bench.param(f32[{T, H}]), bench.param(i1[{B}]), "a message");
      bench.b.check(bench.param(i32[{B}]), bench.param(i1[{}]), "another");
      bench.compile();
      CHECK(bench.functions() == 2);
      check_at_many_sizes(bench, 0);
      for (const auto& op : bench.function.body.ops) {
        CHECK(passes::aliased_operand(*op) == 0);
        bench.check_in_place(*op, 0, 0, {{"T", 3}, {"B", 7}, {"H", 18}}, 1);
      }
    }
}
