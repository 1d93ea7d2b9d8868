// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "tests/backends/compiled.h"

using namespace rondo;
using namespace rondo::test;

namespace {

bool agrees_at_all_lengths(const std::string& text, const Sizes& others) {
  const Compiled compiled(text);
  for (int64_t length : {0, 1, 2, 3, 4, 7})
    for (unsigned seed : {1, 2}) {
      Sizes sizes = others;
      sizes["T"] = length;
      if (!compiled.agrees(sizes, seed)) return false;
    }
  return true;
}

}  // namespace

TEST_CASE("a carry that alternates between two buffers") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T], %h0: f32[B,4], %w: f32[4,4]) -> (f32[B,4]) {
  %h = scan T index(%t) over(%x = %x) carry(%h = %h0) use(%w = %w) {
    %d = dot %h, %w contract([1],[0])
    yield carry(%d) stack()
  }
  return %h
})",
                              {{"B", 3}}));
}

TEST_CASE("a carry in place, from a parameter that is not the caller's to lose") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T,B], %s0: f32[B]) -> (f32[B], f32[B]) {
  %s = scan T index(%t) over(%x = %x) carry(%s = %s0) use() {
    %next = add %s, %x
    yield carry(%next) stack()
  }
  return %s, %s0
})",
                              {{"B", 5}}));
}

TEST_CASE("stacks of a carry before and after the step, in both directions, also in two stacks") {
  for (const std::string direction : {"", " reverse"})
    CHECK(agrees_at_all_lengths(
        "func @f(%x: f32[T,B], %h0: f32[B]) -> (f32[B], f32[T,B], f32[T,B], f32[T,B]) {\n"
        "  %h, %a, %b, %c = scan T" +
            direction +
            " index(%t) over(%x = %x) carry(%h = %h0) use() {\n"
            "    %next = mul %h, %x\n"
            "    yield carry(%next) stack(%h, %next, %next)\n  }\n"
            "  return %h, %a, %b, %c\n}\n",
        {{"B", 5}}));
  for (const std::string direction : {"", " reverse"})
    CHECK(
        agrees_at_all_lengths("func @f(%x: f32[T,B], %h0: f32[B]) -> (f32[B], f32[T,B]) {\n"
                              "  %h, %a = scan T" +
                                  direction +
                                  " index(%t) over(%x = %x) carry(%h = %h0) use() {\n"
                                  "    %next = mul %h, %x\n"
                                  "    yield carry(%next) stack(%h)\n  }\n  return %h, %a\n}\n",
                              {{"B", 5}}));
}

TEST_CASE("carries that change places, that stay, and that are given by another value") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T,B], %a0: f32[B], %b0: f32[B], %c0: f32[B], %d0: f32[B])
    -> (f32[B], f32[B], f32[B], f32[B], f32[T,B], f32[T,B]) {
  %a, %b, %c, %d, %s, %r = scan T index(%t) over(%x = %x) carry(%a = %a0, %b = %b0, %c = %c0, %d = %d0) use() {
    yield carry(%b, %a, %c, %x) stack(%c, %x)
  }
  return %a, %b, %c, %d, %s, %r
})",
                              {{"B", 3}}));
}

TEST_CASE("one value that is the next of two carries and in a stack") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T,B], %a0: f32[B], %b0: f32[B]) -> (f32[B], f32[B], f32[T,B]) {
  %a, %b, %s = scan T index(%t) over(%x = %x) carry(%a = %a0, %b = %b0) use() {
    %p = mul %a, %x
    %n = add %p, %b
    yield carry(%n, %n) stack(%n)
  }
  return %a, %b, %s
})",
                              {{"B", 3}}));
}

TEST_CASE("weights that are carried and change, as in a fast-weights cell") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T,4], %w0: f32[4,4] donate, %h0: f32[4]) -> (f32[4,4], f32[4]) {
  %w, %h = scan T index(%t) over(%x = %x) carry(%w = %w0, %h = %h0) use() {
    %y = dot %h, %w contract([0],[0])
    %z = add %y, %x
    %n = tanh %z
    %row = broadcast %n dims([0]) : f32[4,4]
    %column = broadcast %h dims([1]) : f32[4,4]
    %outer = mul %row, %column
    %step = mul %outer, 0.1
    %w1 = add %w, %step
    yield carry(%w1, %n) stack()
  }
  return %w, %h
})",
                              {}));
}

TEST_CASE("the index, in both directions, and lengths of rows") {
  for (const std::string direction : {"", " reverse"})
    CHECK(agrees_at_all_lengths(
        "func @f(%x: f32[T,B], %len: i32[B], %h0: f32[B]) -> (f32[B], f32[T,B], i32[T]) {\n"
        "  %h, %y, %i = scan T" +
            direction + R"(
      index(%t) over(%x = %x) carry(%h = %h0) use(%len = %len) {
    %at = broadcast %t dims([]) : i32[B]
    %live = compare %at, %len is(lt)
    %sum = add %h, %x
    %next = select %live, %sum, %h
    %out = select %live, %next, 0.0
    yield carry(%next) stack(%out, %t)
  }
  return %h, %y, %i
})",
        {{"B", 5}}));
}

