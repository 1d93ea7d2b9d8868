// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "ir/substitute.h"
#include "passes/vjp.h"
#include "tests/backends/compiled.h"
#include "tools/fuzz/random.h"

using namespace rondo;
using namespace rondo::test;

TEST_CASE("an LSTM has the interpreter's bits at any size, with one code generation") {
  const Compiled lstm(kLstm);
  for (int64_t T : {0, 1, 2, 3, 8})
    for (int64_t B : {0, 1, 3, 16, 17}) {
      CAPTURE(T);
      CAPTURE(B);
      CHECK(lstm.agrees({{"T", T}, {"B", B}}));
    }
  CHECK(lstm.code->counters().compiles == 1);
  CHECK(lstm.code->counters().binds == 25);
}

TEST_CASE("so has its gradient") {
  const ir::Module module = ir::parse(kLstm, "test");
  const Compiled gradient(*passes::vjp(*module.functions[0]));
  for (const auto& [T, B] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 2}, {1, 1}, {5, 0}, {4, 3}, {3, 17}}) {
    CAPTURE(T);
    CAPTURE(B);
    CHECK(gradient.agrees({{"T", T}, {"B", B}}));
  }
}

TEST_CASE("1,000 random sizes need one code generation") {
  const Compiled lstm(kLstm);
  fuzz::Random random(7);
  int agreed = 0;
  for (int i = 0; i < 1000; ++i) agreed += lstm.agrees({{"T", random.below(8)}, {"B", random.below(12)}}, i);
  CHECK(agreed == 1000);
  CHECK(lstm.code->counters().compiles == 1);
  CHECK(lstm.code->counters().binds <= 8 * 12);
}

TEST_CASE("an executable counts dots, loops, and the bytes that it plans and copies") {
  const Compiled nested(
      R"(func @f(%x: f32[T,B,4], %W: f32[4,4], %h0: f32[B,4]) -> (f32[B,4], f32[T,B,4], f32[B,4]) {
    %x1 = dot %x, %W contract([2],[0])
    %h, %hs = scan T index(%t) over(%xt = %x1) carry(%h = %h0) use(%W = %W) {
      %a = dot %h, %W contract([1],[0])
      %b = scan 3 index(%s) over() carry(%k = %a) use(%W = %W) {
        %c = dot %k, %W contract([1],[0])
        %d = dot %c, %W contract([1],[1])
        yield carry(%d) stack()
      }
      %n = add %b, %xt
      yield carry(%n) stack(%n)
    }
    return %h, %hs, %h
  })");
  for (const int64_t T : {0, 1, 5}) {
    CHECK(nested.agrees({{"T", T}, {"B", 2}}));
    const backends::Counters counters = nested.code->counters();
    CHECK(counters.dots == 1 + T * (1 + 3 * 2));
    CHECK(nested.reference->counters().dots == counters.dots);
    CHECK(counters.arena_bytes > 0);
    // The last carry leaves the stack for its result, and the result is given twice.
    CHECK(counters.copied_bytes == 2 * (2 * 4 * 4));
    CHECK(counters.binds == (T == 0 ? 1 : T == 1 ? 2 : 3));
    REQUIRE(counters.loops.size() == 2);
    CHECK(counters.loops[0].length == "T");
    CHECK(counters.loops[0].dots == 1);
    CHECK(counters.loops[0].place == "scan %h");
    CHECK(counters.loops[1].depth == 1);
    CHECK(counters.loops[1].dots == 2);
    CHECK(counters.text().find("\ndots " + std::to_string(counters.dots) + "\n") != std::string::npos);
    CHECK(counters.text().ends_with(
        "\nloop of T (scan %h): 1 dot a step\n  loop of 3 (scan %b): 2 dots a step\n"));
    CHECK(counters.json().ends_with(
        "\"loops\":[{\"place\":\"scan %h\",\"length\":\"T\",\"depth\":0,\"dots\":1,\"copies\":0},"
        "{\"place\":\"scan %b\",\"length\":\"3\",\"depth\":1,\"dots\":2,\"copies\":0}]}"));
  }
}

TEST_CASE("a while counts as a loop of unknown length") {
  const ir::Module module = ir::parse(R"(func @f(%x: f32[4,4]) -> (f32[4,4]) {
    %r = while carry(%a = %x) use() test {
      %m = reduce_max %a dims([0,1])
      %more = compare %m, 1.0 is(lt)
      yield (%more)
    } do {
      %b = dot %a, %a contract([1],[0])
      yield carry(%b)
    }
    return %r
  })",
                                      "test");
  const auto loops = backends::count_loops(*module.functions[0]);
  REQUIRE(loops.size() == 1);
  CHECK(loops[0].place == "while %r");
  CHECK(loops[0].length == "?");
  CHECK(loops[0].dots == 1);
}

