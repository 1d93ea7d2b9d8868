// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cond, while, call, topk and scatter_set: what they mean, on both backends.
#include <doctest/doctest.h>

#include <limits>

#include "tests/backends/compiled.h"

using namespace rondo;
using namespace rondo::test;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The results of a text at these arguments; both backends must give the same.
Arrays results(const std::string& text, const Arrays& arguments) {
  const Compiled compiled(text);
  Arrays mine = arguments, theirs = arguments;
  Arrays found = Compiled::run(*compiled.code, mine), expected = Compiled::run(*compiled.reference, theirs);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(fuzz::same_bits(found[i], expected[i]));
  return expected;
}

std::string error_of(const std::string& text, const Arrays& arguments) {
  const Compiled compiled(text);
  std::string messages[2];
  for (const backends::Executable* executable : {compiled.code.get(), compiled.reference.get()}) {
    Arrays mine = arguments;
    try {
      Compiled::run(*executable, mine);
    } catch (const Error& error) {
      messages[executable == compiled.reference.get()] = error.what();
    }
  }
  CHECK(messages[0] == messages[1]);
  return messages[1];
}

template <class T>
std::vector<T> list(const Array& array) {
  return {array.data<T>().begin(), array.data<T>().end()};
}

Array floats(std::vector<int64_t> shape, std::vector<float> values) {
  return Array::from<float>(std::move(shape), values);
}
Array ints(std::vector<int64_t> shape, std::vector<int32_t> values) {
  return Array::from<int32_t>(std::move(shape), values);
}
Array truth(bool value) {
  Array array = Array::zeros(runtime::ElementType::i1, {});
  array.data<bool>()[0] = value;
  return array;
}

}  // namespace

TEST_CASE("cond runs one block; what the other would record is not recorded") {
  const std::string text = R"(
func @f(%x: f32[B], %i: i32[1], %p: i1[]) -> (f32[1], f32[B]) {
  %y, %z = cond %p use(%a = %x, %i = %i) then {
    %g = gather %a, %i axis(0) batch_dims(0) loc("mine.cpp":4)
    yield (%g, %a)
  } else {
    %c = constant value(7.0) : f32[1]
    %n = neg %a
    yield (%c, %n)
  }
  return %y, %z
})";
  const Array x = floats({3}, {1, 2, 3});
  Arrays found = results(text, {x, ints({1}, {2}), truth(true)});
  CHECK(list<float>(found[0]) == std::vector<float>{3});
  CHECK(list<float>(found[1]) == std::vector<float>{1, 2, 3});
  found = results(text, {x, ints({1}, {9}), truth(false)});
  CHECK(list<float>(found[0]) == std::vector<float>{7});
  CHECK(list<float>(found[1]) == std::vector<float>{-1, -2, -3});
  CHECK(error_of(text, {x, ints({1}, {9}), truth(true)}) ==
        "mine.cpp:4: gather: the index at position 0 of i32[1] is out of range for dim 0 of f32[B]");
}

TEST_CASE("while tests before each run, also before the first; carries may change places") {
  const std::string text = R"(
func @f(%a0: f32[B], %b0: f32[B], %n: i32[]) -> (f32[B], f32[B], i32[]) {
  %a, %b, %i = while carry(%a = %a0, %b = %b0, %i = %n) use() test {
    %more = compare %i, 0 is(gt)
    yield (%more)
  } do {
    %s = add %a, %b
    %j = sub %i, 1
    yield carry(%b, %s, %j)
  }
  return %a, %b, %i
})";
  const std::vector<std::vector<float>> fibonacci = {{0, 1}, {1, 1}, {1, 2}, {2, 3}, {3, 5}, {5, 8}};
  for (int32_t runs = 0; runs < 6; ++runs) {
    CAPTURE(runs);
    const Arrays found = results(text, {floats({1}, {0}), floats({1}, {1}), ints({}, {runs})});
    CHECK(list<float>(found[0])[0] == fibonacci[runs][0]);
    CHECK(list<float>(found[1])[0] == fibonacci[runs][1]);
    CHECK(list<int32_t>(found[2])[0] == 0);
  }
}