TEST_CASE("scans in scans, in all directions, with stacks of stacks and carries passed in and out") {
  for (const std::string outer : {"", " reverse"})
    for (const std::string inner : {"", " reverse"})
      for (int64_t S : {0, 1, 2, 3})
        CHECK(
            agrees_at_all_lengths("func @f(%x: f32[T,S,B], %a0: f32[B], %s0: f32[B])\n"
                                  "    -> (f32[B], f32[B], f32[T,S,B], f32[T,B]) {\n"
                                  "  %a, %s, %y, %z = scan T" +
                                      outer +
                                      " index(%t) over(%x = %x) carry(%a = %a0, %s = %s0) use() {\n"
                                      "    %a1, %s1, %y1, %p = scan S" +
                                      inner + R"(
        index(%u) over(%x = %x) carry(%a = %a, %s = %s) use(%h = %a, %t = %t, %xt = %x) {
      %both = add %t, %u
      %f = convert %both : f32[]
      %fb = broadcast %f dims([]) : f32[B]
      %e = tanh %x
      %first = reduce_sum %xt dims([0])
      %m = fma %e, %fb, %h
      %a1 = add %a, %m
      %s1 = sub %s, %first
      yield carry(%a1, %s1) stack(%e, %s)
    }
    %q = reduce_sum %p dims([0])
    yield carry(%a1, %s1) stack(%y1, %q)
  }
  return %a, %s, %y, %z
})",
                                  {{"B", 3}, {"S", S}}));
}

TEST_CASE("an inner stack that is the outer scan's next carry") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T,B], %s0: f32[T,B]) -> (f32[T,B]) {
  %s = scan T index(%t) over(%x = %x) carry(%s = %s0) use() {
    %total = reduce_sum %s dims([0])
    %next = scan T index(%u) over() carry() use(%x = %x, %total = %total) {
      %y = mul %x, %total
      yield carry() stack(%y)
    }
    yield carry(%next) stack()
  }
  return %s
})",
                              {{"B", 3}}));
}

TEST_CASE("gather, scatter_add and check within a scan") {
  const std::string text = R"(
func @f(%ids: i32[T,B], %table: f32[V,3], %sum0: f32[V,3]) -> (f32[V,3], f32[T,B,3]) {
  %sum, %rows = scan T index(%t) over(%ids = %ids) carry(%sum = %sum0) use(%table = %table) {
    %zero = constant value(0) : i32[B]
    %ok = compare %ids, %zero is(ge)
    %checked = check %ids, %ok message("ids must not be negative") loc("mine.cpp":3)
    %row = gather %table, %checked axis(0) batch_dims(0) loc("mine.cpp":4)
    %next = scatter_add %sum, %checked, %row axis(0) batch_dims(0) loc("mine.cpp":5)
    yield carry(%next) stack(%row)
  }
  return %sum, %rows
})";
  CHECK(agrees_at_all_lengths(text, {{"B", 4}, {"V", 3}}));

  // Of all errors in all steps, the one of the first op and there of the first position.
  const Compiled compiled(text);
  Arrays arrays = compiled.draw({{"T", 3}, {"B", 4}, {"V", 3}});
  arrays[0].data<int32_t>()[1] = 7;
  for (const backends::Executable* executable : {compiled.code.get(), compiled.reference.get()})
    CHECK_THROWS_WITH_AS(Compiled::run(*executable, arrays), doctest::Contains("mine.cpp:4: gather"), Error);
  arrays[0].data<int32_t>()[10] = -1;
  arrays[0].data<int32_t>()[7] = -1;
  for (const backends::Executable* executable : {compiled.code.get(), compiled.reference.get()})
    CHECK_THROWS_WITH_AS(Compiled::run(*executable, arrays),
                         "mine.cpp:3: check: ids must not be negative (at position 2)", Error);
}

TEST_CASE("views of views, in the function and in a body, as over, use, carry and operand of a dot") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[S,B,4], %w: f32[9,4], %t: f32[T]) -> (f32[B,4], f32[T,B,4], f32[B,4]) where require T+5 <= S {
  %times = slice %x lo([3,0,0]) hi([T+5,B,4]) : f32[T+2,B,4]
  %inner = slice %times lo([1,0,0]) hi([T+1,B,4]) : f32[T,B,4]
  %first = slice %x lo([2,0,0]) hi([3,B,4]) : f32[1,B,4]
  %h0 = reshape %first : f32[B,4]
  %square = slice %w lo([4,0]) hi([8,4]) : f32[4,4]
  %h, %hs = scan T index(%t) over(%xt = %inner) carry(%h = %h0) use(%w = %w, %u = %square) {
    %v = slice %w lo([5,0]) hi([9,4]) : f32[4,4]
    %a = dot %h, %v contract([1],[0])
    %b = dot %a, %u contract([1],[1])
    %n = add %b, %xt
    yield carry(%n) stack(%n)
  }
  return %h, %hs, %h0
})",
                              {{"B", 3}, {"S", 13}}));
}

TEST_CASE("a total that a loop carries and stacks, before its step and after it") {
  CHECK(agrees_at_all_lengths(R"(
func @f(%x: f32[T,B,80], %m0: f32[B]) -> (f32[B], f32[T,B], f32[T,B], f32[T,80]) {
  %m, %before, %after, %columns = scan T index(%t) over(%xt = %x) carry(%m = %m0) use() {
    %wide = broadcast %m dims([0]) : f32[B,80]
    %a = add %xt, %wide
    %p = mul %a, %xt
    %m1 = reduce_max %p dims([1])
    %c = reduce_sum %p dims([0])
    yield carry(%m1) stack(%m, %m1, %c)
  }
  return %m, %before, %after, %columns
})",
                              {{"B", 3}}));
}
