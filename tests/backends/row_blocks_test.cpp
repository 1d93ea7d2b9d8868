// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions whose `rows` ops are done in blocks of rows.
#include "backends/llvm/row_blocks.h"

#include <atomic>
#include <thread>

#include "tests/backends/compiled.h"

using namespace rondo;
using namespace rondo::test;

namespace {

// Two layers, and which row is which. A row passes 4 * N bytes twice, in one buffer.
const char* const kLayers = R"(
func @layers(%x: f32[M,8], %W: f32[8,N], %b: f32[N], %V: f32[N,4]) -> (f32[M,4], i32[M]) {
  %y, %i = rows dims([0],[0,0]) cut(%x = %x) use(%w = %W, %b = %b, %v = %V) {
    %z = dot %x, %w contract([1],[0])
    %bs = broadcast %b dims([1]) : f32[M,N]
    %a = add %z, %bs
    %t = tanh %a
    %y = dot %t, %v contract([1],[0])
    %i = iota dim(0) : i32[M]
    yield (%y, %i)
  } : f32[M,4], i32[M]
  return %y, %i
})";

int64_t arena_bytes(const Compiled& compiled) { return compiled.code->counters().arena_bytes; }

}  // namespace

TEST_CASE("rows in blocks: any number of rows, in blocks of any size, on any number of workers") {
  for (const int threads : {1, 2, 3, 5})
    for (const int64_t block : {1, 2, 7, 100}) {
      const Compiled compiled(
          kLayers, {.poison = true, .threads = threads, .work_per_worker = 1, .rows_of_block = block});
      for (const int64_t M : {0, 1, 2, 3, 14, 15, 40}) CHECK(compiled.agrees({{"M", M}, {"N", 5}}));
      CHECK(compiled.agrees({{"M", 301}, {"N", 17}}));
    }
}

TEST_CASE("rows in blocks: where what ops pass to each other is more than the caches hold") {
  for (const int threads : {1, 2, 3}) {
    const Compiled compiled(kLayers, {.poison = true, .threads = threads});
    const auto scratch = [&](int64_t M) {
      CHECK(compiled.agrees({{"M", M}, {"N", 600}}));
      return arena_bytes(compiled);
    };
    const int64_t row = 600 * 4;
    const int64_t few = scratch(90 * threads);
    CHECK(few >= 90 * threads * row);
    const int64_t many = scratch(2000 * threads);  // in blocks of 182 rows
    CHECK(many - few <= (182 - 90) * threads * row + 64 * threads);
    CHECK(scratch(5000 * threads) <= many + (192 - 182) * threads * row);
  }
}

TEST_CASE("rows in blocks: of a softmax, without dots, a few rows at a time") {
  const Compiled compiled(R"(
func @softmax(%x: f32[M,N]) -> (f32[M,N]) {
  %m = reduce_max %x dims([1])
  %ms = broadcast %m dims([0]) : f32[M,N]
  %d = sub %x, %ms
  %e = exp %d
  %s = reduce_sum %e dims([1])
  %ss = broadcast %s dims([0]) : f32[M,N]
  %y = div %e, %ss
  return %y
})",
                          {.poison = true, .threads = 2});
  CHECK(compiled.agrees({{"M", 101}, {"N", 10'000}}));
  CHECK(arena_bytes(compiled) < 101 * 64);
}

TEST_CASE("rows in blocks: of nothing, beside a constant that is more than the caches hold") {
  const Compiled rows(R"(
func @f(%x: f32[M,600]) -> (f32[M,600]) {
  %c = constant value(0.5) : f32[600,600]
  %y = dot %x, %c contract([1],[0])
  %e = exp %y
  return %e
})",
                      {.poison = true, .threads = 2});
  for (const int64_t M : {0, 3}) CHECK(rows.agrees({{"M", M}}));
  const Compiled no_elements(R"(
func @f(%x: f32[M,Z,520]) -> (f32[M,Z,520]) {
  %c = constant value(0.5) : f32[520,520]
  %y = dot %x, %c contract([2],[0])
  return %y
})",
                             {.poison = true, .threads = 1});
  CHECK(no_elements.agrees({{"M", 2'000'000}, {"Z", 0}}));
}

TEST_CASE("rows in blocks: a row may be many of a dot") {
  const Compiled compiled(R"(
func @f(%x: f32[T,B,16], %W: f32[16,500]) -> (f32[T,B]) {
  %y = dot %x, %W contract([2],[0])
  %e = exp %y
  %s = reduce_sum %e dims([2])
  return %s
})",
                          {.poison = true, .threads = 1});
  const auto bytes = [&](int64_t T, int64_t B) {
    CHECK(compiled.agrees({{"T", T}, {"B", B}}));
    return arena_bytes(compiled);
  };
  const int64_t row = 500 * 4 + 16 * 4 + 4;
  CHECK(bytes(20, 100) <= 200 * row + (64 << 10));  // ten rows of twenty
  CHECK(bytes(1, 2000) <= 192 * row + (64 << 10));
}

TEST_CASE("rows in blocks: not where that copies as much as it passes") {
  const Compiled compiled(R"(
func @f(%x: f32[T,B,16], %W: f32[16,500]) -> (f32[T,B,500]) {
  %y = dot %x, %W contract([2],[0])
  %e = exp %y
  return %e
})",
                          {.poison = true, .threads = 1});
  CHECK(compiled.agrees({{"T", 20}, {"B", 100}}));
  CHECK(compiled.code->counters().copied_bytes == 0);
}

TEST_CASE("rows in blocks: two threads run one executable, each on its own sizes") {
  const Compiled compiled(kLayers, {.poison = true, .threads = 1, .rows_of_block = 7});
  std::atomic<int> agreed = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) agreed += compiled.agrees({{"M", 40 + 3 * thread}, {"N", 5 + i % 2}}, i);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(agreed == 100);
}

TEST_CASE("rows in blocks: not where a loop would read its weights for fewer rows") {
  const std::string text = R"(
func @f(%x: f32[T,B,64], %h0: f32[B,64], %U: f32[64,64]) -> (f32[B,64]) {
  %e = exp %x
  %h = scan T index(%t) over(%xt = %e) carry(%h = %h0) use(%u = %U) {
    %z = dot %h, %u contract([1],[0])
    %n = add %z, %xt
    yield carry(%n) stack()
  }
  return %h
})";
  const Compiled compiled(text, {.poison = true, .threads = 1});
  CHECK(compiled.agrees({{"T", 20}, {"B", 300}}));
  CHECK(arena_bytes(compiled) >= 20 * 300 * 64 * 4);
}

TEST_CASE("rows in blocks: not where a dot's columns are the rows") {
  const std::string text = R"(
func @f(%x: f32[T,B,3], %d: f32[3], %p: f32[B]) -> (f32[T,B,3], f32[B,3]) {
  %0 = dot %d, %p contract([],[]) : f32[3,B]
  %y = transpose %0 perm([1,0])
  %e = exp %y
  %b = broadcast %e dims([1,2]) : f32[T,B,3]
  %z = add %x, %b
  return %z, %e
})";
  for (const int threads : {1, 2, 5}) {
    const Compiled compiled(text,
                            {.poison = true, .threads = threads, .work_per_worker = 1, .rows_of_block = 3});
    for (const int64_t B : {1, 33, 130}) CHECK(compiled.agrees({{"T", 2}, {"B", B}}));
  }
}
