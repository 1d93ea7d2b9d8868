// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/passes.h"

#include <doctest/doctest.h>

#include <cstring>

#include "ir/ops/elementwise.h"
#include "ir/parse.h"
#include "passes/jvp.h"
#include "passes/vjp.h"
#include "tests/passes/programs.h"
#include "tests/passes/scans.h"

using namespace rondo;
using namespace rondo::ir;
using namespace rondo::passes;
using namespace rondo::test;

namespace {

// Equal bits; +0 equals -0 where `zeros_equal`.
bool same(const std::vector<Array>& a, const std::vector<Array>& b, bool zeros_equal) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].shape() != b[i].shape() || a[i].type() != b[i].type()) return false;
    if (!zeros_equal || a[i].type() != runtime::ElementType::f64) {
      if (std::memcmp(a[i].raw(), b[i].raw(), a[i].bytes()) != 0) return false;
      continue;
    }
    for (int64_t k = 0; k < a[i].size(); ++k)
      if (!(a[i].data<double>()[k] == b[i].data<double>()[k])) return false;
  }
  return true;
}

int count(const Function& f, const OpRow& row) {
  int n = 0;
  for_each_op(f.body, [&](const Op& op) { n += op.row == &row; });
  return n;
}

}  // namespace

TEST_CASE("rows whose cotangents a loop made backwards are summed within another loop as ever") {
  const Module module = parse(R"(
func @f(%w: f64[3,3], %h0: f64[5,3]) -> (f64[5,3]) {
  %h = scan 2 reverse index(%t) over() carry(%h = %h0) use(%w = %w) {
    %n = dot %h, %w contract([1],[0])
    yield carry(%n) stack()
  }
  %ys = scan 5 index(%t) over(%row = %h) carry() use() {
    %y = mul %row, %row
    yield carry() stack(%y)
  }
  return %ys
})",
                              "test");
  const Function& loops = *module.functions[0];
  const auto copies = clone_function(loops, "copies");
  CHECK(unroll(*copies));
  const auto gradient = vjp(loops), gradient_of_copies = vjp(*copies);
  Random random(1);
  for (int repeat = 0; repeat < 10; ++repeat) {
    const auto in = arguments(*gradient, {}, random);
    CHECK(same(run(*gradient, in), run(*gradient_of_copies, in), true));
  }
}

TEST_CASE("the unrolled function has the loop's bits, and so has its gradient") {
  Random random(1);
  for (int length : {0, 1, 2, 3, 7})
    for (const auto& [name, loop] : scan_functions(length)) {
      CAPTURE(name);
      CAPTURE(length);
      const auto copies = clone_function(*loop, "copies");
      CHECK(unroll(*copies));
      for (const auto& op : copies->body.ops)
        if (op->row == &ops::scan) CHECK_FALSE(Scan(*op).length().is_constant());
      const Sizes sizes = {{"B", 2}, {"N", 3}};
      for (int repeat = 0; repeat < 3; ++repeat) {
        const auto in = arguments(*loop, sizes, random);
        CHECK(same(run(*loop, in), run(*copies, in), false));

        const auto gradient = vjp(*loop), gradient_of_copies = vjp(*copies);
        const auto with_cotangents = arguments(*gradient, sizes, random);
        CHECK(same(run(*gradient, with_cotangents), run(*gradient_of_copies, with_cotangents), true));

        const auto mixed = vjp(*jvp(*loop)), mixed_of_copies = vjp(*jvp(*copies));
        const auto with_both = arguments(*mixed, sizes, random);
        CHECK(same(run(*mixed, with_both), run(*mixed_of_copies, with_both), true));
      }
    }
}

TEST_CASE("a scan of symbolic length stays a loop") {
  for (const auto& [name, loop] : scan_functions(Dim("T"))) {
    if (name == "nested, constant within") continue;
    CAPTURE(name);
    CHECK_FALSE(unroll(*loop));
    CHECK(count(*loop, ops::scan) > 0);
  }
}

TEST_CASE("too many copies are an error, and nothing is changed") {
  Function f("f");
  Value* x = f.add_param(f64[{}], "x");
  Builder b(f.body, Loc("mine.cpp", 7));
  f.body.results = scan(b, 1'000'000, {.carry = {x}},
                        [](Builder& b, const Step& s) { return Yield{{b.mul(s.carry[0], s.carry[0])}, {}}; });
  CHECK_THROWS_WITH_AS(unroll(f),
                       "mine.cpp:7: @f: unroll: 1000000 copies of about 6 ops are more than 1048576 ops, "
                       "what a pass may make of a "
                       "function; leave this scan a loop",
                       Error);
  CHECK(count(f, ops::scan) == 1);
  CHECK(count(f, ops::identity) == 0);
}
