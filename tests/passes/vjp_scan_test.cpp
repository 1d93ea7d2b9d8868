// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <cstring>

#include "passes/passes.h"
#include "passes/vjp.h"
#include "tests/passes/programs.h"
#include "tests/passes/scans.h"

using namespace rondo;
using namespace rondo::ir;
using namespace rondo::passes;
using namespace rondo::test;

namespace {

const Op& only_scan(const Graph& graph, bool reverse) {
  const Op* found = nullptr;
  for (const auto& op : graph.ops)
    if (op->row == &ops::scan && Scan(*op).reverse() == reverse) {
      REQUIRE(found == nullptr);
      found = op.get();
    }
  REQUIRE(found != nullptr);
  return *found;
}

// Functions of which the first is an LSTM, in this direction.
std::vector<NamedFunction> lstm(bool reverse) {
  auto functions = scan_functions(Dim("T"));
  for (const auto& op : functions[0].function->body.ops)
    if (op->row == &ops::scan && reverse) op->set_attr("reverse", {});
  return functions;
}

// At several lengths.
bool have_the_same_bits(const Function& one, const Function& other) {
  Random random(4);
  bool same = true;
  for (const int length : {0, 1, 2, 7}) {
    const auto inputs = arguments(one, {{"T", length}, {"B", 3}, {"N", 2}}, random);
    const auto a = run(one, inputs), b = run(other, inputs);
    for (size_t i = 0; i < a.size(); ++i)
      same = same && std::memcmp(a[i].raw(), b[i].raw(), static_cast<size_t>(a[i].bytes())) == 0;
  }
  return same;
}

// Scans within scans, `depth` of them; at the bottom the carry is multiplied.
Values nest(Builder& b, Value* carry, Value* factor, int depth) {
  if (depth == 0) return {b.mul(carry, factor)};
  return scan(b, Dim("T"), {.carry = {carry}, .use = {factor}}, [&](Builder& inner, const Step& s) {
    return Yield{nest(inner, s.carry[0], s.use[0], depth - 1), {}};
  });
}

}  // namespace

TEST_CASE("scans nested as deep as residuals may have dims are differentiated twice in little time") {
  Function f("f");
  Value* x = f.add_param(f64[{Dim("T")}], "x");
  Value* y = f.add_param(f64[{Dim("T")}], "y");
  Builder b(f.body);
  f.body.results = nest(b, x, y, kMaxRank - 1);
  const auto second = vjp(*vjp(f));
  Random random(3);
  const auto out = run(*second, arguments(*second, {{"T", 1}}, random));
  CHECK(out.size() == 3);
  const Sizes once = {{"T", 1}};
  CHECK(gradient_error(f, once, random) <= 1e-6);
}

TEST_CASE("gradients through scans agree with differences, as do second derivatives") {
  Random random(1);
  for (const auto& [name, function] : scan_functions(Dim("T")))
    for (int length : {0, 1, 2, 3, 7}) {
      CAPTURE(name);
      CAPTURE(length);
      const Sizes sizes = {{"T", length}, {"B", 2}, {"N", 3}};
      CHECK(gradient_error(*function, sizes, random) <= 1e-6);
      if (length <= 3) CHECK(gradient_error(*vjp(*function), sizes, random) <= 1e-4);
    }
}

TEST_CASE("the gradient of an LSTM's weights by one dot each over all times has the bits of the loop") {
  for (const bool reverse : {false, true}) {
    const auto functions = lstm(reverse);
    Function& f = *functions[0].function;
    const auto loop = vjp(f), sunk = clone_function(*loop, "sunk");
    REQUIRE(sink(*sunk));
    CHECK(Scan(only_scan(loop->body, !reverse)).carry.size() == 5);
    CHECK(Scan(only_scan(sunk->body, !reverse)).carry.size() == 2);  // dh, dc
    CHECK(have_the_same_bits(*loop, *sunk));
  }
}

TEST_CASE("the gradient of a dot that was hoisted has the bits that it has in the loop") {
  for (const bool reverse : {false, true}) {
    const auto functions = lstm(reverse);
    Function& f = *functions[0].function;
    const auto loop = vjp(f);
    REQUIRE(hoist(f));
    const auto hoisted = vjp(f);
    int outside = 0, descending = 0;
    for (const auto& op : hoisted->body.ops)
      if (op->row == &ops::dot) ++outside, descending += descending_dims(*op) == 2;
    CHECK(outside == 3);  // x W and its two cotangents
    CHECK(descending == (reverse ? 0 : 1));
    CHECK(have_the_same_bits(*loop, *hoisted));
  }
}

TEST_CASE("third derivatives through a scan agree with differences") {
  Random random(2);
  const auto functions = scan_functions(Dim("T"));
  const auto& f = *functions[2].function;
  CHECK(gradient_error(*vjp(*vjp(f)), {{"T", 3}}, random) <= 1e-4);
}

TEST_CASE("the vjp of an LSTM stacks what it must and receives the rest") {
  const auto functions = scan_functions(Dim("T"));
  const auto gradient = vjp(*functions[0].function);
  const Scan forward(only_scan(gradient->body, false));
  const Scan backward(only_scan(gradient->body, true));
  // The stack of h was for the result alone. The residuals are h and c before the step, the three sigmoids,
  // two tanh.
  CHECK(forward.stacks() == 7);
  // dys, the seven residuals, and x, which is received as the forward scan receives it.
  CHECK(backward.over.size() == 9);
  CHECK(backward.carry.size() == 5);  // dh, dc; sums of dW, dU, db
  CHECK(backward.use.size() == 2);    // W, U
  CHECK(backward.stacks() == 1);      // dx
  CHECK(backward.body->params.size() == 17);
}

TEST_CASE("a scan's gradient holds no carry that nothing needs") {
  // With respect to x alone: no sums for W and h; the integer carry and the constant one have no cotangent.
  const auto functions = scan_functions(Dim("T"));
  const auto gradient = vjp(*functions[5].function, {.wrt = std::vector<int>{0}});
  const Scan backward(only_scan(gradient->body, true));
  CHECK(backward.carry.size() == 2);
  CHECK(backward.stacks() == 1);
}