TEST_CASE("blocks within blocks, in a scan, at all lengths") {
  const Compiled compiled(R"(
func @f(%x: f32[T,B,3], %h0: f32[B,3], %w: f32[3,3]) -> (f32[B,3], f32[T,B,3]) {
  %h, %hs = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%w = %w) {
    %even = and %t, 1
    %p = compare %even, 0 is(eq)
    %n = cond %p use(%a = %xt, %b = %h, %w = %w, %t = %t) then {
      %d = dot %b, %w contract([1],[0])
      %s = add %a, %d
      yield (%s)
    } else {
      %r, %i = while carry(%r = %b, %i = %t) use(%a = %a) test {
        %more = compare %i, 0 is(gt)
        yield (%more)
      } do {
        %m = mul %r, %a
        %u = tanh %m
        %j = sub %i, 2
        yield carry(%u, %j)
      }
      yield (%r)
    }
    yield carry(%n) stack(%n)
  }
  return %h, %hs
})");
  for (int64_t length : {0, 1, 2, 3, 8})
    for (int64_t rows : {0, 1, 5}) CHECK(compiled.agrees({{"T", length}, {"B", rows}}));
}

TEST_CASE("a call computes its body") {
  const Arrays found = results(R"(
func @f(%x: f32[B]) -> (f32[B], f32[B]) {
  %y, %z = call use(%a = %x) body {
    %f = floor %a
    yield (%f, %a)
  } vjp(%f, %a2, %df, %da) {
    yield (%df)
  }
  return %y, %z
})",
                               {floats({2}, {1.5f, -0.5f})});
  CHECK(list<float>(found[0]) == std::vector<float>{1, -1});
  CHECK(list<float>(found[1]) == std::vector<float>{1.5f, -0.5f});
}

TEST_CASE("topk: falling order, the least place at ties, NaN the greatest") {
  const std::string text = R"(
func @f(%x: f32[B,6]) -> (f32[B,4], i32[B,4], i32[B,0]) {
  %v, %i = topk %x k(4)
  %none, %nowhere = topk %x k(0)
  return %v, %i, %nowhere
})";
  const Arrays found = results(text, {floats({3, 6}, {1, 5, 5, 2, 9, 5,         //
                                                      -1, kNan, 3, kNan, 2, 8,  //
                                                      0, -0.0f, 0, 0, 0, 0})});
  CHECK(list<int32_t>(found[1]) == std::vector<int32_t>{4, 1, 2, 5, 1, 3, 5, 2, 0, 1, 2, 3});
  CHECK(list<float>(found[0])[0] == 9);
  CHECK(list<float>(found[0])[6] == 8);
  CHECK(std::signbit(list<float>(found[0])[9]));
  CHECK(found[2].shape() == std::vector<int64_t>{3, 0});
  const Compiled whole(
      "func @f(%x: i64[T,B]) -> (i64[T,B], i32[T,B]) { %v, %i = topk %x k(B) return %v, %i }");
  for (int64_t width : {0, 1, 2, 40, 333}) CHECK(whole.agrees({{"T", 3}, {"B", width}}));
}

TEST_CASE("scatter_set: the last of several updates stays; out of range goes nowhere and is recorded") {
  const std::string text = R"(
func @f(%x: f32[4,2], %i: i32[3], %u: f32[3,2]) -> (f32[4,2]) {
  %y = scatter_set %x, %i, %u axis(0) batch_dims(0) loc("mine.cpp":3)
  return %y
})";
  const Array x = floats({4, 2}, {0, 0, 1, 1, 2, 2, 3, 3}), u = floats({3, 2}, {10, 11, 20, 21, 30, 31});
  CHECK(list<float>(results(text, {x, ints({3}, {3, 1, 3}), u})[0]) ==
        std::vector<float>{0, 0, 20, 21, 2, 2, 30, 31});
  CHECK(error_of(text, {x, ints({3}, {0, -1, 4}), u}) ==
        "mine.cpp:3: scatter_set: the index at position 1 of i32[3] is out of range for dim 0 of f32[4,2]");
}