TEST_CASE("a length of 100,000 compiles like a length of 10, and runs") {
  double least[2] = {1e9, 1e9};
  for (int attempt = 0; attempt < 3; ++attempt)
    for (const int64_t length : {10, 100000}) {
      const ir::Module module = ir::parse(kLstm, "test");
      ir::substitute(*module.functions[0], {{"T", length}});
      const auto code = codegen::compile(*module.functions[0]);
      double& ms = least[length > 10];
      ms = std::min(ms, code->counters().compile_ms);
    }
  CHECK(least[1] < 2 * least[0]);
  CHECK(Compiled(kLstm, codegen::CompileOptions{}).agrees({{"T", 100000}, {"B", 1}}));
}

namespace {

constexpr const char* kTrainingStep = R"(
func @step(%w: f32[N] donate, %m: f32[N] donate, %g: f32[N], %table: f32[V,2], %ids: i32[B])
    -> (f32[N], f32[N], f32[B,2], f32[]) {
  %m0 = mul %m, 0.9
  %m1 = add %m0, %g
  %u = mul %m1, 0.1
  %w1 = sub %w, %u
  %norm = reduce_sum %w1 dims([0])
  %rows = gather %table, %ids axis(0) batch_dims(0) loc("mine.cpp":14)
  return %w1, %m1, %rows, %norm
})";

}  // namespace

TEST_CASE("a donated array becomes the result's") {
  const Compiled step(kTrainingStep);
  const Sizes sizes = {{"N", 1000}, {"V", 3}, {"B", 4}};
  CHECK(step.agrees(sizes));
  Arrays arrays = step.draw(sizes);
  const void* w = arrays[0].raw();
  const void* m = arrays[1].raw();
  const Arrays results = Compiled::run(*step.code, arrays);
  const bool w_taken = results[0].raw() == w || results[0].raw() == m;
  const bool m_taken = results[1].raw() == m || results[1].raw() == w;
  CHECK(w_taken);
  CHECK(m_taken);
}

TEST_CASE("a run that records an error changes no argument, and says where the user wrote the op") {
  const Compiled step(kTrainingStep);
  Arrays arrays = step.draw({{"N", 1000}, {"V", 3}, {"B", 4}});
  arrays[4].data<int32_t>()[2] = 3;
  const Arrays before = arrays;
  CHECK_THROWS_WITH_AS(
      Compiled::run(*step.code, arrays),
      "mine.cpp:14: gather: the index at position 2 of i32[B] is out of range for dim 0 of f32[V,2]", Error);
  for (size_t i = 0; i < arrays.size(); ++i) CHECK(fuzz::same_bits(arrays[i], before[i]));
  arrays[4].data<int32_t>()[2] = 0;
  CHECK_NOTHROW(Compiled::run(*step.code, arrays));
}

TEST_CASE(
    "of two errors a run reports the one of the earlier op, though a loop joins what stands around them") {
  const Compiled program(R"(
func @f(%x: f32[B], %i: i32[N], %u: f32[N], %j: i32[]) -> (f32[B], f32[B]) {
  %a = sqrt %x
  %s = scatter_add %a, %i, %u axis(0) batch_dims(0) loc("mine.cpp":3)
  %r = gather %x, %j axis(0) batch_dims(0) loc("mine.cpp":4)
  %y = broadcast %r dims([]) : f32[B]
  %c = mul %a, %y
  return %s, %c
})");
  Arrays arrays = program.draw({{"B", 4}, {"N", 3}});
  arrays[1].data<int32_t>()[2] = 4;
  arrays[3].data<int32_t>()[0] = 4;
  CHECK_THROWS_WITH_AS(
      Compiled::run(*program.code, arrays),
      "mine.cpp:3: scatter_add: the index at position 2 of i32[N] is out of range for dim 0 of f32[B]",
      Error);
}

TEST_CASE("a donated array must not be another argument too") {
  const Compiled sum(
      "func @f(%a: f32[N] donate, %b: f32[N]) -> (f32[N]) {\n  %c = add %a, %b\n  return %c\n}\n");
  Arrays arrays = sum.draw({{"N", 4}});
  std::vector<Array*> same = {&arrays[0], &arrays[0]};
  CHECK_THROWS_WITH_AS(sum.code->run(same),
                       "@f: argument 'b' is the same array as 'a', and one of them is donated", Error);
}

TEST_CASE("results given twice and arguments given back are copies") {
  const Compiled copies(R"(
func @f(%x: f32[N], %y: f32[N] donate, %z: f32[N,2] donate) -> (f32[N], f32[N], f32[N], f32[N], f32[N], f32[2*N]) {
  %e = exp %x
  %a = identity %e
  %r = reshape %z : f32[2*N]
  return %e, %x, %e, %a, %y, %r
})");
  CHECK(copies.agrees({{"N", 5}}));
  CHECK(copies.agrees({{"N", 0}}));
}

