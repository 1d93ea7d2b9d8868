// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "ir/error.h"
#include "ir/parse.h"
#include "passes/memory_plan.h"
#include "passes/passes.h"

using namespace rondo;

namespace {

// The complaint about a function that plans are written into by hand; empty if there is none.
std::string complaint(const std::string& text) {
  const ir::Module module = ir::parse(text, "test");
  try {
    passes::check_plan(*module.functions[0]);
  } catch (const InternalError& error) {
    return error.what();
  }
  return "";
}

std::string scan(const std::string& annotations, const std::string& body, const std::string& results = "%h") {
  return "func @f(%x: f32[T,B], %h0: f32[B], %w: f32[B,B]) -> (f32[B]) {\n"
         "  %z = exp %h0 buffers([3])\n  " +
         results + " = scan T " + annotations + " index(%t) over(%x = %x) carry(%h = %z) use(%w = %w) {\n" +
         body + "  }\n  return %h\n}\n";
}

}  // namespace

TEST_CASE("a plan that keeps every value until its last read passes") {
  CHECK(complaint("func @f(%x: f32[B]) -> (f32[B]) {\n"
                  "  %a = exp %x buffers([1])\n  %b = neg %a buffers([1])\n  return %b\n}\n") == "");
  CHECK(complaint(
            scan("buffers([4]) through([5])",
                 "    %d = dot %w, %h contract([1],[0]) buffers([4])\n    yield carry(%d) stack()\n")) == "");
  CHECK(complaint(scan("buffers([3]) through([3])",
                       "    %d = add %x, %h buffers([3])\n    yield carry(%d) stack()\n")) == "");
  CHECK(complaint(scan("buffers([4,5]) through([5])",
                       "    %d = dot %w, %h contract([1],[0]) buffers([5])\n    yield carry(%d) stack(%d)\n",
                       "%h, %y")) == "");
  CHECK(complaint(scan("buffers([4,5]) through([5])",
                       "    %d = dot %w, %h contract([1],[0]) buffers([4])\n    yield carry(%d) stack(%h)\n",
                       "%h, %y")) == "");
}

TEST_CASE("a value that is overwritten before it is read is found") {
  CHECK(
      complaint("func @f(%x: f32[B]) -> (f32[B]) {\n  %a = exp %x buffers([1])\n  %b = neg %a buffers([1])\n"
                "  %c = add %a, %b buffers([2])\n  return %c\n}\n") ==
      "plan-memory: @f: add and buffer 1: what is read there has been overwritten");
  CHECK(complaint("func @f(%x: f32[B]) -> (f32[B], f32[B]) {\n  %a = exp %x buffers([1])\n"
                  "  %b = neg %a buffers([1])\n  return %a, %b\n}\n") ==
        "plan-memory: @f: return and buffer 1: what is read there has been overwritten");
}

TEST_CASE("an op that does not work in place must not overwrite its operand") {
  CHECK(complaint("func @f(%x: f32[B,B]) -> (f32[B,B]) {\n  %a = exp %x buffers([1])\n"
                  "  %b = transpose %a perm([1,0]) buffers([1])\n  return %b\n}\n") ==
        "plan-memory: @f: transpose and buffer 1: operand 0 is overwritten while it is read");
  CHECK(complaint("func @f(%x: f32[B,4]) -> (f32[B,2], f32[B,2]) {\n"
                  "  %a, %b = split %x dim(1) sizes([2,2]) buffers([1,1])\n  return %a, %b\n}\n") ==
        "plan-memory: @f: split and buffer 1: two results overlap");
}

TEST_CASE("parameters are overwritten only if they are donated and no error can come") {
  const std::string refused =
      "a parameter is overwritten that is not donated, or while errors may still be recorded";
  CHECK(complaint("func @f(%x: f32[B]) -> (f32[B]) {\n  %a = exp %x buffers([0])\n  return %a\n}\n") ==
        "plan-memory: @f: exp and buffer 0: " + refused);
  CHECK(complaint("func @f(%x: f32[B] donate) -> (f32[B]) {\n  %a = exp %x buffers([0])\n  return %a\n}\n") ==
        "");
  CHECK(complaint("func @f(%x: f32[B] donate, %i: i32[N]) -> (f32[B], f32[N]) {\n  %a = exp %x buffers([0])\n"
                  "  %g = gather %a, %i axis(0) batch_dims(0) buffers([2])\n  return %a, %g\n}\n") ==
        "plan-memory: @f: exp and buffer 0: " + refused);
}

