// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter as a whole: what it keeps, what it refuses, how deep and how long programs may be.
#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <thread>

#include "tests/backends/naive.h"

using namespace rondo;
using namespace rondo::naive;
using reference::Precision;
using rondo::naive::same;
using runtime::ElementType;

namespace {

int64_t peak_megabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// Calls a function on a thread that has a stack of 1 MiB.
void on_small_stack(std::function<void()> call) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, 1 << 20) == 0);
  const auto start = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, start, &call) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace

TEST_CASE("reference: a value may be a result twice, a parameter a result, an op unused") {
  const auto executable = interpret_text(R"(
func @f(%x: f32[B], %y: f32[B]) -> (f32[B], f32[B], f32[B], f32[B]) {
  %twice = add %x, %x
  %unused = mul %twice, %y
  %square = mul %twice, %twice
  return %twice, %y, %twice, %square
})");
  Array x = Array::from<float>({2}, {1, 2}), y = Array::from<float>({2}, {3, 4});
  const auto results = run(*executable, {x, y});
  CHECK(same(results[0], {2}, Cells<float>{{{0}, 2}, {{1}, 4}}));
  CHECK(same(results[1], {2}, cells_of<float>(y)));
  CHECK(same(results[2], {2}, cells_of<float>(results[0])));
  CHECK(same(results[3], {2}, Cells<float>{{{0}, 4}, {{1}, 16}}));
}

TEST_CASE("reference: in double precision f32 takes and gives f64, and nothing is rounded to f32") {
  const char* const text = R"(
func @f(%x: f32[T,B], %w: f32[B], %n: i32[B]) -> (f32[T], f32[B], i32[B], i1[B]) {
  %y = dot %x, %w contract([1],[0])
  %h = scan T index(%t) over(%xt = %x) carry(%h = %w) use() {
    %s = sigmoid %xt
    %next = fma %h, %s, 0.1
    yield carry(%next) stack()
  }
  %m = add %n, 1
  %p = compare %h, %w is(lt)
  return %y, %h, %m, %p
})";
  Random random(59);
  const Array x = draw<float>(random, {2, 3}), w = Array::from<float>({3}, {1.5f, -2, 3});
  const Array n = Array::from<int32_t>({3}, {1, 2, 3});
  Array wide_w = Array::from<double>({3}, {1.5, -2, 3});
  const auto executable = interpret_text(text, Precision::kDouble);
  CHECK(executable->signature().params[0].type == f32[{Dim("T"), Dim("B")}]);
  const auto mixed = run(*executable, {x, wide_w, n}), narrow = run(*executable, {x, w, n});
  REQUIRE(mixed[0].type() == ElementType::f64);
  REQUIRE(mixed[1].type() == ElementType::f64);
  CHECK(mixed[2].type() == ElementType::i32);
  CHECK(mixed[3].type() == ElementType::i1);
  CHECK(same(mixed[1], {3}, cells_of<double>(narrow[1])));
  for (int64_t row = 0; row < 2; ++row) {
    double sum = 0;
    for (int64_t i = 0; i < 3; ++i)
      sum = std::fma(double{x.data<float>()[row * 3 + i]}, wide_w.data<double>()[i], sum);
    CHECK(same(mixed[0].data<double>()[row], sum));
  }
  for (int64_t i = 0; i < 3; ++i) {
    double h = wide_w.data<double>()[i];
    for (int64_t t = 0; t < 2; ++t)
      h = std::fma(h, 1 / (1 + std::exp(-double{x.data<float>()[t * 3 + i]})), double{0.1f});
    CHECK(same(mixed[1].data<double>()[i], h));
  }
  wide_w.data<double>()[0] = 1.5 + 0x1p-50;
  CHECK_FALSE(same(run(*executable, {x, wide_w, n})[0], {2}, cells_of<double>(mixed[0])));
  CHECK(error_of(*executable, {x, Array::zeros(ElementType::f64, {4}), n}) ==
        "@f: argument 'w': expected f32[B], found f32[4]: B is 4 here and 3 in 'x'");
  CHECK(error_of(*executable, {x, n, n}) == "@f: argument 'w': expected f32[B], found i32[3]");
}

TEST_CASE("reference: as typed, f64 arrays are no f32 arrays") {
  const auto executable = interpret_text("func @f(%x: f32[B]) -> (f32[B]) { return %x }");
  CHECK(error_of(*executable, {Array::zeros(ElementType::f64, {4})}) ==
        "@f: argument 'x': expected f32[B], found f64[4]");
}

TEST_CASE("reference: arguments stay as they are, donated ones too") {
  const auto executable = interpret_text(R"(
func @step(%w: f32[B] donate, %g: f32[B]) -> (f32[B]) {
  %next = sub %w, %g
  return %next
})");
  Array w = Array::from<float>({2}, {5, 6}), g = Array::from<float>({2}, {1, 2});
  const Array old_w = w;
  std::vector<Array*> arguments = {&w, &g};
  CHECK(same(executable->run(arguments)[0], {2}, Cells<float>{{{0}, 4}, {{1}, 4}}));
  CHECK(same(w, {2}, cells_of<float>(old_w)));
}