TEST_CASE("more memory than the limit is an error before anything is allocated") {
  codegen::CompileOptions options;
  options.memory_limit = 1000000;
  const Compiled lstm(kLstm, options);
  CHECK(lstm.agrees({{"T", 3}, {"B", 4}}));
  Arrays arrays = lstm.draw({{"T", 2000}, {"B", 100}});
  CHECK_THROWS_WITH_AS(Compiled::run(*lstm.code, arrays),
                       doctest::Contains("@lstm: with B=100, T=2000 it would take"), Error);
  CHECK(lstm.agrees({{"T", 5}, {"B", 4}}));
  Arrays wrong = lstm.draw({{"T", 2}, {"B", 2}});
  wrong[5] = Array::zeros(runtime::ElementType::f32, {3, 5});
  CHECK_THROWS_WITH_AS(Compiled::run(*lstm.code, wrong),
                       "@lstm: argument 'c0': expected f32[B,5], found f32[3,5]: B is 3 here and 2 in 'x'",
                       Error);
}

// What is kept of each of N pieces is little, what the T - N*S-N rows behind them take is much.
constexpr const char* kPieces = R"(
func @f(%x: f32[T,4], %V: f32[4,2048], %U: f32[2048,64], %m0: f32[64]) -> (f32[64])
    where chosen K, S = T floordiv K+1, N = T floordiv S+1 {
  %pieces = slice %x lo([0,0]) hi([N*S+N,4])
  %xs = reshape %pieces : f32[N,S+1,4]
  %m, %ms = scan N index(%k) over(%piece = %xs) carry(%m = %m0) use(%V = %V, %U = %U) {
    %m1 = scan S+1 index(%t) over(%row = %piece) carry(%m = %m) use(%V = %V, %U = %U) {
      %wide = dot %row, %V contract([0],[0])
      %y = dot %wide, %U contract([0],[0])
      %m1 = max %m, %y
      yield carry(%m1) stack()
    }
    yield carry(%m1) stack(%m1)
  }
  %rest = slice %x lo([N*S+N,0]) hi([T,4])
  %wide = dot %rest, %V contract([1],[0])
  %y = dot %wide, %U contract([1],[0])
  %of_rest = reduce_max %y dims([0])
  %of_pieces = reduce_max %ms dims([0])
  %0 = max %of_rest, %of_pieces
  %1 = max %0, %m
  return %1
})";

// What an error says that so many rows would take.
int64_t least_named(const Compiled& tight, int64_t rows) {
  Arrays arrays = tight.draw({{"T", rows}});
  try {
    Compiled::run(*tight.code, arrays);
  } catch (const Error& error) {
    const std::string text = error.what();
    return std::stoll(text.substr(text.find("would take ") + 11));
  }
  return 0;
}

TEST_CASE("a number of pieces that leaves no rest is found among others") {
  codegen::CompileOptions options;
  options.memory_limit = 1;
  const Compiled tight(kPieces, options);
  const int64_t least = least_named(tight, 35);
  CHECK(least < least_named(tight, 0) + 8 * 64 * 4);  // of 7 pieces of 5 rows, not 35 of 1
  options.memory_limit = static_cast<uint64_t>(least);
  CHECK(Compiled(kPieces, options).agrees({{"T", 35}}));
  options.memory_limit = static_cast<uint64_t>(least - 1);
  CHECK(least_named(Compiled(kPieces, options), 35) == least);
}

TEST_CASE("two threads run one executable, each on its own sizes, and get the bits of one") {
  const Compiled lstm(kLstm);
  std::atomic<int> agreed = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) agreed += lstm.agrees({{"T", 1 + i % 5}, {"B", 3 + thread}}, i);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(agreed == 400);
}

TEST_CASE("a run leaves nothing behind that the next one sees") {
  const Compiled lstm(kLstm);
  Arrays arrays = lstm.draw({{"T", 6}, {"B", 7}});
  const Arrays first = Compiled::run(*lstm.code, arrays);
  CHECK(lstm.agrees({{"T", 9}, {"B", 2}}));
  const Arrays again = Compiled::run(*lstm.code, arrays);
  for (size_t i = 0; i < first.size(); ++i) CHECK(fuzz::same_bits(first[i], again[i]));
}

TEST_CASE("a function without ops, and one with many") {
  CHECK(Compiled("func @f(%x: f32[N]) -> (f32[N]) {\n  return %x\n}\n").agrees({{"N", 3}}));
  std::string chain = "func @f(%x: f32[N,N]) -> (f32[N,N]) {\n";
  const int length = 3000;
  for (int i = 0; i < length; ++i)
    chain += "  %a" + std::to_string(i) + " = transpose " + (i == 0 ? "%x" : "%a" + std::to_string(i - 1)) +
             " perm([1,0])\n";
  chain += "  return %a" + std::to_string(length - 1) + "\n}\n";
  CHECK(Compiled(chain).agrees({{"N", 3}}));
}