TEST_CASE("carries are followed from step to step") {
  // In place, by an op that reads all of the old value.
  CHECK(
      complaint(scan("buffers([4]) through([4])",
                     "    %d = dot %w, %h contract([1],[0]) buffers([4])\n    yield carry(%d) stack()\n")) ==
      "plan-memory: @f: dot and buffer 4: operand 1 is overwritten while it is read");
  // The second buffer is one that the body uses for something else.
  CHECK(complaint(scan("buffers([4]) through([5])",
                       "    %e = exp %x buffers([5])\n    %d = add %e, %h buffers([4])\n"
                       "    yield carry(%d) stack()\n")) ==
        "plan-memory: @f: add and buffer 5: what is read there has been overwritten");
  // The slot is overwritten after the stack's value is in it.
  CHECK(complaint(scan("buffers([4,5]) through([4])",
                       "    %e = exp %x buffers([5])\n    %d = neg %x buffers([5])\n"
                       "    %s = add %d, %h buffers([4])\n    yield carry(%s) stack(%e)\n",
                       "%h, %y")) ==
        "plan-memory: @f: scan and buffer 5: what is read there has been overwritten");
  // A use is overwritten in the first step, and read in the second.
  CHECK(complaint(
            "func @f(%x: f32[T,B]) -> (f32[T,B]) {\n  %a = constant value(1.0) buffers([1]) : f32[B]\n"
            "  %y = scan T buffers([2]) through([]) index(%t) over(%x = %x) carry() use(%a = %a) {\n"
            "    %b = add %x, %a buffers([1])\n    %c = exp %b buffers([2])\n    yield carry() stack(%c)\n"
            "  }\n  return %y\n}\n") ==
        "plan-memory: @f: add and buffer 1: what is read there has been overwritten");
}

TEST_CASE("a carry may begin as a view of a parameter that is not to be written") {
  CHECK(complaint(
            "func @f(%x: f32[T,B], %h0: f32[B+2], %w: f32[B,B]) -> (f32[B]) {\n"
            "  %v = slice %h0 lo([1]) hi([B+1]) buffers([1]) view\n"
            "  %h = scan T buffers([3]) through([4]) index(%t) over(%x = %x) carry(%h = %v) use(%w = %w) {\n"
            "    %d = dot %w, %h contract([1],[0]) buffers([3])\n    yield carry(%d) stack()\n  }\n"
            "  return %h\n}\n") == "");
}

TEST_CASE("jobs that run at the same time share no memory that one of them writes") {
  const auto jobs = [](int first, int second) {
    const std::string a = std::to_string(first), b = std::to_string(second);
    return "func @f(%x: f32[B]) -> (f32[B], f32[B]) {\n"
           "  %a = job buffers([1]) use(%x = %x) {\n    %e = exp %x buffers([" +
           a +
           "])\n"
           "    %n = reshape %e buffers([" +
           a +
           "]) : f32[B]\n    %r = neg %n buffers([1])\n    yield (%r)\n  }\n"
           "  %b = job buffers([2]) use(%x = %x) {\n    %e = exp %x buffers([" +
           b +
           "])\n"
           "    %r = neg %e buffers([2])\n    yield (%r)\n  }\n  return %a, %b\n}\n";
  };
  CHECK(complaint(jobs(3, 4)) == "");
  CHECK(complaint(jobs(3, 3)) ==
        "plan-memory: @f: job and buffer 3: jobs that run at the same time share it");
  CHECK(complaint(jobs(3, 1)) ==
        "plan-memory: @f: job and buffer 1: jobs that run at the same time share it");
}

TEST_CASE("what plan-memory itself decides passes, also for a stack within an alternating carry") {
  const ir::Module module = ir::parse(
      "func @f(%x: f32[T,B], %s0: f32[T,B]) -> (f32[T,B]) {\n"
      "  %s = scan T index(%t) over(%x = %x) carry(%s = %s0) use() {\n"
      "    %total = reduce_sum %s dims([0])\n"
      "    %next = scan T index(%u) over() carry() use(%x = %x, %total = %total) {\n"
      "      %y = mul %x, %total\n      yield carry() stack(%y)\n    }\n"
      "    yield carry(%next) stack()\n  }\n  return %s\n}\n",
      "test");
  passes::plan_memory(*module.functions[0]);
  CHECK_NOTHROW(passes::check_plan(*module.functions[0]));
}

TEST_CASE("loops within loops take no exponential time") {
  std::string text = "func @f(%x: f32[T], %s: f32[]) -> (f32[]) {\n";
  const int depth = 40;
  for (int i = 0; i < depth; ++i) text += "%r = scan T index(%t) over() carry(%s = %s) use() {\n";
  text += "%r = neg %s\n";
  for (int i = 0; i < depth; ++i) text += "yield carry(%r) stack()\n}\n";
  const ir::Module module = ir::parse(text + "return %r\n}\n", "test");
  passes::plan_memory(*module.functions[0]);
  CHECK_NOTHROW(passes::check_plan(*module.functions[0]));
}
