// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <thread>

#include "ir/parse.h"
#include "ir/print.h"
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

std::string without_places(std::string text) {
  for (size_t at = text.find(" loc("); at != std::string::npos; at = text.find(" loc("))
    text.erase(at, text.find(')', at) + 1 - at);
  return text;
}

}  // namespace

TEST_CASE("the order of ops does not hang on the order in which C++ evaluates") {
  const Dim T("T"), B("B");
  const std::vector<Type> types = {f32[{T, B, 2}], f32[{2, 3}], f32[{3, 3}]};
  const auto left_first = compile(
      [&](Tensor x, Tensor W, Tensor U) {
        const auto cell = [&](Tensor x, Tensor h) {
          const Tensor a = dot(x, W), b = dot(h, U);
          return tanh(a + b);
        };
        const Tensor h0 = zeros({B, 3});
        const Tensor p = param("p", {3}), q = param("q", {3});
        return scan(cell, x, {.initial = h0}).last * p + q;
      },
      types, kBackend);
  const auto right_first = compile(
      [&](Tensor x, Tensor W, Tensor U) {
        const Tensor q = param("q", {3}), p = param("p", {3});
        exp(q);
        const auto cell = [&](Tensor x, Tensor h) {
          const Tensor b = dot(h, U), a = dot(x, W);
          dot(x, W);
          return tanh(a + b);
        };
        const Tensor h0 = zeros({B, 3});
        return scan(cell, x, {.initial = h0}).last * p + q;
      },
      types, kBackend);
  CHECK(without_places(left_first.ir()) == without_places(right_first.ir()));
  CHECK(without_places(left_first.ir()) ==
        R"(func @main(
    %arg0: f32[T,B,2],
    %arg1: f32[2,3],
    %arg2: f32[3,3],
    %p: f32[3] name("p"),
    %q: f32[3] name("q")
) -> (f32[B,3]) {
  %0 = constant value(0.0) : f32[B,3]
  %1 = scan T
      index(%t)
      over(%x = %arg0)
      carry(%state = %0)
      use(%arg1 = %arg1, %arg2 = %arg2) {
    %0 = dot %x, %arg1 contract([1],[0]) : f32[B,3]
    %1 = dot %state, %arg2 contract([1],[0]) : f32[B,3]
    %2 = add %0, %1 : f32[B,3]
    %3 = tanh %2 : f32[B,3]
    yield carry(%3) stack()
  } : f32[B,3]
  %2 = broadcast %p dims([1]) : f32[B,3]
  %3 = mul %1, %2 : f32[B,3]
  %4 = broadcast %q dims([1]) : f32[B,3]
  %5 = add %3, %4 : f32[B,3]
  return %5
}
)");
}

TEST_CASE("what is traced prints, parses and prints the same") {
  const Dim T("T"), B("B");
  const auto step = train_step(
      [](Tensor words, Tensor length, Tensor label) {
        const Tensor x = nn::dropout("drop", 0.3)(nn::embedding("words", 100, 8)(words));
        const auto run = scan(nn::lstm("lstm", 8, 4), x, {.length = length});
        return cross_entropy(nn::linear("out", 3)(run.last.h), label);
      },
      {i32[{T, B}], i32[{B}], i32[{B}]}, adam(1e-3), kBackend);
  for (const std::string& text : {step.ir(), step.optimised_ir()})
    CHECK(ir::print(*ir::parse(text, "traced").functions.at(0)) == text);
}

TEST_CASE("a chain of 200,000 ops is traced, put in order and destroyed on the stack that there is") {
  const auto f = compile(
      [](Tensor x) {
        for (int i = 0; i < 200'000; ++i) x = -x;
        return x;
      },
      {f32[{}]}, kBackend);
  CHECK(f.counters().compiles == 1);
  CHECK(f.counters().text().starts_with("compiles 1\ncompile_ms "));
  CHECK(f.counters().json().starts_with("{\"compiles\":1,\"compile_ms\":"));
}

TEST_CASE("traces on several threads do not meet") {
  std::vector<double> found(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < found.size(); ++i)
    threads.emplace_back([&found, i] {
      const auto f = compile(
          [i](Tensor x) {
            for (size_t k = 0; k < 50; ++k) x = x + static_cast<double>(i);
            return x;
          },
          {f32[{}]}, kBackend);
      found[i] = f(floats({}, {1})).item<float>();
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(found == std::vector<double>{1, 51, 101, 151});
}

TEST_CASE("a function may be compiled while another is traced") {
  const auto outer = compile(
      [](Tensor x) {
        const auto inner = compile([](Tensor y) { return y * y; }, {f32[{}]}, kBackend);
        return x * inner(floats({}, {3})).item<float>();
      },
      {f32[{}]}, kBackend);
  CHECK(outer(floats({}, {2})).item<float>() == 18);
}
