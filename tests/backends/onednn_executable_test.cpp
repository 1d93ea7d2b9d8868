// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "backends/onednn/dots.h"
#include "passes/vjp.h"
#include "tests/backends/compiled.h"

using namespace rondo;
using namespace rondo::test;

namespace {

codegen::CompileOptions with_onednn() { return {.poison = true, .dots = &onednn::dots()}; }

double largest_difference(const Array& x, const Array& y) {
  double largest = 0;
  for (int64_t i = 0; i < x.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(x.data<float>()[i]) - y.data<float>()[i]));
  return largest;
}

// True if all results, of a size of about 1, are the interpreter's to 1e-5.
bool is_near(const Compiled& program, const Sizes& sizes) {
  Arrays mine = program.draw(sizes), theirs = mine;
  const Arrays found = Compiled::run(*program.code, mine),
               expected = Compiled::run(*program.reference, theirs);
  for (size_t i = 0; i < found.size(); ++i)
    if (!(largest_difference(found[i], expected[i]) <= 1e-5)) return false;
  return true;
}

bool same(const Arrays& x, const Arrays& y) {
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](const Array& a, const Array& b) { return fuzz::same_bits(a, b); });
}

constexpr const char* kThreeDots = R"(
func @f(%x: f32[T,B,3], %W: f32[3,7], %h: f32[B,5], %U: f32[5,7], %V: f32[5,7]) -> (f32[T,B,7], f32[B,7], f32[B,7]) {
  %a = dot %x, %W contract([2],[0])
  %b = dot %h, %U contract([1],[0])
  %c = dot %h, %V contract([1],[0])
  return %a, %b, %c
})";

}  // namespace

TEST_CASE("an LSTM and its gradient with dots by oneDNN, at any size") {
  const Compiled lstm(kLstm, with_onednn());
  const ir::Module module = ir::parse(kLstm, "test");
  const Compiled gradient(*passes::vjp(*module.functions[0]), with_onednn());
  for (int64_t T : {0, 1, 2, 8})
    for (int64_t B : {0, 1, 3, 17}) {
      CAPTURE(T);
      CAPTURE(B);
      CHECK(is_near(lstm, {{"T", T}, {"B", B}}));
      CHECK(is_near(gradient, {{"T", T}, {"B", B}}));
    }
  CHECK(lstm.code->counters().compiles == 1);
}

TEST_CASE("kernels are made when sizes are bound, one for a shape, and found again") {
  const Compiled program(kThreeDots, with_onednn());
  const auto run = [&](int64_t T, int64_t B) {
    Arrays arrays = program.draw({{"T", T}, {"B", B}});
    Compiled::run(*program.code, arrays);
    return program.code->counters();
  };
  CHECK(program.code->counters().dot_kernels == 0);
  CHECK(run(11, 101).dot_kernels == 2);  // two dots have one shape
  CHECK(run(11, 101).dot_kernels == 2);
  CHECK(run(11, 101).binds == 1);
  CHECK(run(13, 101).dot_kernels == 3);
  CHECK(run(13, 103).dot_kernels == 5);
  CHECK(run(11, 101).dot_kernels == 5);
  CHECK(run(11, 101).binds == 3);
}

TEST_CASE("dots of f64 keep the bits of the language") {
  std::string text = kThreeDots;
  for (size_t at; (at = text.find("f32")) != std::string::npos;) text.replace(at, 3, "f64");
  const Compiled program(text, with_onednn());
  CHECK(program.agrees({{"T", 4}, {"B", 3}}));
  CHECK(program.code->counters().dot_kernels == 0);
}

TEST_CASE("four threads run one executable, on sizes that others bound, and get the bits of one thread") {
  const Compiled lstm(kLstm, with_onednn());
  const std::vector<Sizes> sizes = {
      {{"T", 2}, {"B", 1}}, {{"T", 3}, {"B", 19}}, {{"T", 5}, {"B", 64}}, {{"T", 7}, {"B", 130}}};
  std::vector<Arrays> arguments, expected;
  for (const Sizes& each : sizes) {
    arguments.push_back(lstm.draw(each));
    expected.push_back(Compiled::run(*lstm.code, arguments.back()));
  }
  std::atomic<int> agreed = 0;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (size_t i = 0; i < 200; ++i) {
        const size_t k = (thread + i) % sizes.size();
        Arrays mine = arguments[k];
        agreed += same(Compiled::run(*lstm.code, mine), expected[k]);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(agreed == 800);
}

TEST_CASE("a run by oneDNN leaves nothing behind that the next one sees, and its scratch memory is planned") {
  // Neither matrix has a stride of 1: both are copied, to memory that the arena has for that.
  const Compiled program(R"(
func @f(%x: f32[B,K,2], %y: f32[K,H,2]) -> (f32[2,B,H]) {
  %z = dot %x, %y contract([1],[0]) batch([2],[2])
  return %z
})",
                         with_onednn());
  Arrays arrays = program.draw({{"B", 6}, {"K", 50}, {"H", 7}});
  const Arrays first = Compiled::run(*program.code, arrays);
  CHECK(program.code->counters().arena_bytes >= (6 * 50 + 50 * 7) * 4);
  CHECK(is_near(program, {{"B", 9}, {"K", 3}, {"H", 2}}));
  CHECK(same(Compiled::run(*program.code, arrays), first));
}