TEST_CASE("reference: an executable serves several threads at once") {
  const auto executable = interpret_text(R"(
func @f(%x: f32[T,B]) -> (f32[B]) {
  %zero = constant value(0.0) : f32[B]
  %sum = scan T index(%t) over(%xt = %x) carry(%h = %zero) use() {
    %e = exp %xt
    %next = add %h, %e
    yield carry(%next) stack()
  }
  return %sum
})");
  Random random(61);
  const Array x = draw<float>(random, {50, 20});
  const Cells<float> expected = cells_of<float>(run(*executable, {x})[0]);
  std::vector<int> good(4, 0);
  std::vector<std::thread> threads;
  for (int& count : good)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) count += same(run(*executable, {x})[0], {20}, expected);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == std::vector<int>(4, 20));
}

TEST_CASE("reference: what can't be made is an error with its place, before memory is taken") {
  const auto negative = interpret_text(R"(
func @f(%x: f32[B]) -> (f32[B-3]) {
  %y = constant value(1.0) : f32[B-3] loc("mine.cpp":5)
  return %y
})");
  CHECK(error_of(*negative, {Array::zeros(ElementType::f32, {2})}) ==
        "mine.cpp:5: dim B-3 of f32[B-3] is negative: -1");
  CHECK(error_of(*negative, {Array::zeros(ElementType::f32, {4})}) == "no error");

  const auto huge = interpret_text(R"(
func @f(%x: f32[B]) -> (f32[B,B,B]) {
  %y = constant value(1.0) : f32[B,B,B] loc("mine.cpp":6)
  return %y
})");
  CHECK(error_of(*huge, {Array::zeros(ElementType::f32, {100'000})}) ==
        "mine.cpp:6: f32[B,B,B] takes 4000000000000000 bytes, more than this machine has");
  CHECK(error_of(*huge, {Array::zeros(ElementType::f32, {3'000'000})}) ==
        "mine.cpp:6: an array of more than 2^63-1 bytes was asked for: f32[3000000,3000000,3000000]");
}

TEST_CASE("reference: arrays that no later op uses are freed") {
  ir::Function function("f");
  Value* x = function.add_param(f32[{Dim("B")}], "x");
  Builder b(function.body);
  for (int i = 0; i < 1000; ++i) x = b.neg(x);
  function.body.results = {x};
  const Array array = Array::zeros(ElementType::f32, {1 << 19});
  const int64_t before = peak_megabytes();
  run(*reference::interpret(function), {array});
  CHECK(peak_megabytes() - before < 500);  // 2 GB, were they kept
}

TEST_CASE("reference: a chain of 100,000 ops is built, copied, run and destroyed on a stack of 1 MiB") {
  float result = 0;
  on_small_stack([&] {
    ir::Function function("f");
    Value* x = function.add_param(f32[{Dim("B")}], "x");
    Builder b(function.body);
    Value* y = x;
    for (int i = 0; i < 100'000; ++i) y = b.add(y, x);
    function.body.results = {y};
    const auto executable = reference::interpret(function);  // of a copy
    result = run(*executable, {Array::from<float>({1}, {1})})[0].item<float>();
  });
  CHECK(result == 100'001);
}

TEST_CASE("reference: scans nested to the limit run on a stack of 1 MiB") {
  std::string text = "func @f(%x: f32[T]) -> (f32[T]) {\n", end;
  for (int i = 0; i < ir::kMaxNesting; ++i) {
    text += "%y = scan T index(%t) over() carry(%x = %x) use() {\n";
    end += "yield carry(%y) stack() }\n";
  }
  text += "%y = add %x, 1.0\n";
  float result = 0;
  on_small_stack([&] {
    const auto executable = interpret_text(text + end + "return %y }");
    result = run(*executable, {Array::from<float>({1}, {1})})[0].item<float>();
  });
  CHECK(result == 2);
}

TEST_CASE("reference: a concat of 100,000 operands") {
  ir::Function function("f");
  Value* x = function.add_param(i32[{Dim("T"), 2}], "x");
  Builder b(function.body);
  Value* wide = b.concat(Values(100'000, x), 1);
  Value* tall = b.concat(Values(100'000, x), 0);
  function.body.results = {b.reduce_sum(wide, {1}), b.reduce_sum(tall, {0})};
  const auto results = run(*reference::interpret(function), {Array::from<int32_t>({2, 2}, {1, 2, 3, 4})});
  CHECK(same(results[0], {2}, Cells<int32_t>{{{0}, 300'000}, {{1}, 700'000}}));
  CHECK(same(results[1], {2}, Cells<int32_t>{{{0}, 400'000}, {{1}, 600'000}}));
}
