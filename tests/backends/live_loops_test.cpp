// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops that do not run rows that have ended.
#include <doctest/doctest.h>

#include <cstring>

#include "passes/passes.h"
#include "tests/backends/compiled.h"

using namespace rondo;
using namespace rondo::test;

namespace {

// Carries that alternate (%h), are overwritten (%c, %n), are stacked before the step, and pass as they are; stacks of zeros,
// and of a carry as it came.
std::string loop(const std::string& direction, int width) {
  const std::string n = std::to_string(width);
  return "func @f(%x: f32[T,B," + n + "], %alive: i1[T,B], %u: f32[" + n + "," + n + "], %h0: f32[B," + n +
         "], %n0: i32[B]) -> (f32[B," + n + "], f32[B," + n + "], f32[B," + n + "], i32[B], f32[T,B," + n +
         "], f32[T,B," + n + "], f32[T,B," + n +
         "], i32[T,B]) {\n  %hT, %cT, %dT, %nT, %a, %b, %e, %m = scan T" + direction +
         R"( live index(%t) over(%xt = %x, %alive = %alive)
      carry(%h = %h0, %c = %h0, %d = %h0, %n = %n0) use(%u = %u) {
    %mask = broadcast %alive dims([0]) : i1[B,)" +
         n + R"(]
    %z = dot %h, %u contract([1],[0])
    %y = add %z, %xt
    %h1 = tanh %y
    %h2 = select %mask, %h1, %h
    %c1 = mul %c, %h1
    %c2 = select %mask, %c1, %c
    %d1 = add %d, %c1
    %d2 = select %mask, %d1, %d
    %now = broadcast %t dims([]) : i32[B]
    %n1 = add %n, %now
    %n2 = select %alive, %n1, %n
    %a = select %mask, %h1, 0.0
    %b = select %mask, %h, 0.0
    %m = select %alive, %n1, 0
    yield carry(%h2, %c2, %d2, %n2) stack(%a, %b, %d, %m)
  }
  return %hT, %cT, %dT, %nT, %a, %b, %e, %m
})";
}

}  // namespace

TEST_CASE("rows that have ended pass their carries and stack zeros, whichever they are") {
  for (const std::string direction : {"", " reverse"})
    for (const int threads : {1, 2, 3}) {
      const Compiled compiled(loop(direction, 4), {.poison = true, .threads = threads, .work_per_worker = 1});
      for (const int64_t T : {0, 1, 2, 5})
        for (const int64_t B : {0, 1, 2, 7, 33})
          for (const unsigned seed : {1, 2}) CHECK(compiled.agrees({{"T", T}, {"B", B}}, seed));
    }
}

TEST_CASE("workers share the columns of dots in such loops") {
  const Compiled compiled(loop("", 128), {.poison = true, .threads = 2, .work_per_worker = 1});
  for (const int64_t B : {1, 2, 5}) {
    CHECK(compiled.agrees({{"T", 6}, {"B", B}}));
    CHECK(compiled.code->counters().joins > 1);
  }
}

TEST_CASE("what is not run costs nothing") {
  const Compiled compiled(loop("", 4), {.threads = 1});
  const Sizes sizes = {{"T", 3}, {"B", 8}};
  Arrays args = compiled.draw(sizes);
  bool* alive = args[1].data<bool>().data();
  const auto flops = [&] {
    Arrays again = args;
    Compiled::run(*compiled.code, again);
    return compiled.code->counters().dot_flops;
  };
  std::memset(alive, 0, 3 * 8);
  CHECK(flops() == 0);
  alive[0] = alive[4] = alive[8 + 2] = true;  // five rows in the first step, three in the second
  CHECK(flops() == (5 + 3) * 2 * 4 * 4);
  std::memset(alive, 1, 3 * 8);
  CHECK(flops() == 3 * 8 * 2 * 4 * 4);
}

TEST_CASE("the pass live finds loops with lengths, and fuse keeps what it marks") {
  const ir::Module module = ir::parse(R"(
func @f(%x: f32[T,B,4], %len: i32[B], %u: f32[4,4], %h0: f32[B,4]) -> (f32[B,4], f32[T,B,4]) {
  %hT, %out = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%n = %len, %u = %u) {
    %now = broadcast %t dims([]) : i32[B]
    %m = compare %now, %n is(lt)
    %mask = broadcast %m dims([0]) : i1[B,4]
    %z = dot %h, %u contract([1],[0])
    %y = add %z, %xt
    %h1 = tanh %y
    %h2 = select %mask, %h1, %h
    %o = select %mask, %h1, 0.0
    yield carry(%h2) stack(%o)
  }
  return %hT, %out
})",
                                      "test");
  REQUIRE(passes::live(*module.functions[0]));
  const Compiled compiled(*module.functions[0]);
  for (const int64_t T : {0, 1, 2, 5})
    for (const int64_t B : {0, 1, 7}) CHECK(compiled.agrees({{"T", T}, {"B", B}}));
  CHECK(compiled.code->counters().dot_flops < 5 * 7 * 2 * 4 * 4);
}
