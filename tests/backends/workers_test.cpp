// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions whose `rows` ops are shared by workers.
#include <doctest/doctest.h>

#include "passes/vjp.h"
#include "tests/backends/compiled.h"

using namespace rondo;
using namespace rondo::test;

namespace {

codegen::CompileOptions with(int threads) {
  return {.poison = true, .threads = threads, .work_per_worker = 1};
}

// For any number of workers and all sizes, fewer rows than workers among them; with rows in blocks and without.
bool agrees_for_all(const std::string& text) {
  for (const auto& [threads, block] : {std::pair{1, 0}, {1, 2}, {2, 0}, {3, 1}, {5, 0}, {16, 2}}) {
    codegen::CompileOptions options = with(threads);
    options.rows_of_block = block;
    const Compiled compiled(text, options);
    for (const int64_t T : {0, 1, 2, 5})
      for (const int64_t B : {0, 1, 2, 7, 33})
        if (!compiled.agrees({{"T", T}, {"B", B}})) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("an LSTM and its gradient have the same bits for any number of workers, a hundred times") {
  CHECK(agrees_for_all(kLstm));
  const auto gradient = passes::vjp(*ir::parse(kLstm, "test").functions[0]);
  const Compiled alone(*gradient, with(1));
  const Sizes sizes = {{"T", 6}, {"B", 7}};
  Arrays args = alone.draw(sizes);
  const Arrays expected = Compiled::run(*alone.code, args);
  CHECK(alone.code->counters().joins == 0);
  for (const int threads : {2, 3, 5, 16}) {
    const Compiled shared(*gradient, with(threads));
    for (int repeat = 0; repeat < 100; ++repeat) {
      Arrays again = shared.draw(sizes);
      const Arrays found = Compiled::run(*shared.code, again);
      for (size_t i = 0; i < expected.size(); ++i) REQUIRE(fuzz::same_bits(found[i], expected[i]));
    }
    CHECK(shared.code->counters().workers == std::min(threads, 7));
    CHECK(shared.code->counters().joins >= 1);
    CHECK(shared.code->counters().joins <= 4);
  }
}

TEST_CASE("operands and results that are cut along an inner dim, read and written by loops or not") {
  CHECK(agrees_for_all(R"(
func @f(%x: f32[T,B,3], %s: f32[T,2,B], %w: f32[3,4]) -> (f32[T,B,4], f32[T,2,B], f32[T,B,3], f32[B,4]) {
  %a, %b, %c, %d = rows dims([1,2],[1,2,1,0]) cut(%x = %x, %s = %s) use(%w = %w) {
    %a = dot %x, %w contract([2],[0])
    %e = exp %s
    %h0 = constant value(0.5) : f32[B,3]
    %h, %c = scan T index(%t) over(%xt = %x) carry(%h = %h0) use() {
      %n = mul %xt, %h
      yield carry(%n) stack(%h)
    }
    %l = dot %h, %w contract([1],[0])
    yield (%a, %e, %c, %l)
  } : f32[T,B,4], f32[T,2,B], f32[T,B,3], f32[B,4]
  return %a, %b, %c, %d
})"));
}

TEST_CASE("a loop goes over another one's stack among the rows of all") {
  CHECK(agrees_for_all(R"(
func @f(%x: f32[T,B,3]) -> (f32[T,B,3], f32[T,B,3]) {
  %a, %b = rows dims([1],[1,1]) cut(%x = %x) use() {
    %h0 = constant value(0.5) : f32[B,3]
    %h, %c = scan T index(%t) over(%xt = %x) carry(%h = %h0) use() {
      %n = mul %xt, %h
      yield carry(%n) stack(%h)
    }
    %g, %d = scan T reverse index(%t) over(%ct = %c, %xt = %x) carry(%g = %h0) use() {
      %m = add %ct, %xt
      %n = mul %m, %g
      yield carry(%n) stack(%n)
    }
    yield (%c, %d)
  } : f32[T,B,3], f32[T,B,3]
  return %a, %b
})"));
}

TEST_CASE("a parameter is updated row by row where it lies, and an iota knows its rows") {
  const char* const text = R"(
func @f(%w: f32[B,4] donate, %x: f32[T,B]) -> (f32[B,4], i32[B]) {
  %w1, %n = rows dims([0,1],[0,0]) cut(%w = %w, %x = %x) use() {
    %s = reduce_sum %x dims([0])
    %wide = broadcast %s dims([0]) : f32[B,4]
    %w1 = sub %w, %wide
    %n = iota dim(0) : i32[B]
    yield (%w1, %n)
  } : f32[B,4], i32[B]
  return %w1, %n
})";
  CHECK(agrees_for_all(text));
  const Compiled compiled(text, with(3));
  Arrays args = compiled.draw({{"T", 4}, {"B", 9}});
  const void* const memory = args[0].raw();
  const Arrays results = Compiled::run(*compiled.code, args);
  CHECK(results[0].raw() == memory);
}

TEST_CASE(
    "dots and reductions read columns where they lie among those of all; what reads them otherwise has a "
    "copy") {
  const auto text = [](const std::string& least) {
    return R"(
func @f(%h: f32[T,B,6], %dz: f32[T,B,21], %w: f32[6,21] donate) -> (f32[6,21], f32[21], f32[6], f32[6]) {
  %w1, %db, %m, %s = rows dims([2,0,2],[0,0,0,0]) cut(%h = %h, %w = %w, %z = %dz) use(%dz = %dz) {
    %dw = dot %h, %dz contract([0,1],[0,1])
    %w1 = sub %w, %dw
    %db = reduce_sum %z dims([0,1])
    %m = reduce_max %h dims([0,1]))" +
           least + R"(
    yield (%w1, %db, %m, %s)
  } : f32[6,21], f32[21], f32[6], f32[6]
  return %w1, %db, %m, %s
})";
  };
  const auto copied_bytes = [](const std::string& text) {
    const Compiled compiled(text, with(3));
    Arrays args = compiled.draw({{"T", 5}, {"B", 7}});
    Compiled::run(*compiled.code, args);
    CHECK(compiled.code->counters().workers == 3);
    return compiled.code->counters().copied_bytes;
  };
  const std::string in_place = text(R"(
    %s = reduce_min %h dims([0,1]))");
  CHECK(agrees_for_all(in_place));
  CHECK(copied_bytes(in_place) == 0);
  const std::string copied = text(R"(
    %e = exp %h
    %s = reduce_sum %e dims([0,1]))");
  CHECK(agrees_for_all(copied));
  CHECK(copied_bytes(copied) == 5 * 7 * 6 * 4);
  // What is given back as it came is no result of the op's own.
  CHECK(agrees_for_all(R"(
func @f(%h: f32[T,B,6], %x: f32[T,B,6], %z: f32[T,B,4]) -> (f32[T,B,6], f32[T,B,6], f32[6,4]) {
  %a, %b, %s = rows dims([2,2],[2,2,0]) cut(%h = %h, %x = %x) use(%z = %z) {
    %s = dot %h, %z contract([0,1],[0,1])
    yield (%h, %x, %s)
  } : f32[T,B,6], f32[T,B,6], f32[6,4]
  return %a, %b, %s
})"));
  CHECK(agrees_for_all(R"(
func @f(%x: f32[T,B,3]) -> (f32[T,B,3], f32[B,3]) {
  %a, %h = rows dims([1],[1,0]) cut(%x = %x) use() {
    %h0 = constant value(0.5) : f32[B,3]
    %h = scan T index(%t) over(%xt = %x) carry(%h = %h0) use() {
      %n = mul %xt, %h
      yield carry(%n) stack()
    }
    yield (%x, %h)
  } : f32[T,B,3], f32[B,3]
  return %a, %h
})"));
  // With batch dims, and of bf16.
  CHECK(agrees_for_all(R"(
func @f(%x: bf16[T,B,6], %y: bf16[T,B,5]) -> (f32[T,6,5], bf16[B,6]) {
  %d, %m = rows dims([2],[1,1]) cut(%x = %x) use(%y = %y) {
    %d = dot %x, %y contract([1],[1]) batch([0],[0])
    %m = reduce_max %x dims([0])
    yield (%d, %m)
  } : f32[T,6,5], bf16[B,6]
  return %d, %m
})"));
}

TEST_CASE("of few rows workers share the columns of a loop's dot") {
  const char* const rnn = R"(
func @f(%x: f32[T,B,160], %h0: f32[B,160], %U: f32[160,160], %d: f64[160], %V: f64[160,150]) -> (f32[B,160], f64[150]) {
  %h = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%u = %U) {
    %z = dot %h, %u contract([1],[0])
    %n = add %z, %xt
    %h1 = tanh %n
    yield carry(%h1) stack()
  }
  %v = dot %d, %V contract([0],[0]) descending(1)
  return %h, %v
})";
  CHECK(agrees_for_all(rnn));
  const Compiled compiled(rnn, with(2));
  CHECK(compiled.agrees({{"T", 9}, {"B", 1}}));
  CHECK(compiled.code->counters().joins >= 9);
  CHECK(compiled.agrees({{"T", 9}, {"B", 64}}));  // here they share rows
  CHECK(compiled.code->counters().joins < 9);
  CHECK(agrees_for_all(R"(
func @f(%x: f32[T,B,3], %columns0: f32[70,3], %y: bf16[B,90], %z: bf16[90,T,130]) -> (f32[T,B,70], f32[B,T,130]) {
  %a = dot %x, %columns0 contract([2],[1])
  %b = dot %y, %z contract([1],[0])
  return %a, %b
})"));
}

TEST_CASE("two loops that need nothing of each other run at the same time where there are few rows") {
  const std::string text = R"(
func @f(%x: f32[T,B,64], %U: f32[64,64], %V: f32[64,64], %h0: f32[B,64]) -> (f32[T,B,64], f32[B,64]) {
  %f, %fs = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%u = %U) {
    %z = dot %h, %u contract([1],[0])
    %a = add %z, %xt
    %h1 = tanh %a
    yield carry(%h1) stack(%h1)
  }
  %b, %cs, %bs = scan T reverse index(%t) over(%xt = %x) carry(%h = %h0) use(%u = %V) {
    %z = dot %h, %u contract([1],[0])
    %a = add %z, %xt
    %h1 = tanh %a
    yield carry(%h1) stack(%h, %h1)
  }
  %d = mul %fs, %bs
  %y = mul %d, %cs
  %l = add %f, %b
  return %y, %l
})";
  CHECK(agrees_for_all(text));
  const Compiled compiled(text, with(2));
  CHECK(compiled.agrees({{"T", 9}, {"B", 1}}));
  CHECK(compiled.code->counters().joins == 1);
  CHECK(compiled.agrees({{"T", 9}, {"B", 64}}));  // here they share rows
  CHECK(compiled.code->counters().joins == 1);
  const auto gradient = passes::vjp(*ir::parse(text, "test").functions[0]);
  for (const int threads : {1, 2, 5}) {
    const Compiled shared(*gradient, with(threads));
    for (const int64_t B : {1, 2, 7}) CHECK(shared.agrees({{"T", 5}, {"B", B}}));
  }
}

TEST_CASE("a stack of rows among those of others is given twice") {
  CHECK(agrees_for_all(R"(
func @f(%x: f32[T,B,3], %h0: f32[B,3]) -> (f32[T,B,3], f32[T,B,3]) {
  %a, %b = rows dims([1,0],[1,1]) cut(%x = %x, %h0 = %h0) use() {
    %h, %s = scan T index(%t) over(%xt = %x) carry(%h = %h0) use() {
      %n = mul %xt, %h
      yield carry(%n) stack(%n)
    }
    yield (%s, %s)
  }
  return %a, %b
})"));
}

TEST_CASE("little work asks for no worker") {
  const Compiled compiled(kLstm, {.threads = 4});
  CHECK(compiled.agrees({{"T", 2}, {"B", 4}}));
  CHECK(compiled.code->counters().workers == 1);
  CHECK(compiled.code->counters().joins == 0);
  CHECK(compiled.agrees({{"T", 200}, {"B", 64}}));
  CHECK(compiled.code->counters().workers == 4);
  CHECK(compiled.code->counters().joins == 1);
}

TEST_CASE("a view of a worker's copy is no memory of the result's") {
  CHECK(agrees_for_all(R"(
func @f(%x: f32[1,B]) -> (f32[B]) {
  %y = rows dims([1],[0]) cut(%x = %x) use() {
    %v = reshape %x : f32[B]
    yield (%v)
  } : f32[B]
  return %y
})"));
}
