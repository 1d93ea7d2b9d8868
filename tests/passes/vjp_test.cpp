// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/vjp.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/passes/programs.h"

using namespace rondo;
using namespace rondo::ir;
using namespace rondo::passes;
using namespace rondo::test;

namespace {

// f(operands) = op(operands) for an element-wise row, the operands being f64[7], or i1 where the row wants a
// condition.
std::unique_ptr<Function> single_op(const OpRow& row) {
  auto f = std::make_unique<Function>("f");
  Values operands;
  for (size_t i = 0; i < row.operands.size(); ++i) {
    const bool condition = row.math.first_is_condition && i == 0;
    operands.push_back(f->add_param({condition ? i1 : f64, {7}}));
  }
  Builder b(f->body);
  f->body.results = {b.emit(row, operands)->result()};
  return f;
}

}  // namespace

TEST_CASE("the gradient of every element-wise row agrees with differences, as does its second derivative") {
  Random random(1);
  int checked = 0;
  for (const OpRow* row : all_rows()) {
    if (row->derivative.partials.empty()) continue;
    CAPTURE(row->name);
    const auto f = single_op(*row);
    const Draw draw = [&](size_t parameter, Random& r) {
      if (row->smooth.empty()) return normal(0, r);
      const Interval& interval = row->smooth[std::min(parameter, row->smooth.size() - 1)];
      return std::uniform_real_distribution<double>(interval.low, interval.high)(r);
    };
    CHECK(gradient_error(*f, {}, random, draw) <= 1e-6);
    const Draw smooth_cotangent = [&](size_t parameter, Random& r) {
      return parameter < row->operands.size() ? draw(parameter, r) : normal(0, r);
    };
    CHECK(gradient_error(*vjp(*f), {}, random, smooth_cotangent) <= 1e-4);
    ++checked;
  }
  CHECK(checked >= 20);
}

TEST_CASE("a row without derivative gives the zero -0.0") {
  for (const OpRow* row : all_rows()) {
    if (row->derivative.none.empty() || !row->is_elementwise() || !row->math.takes(f64)) continue;
    CAPTURE(row->name);
    const auto f = single_op(*row);
    if (!f->body.results[0]->type.dtype.is_float()) continue;
    const auto gradient = vjp(*f);
    REQUIRE(gradient->body.ops.size() == 1);
    CHECK(gradient->body.ops[0]->row == &ops::constant);
    CHECK(gradient->body.ops[0]->number_attr("value").same(-0.0, f64));
  }
}

TEST_CASE("the gradients of shape ops, reductions, contractions and indexed ops agree with differences") {
  using Make = std::function<Values(Builder&, const Values&)>;
  struct Case {
    const char* name;
    std::vector<Type> params;
    Make make;
  };
  const Dim B("B"), N("N");
  const std::vector<Case> cases = {
      {"broadcast",
       {f64[{B, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.broadcast(p[0], {0, 2}, {B, 3, N})}; }},
      {"reshape",
       {f64[{B, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.reshape(p[0], {B * N})}; }},
      {"transpose",
       {f64[{B, 2, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.transpose(p[0], {2, 0, 1})}; }},
      {"slice",
       {f64[{B, 5}]},
       [&](Builder& b, const Values& p) -> Values { return {b.slice(p[0], {0, 1}, {B, 4})}; }},
      {"pad",
       {f64[{B, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.pad(p[0], {1, 0}, {0, 2}, 3.0)}; }},
      {"concat",
       {f64[{B, 2}], f64[{B, N}], f64[{B, 1}]},
       [&](Builder& b, const Values& p) -> Values { return {b.concat({p[0], p[1], p[2], p[1]}, 1)}; }},
      {"split, one part unused",
       {f64[{B, 6}]},
       [&](Builder& b, const Values& p) -> Values {
         auto s = b.split(p[0], 1, {1, 2, 3});
         return {s[0], s[2]};
       }},
      {"convert",
       {f64[{B}], i32[{B}]},
       [&](Builder& b, const Values& p) -> Values { return {b.mul(p[0], b.convert(p[1], f64))}; }},
      {"reduce_sum",
       {f64[{B, 3, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.reduce_sum(p[0], {0, 2})}; }},
      {"reduce_max",
       {f64[{B, 3, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.reduce_max(p[0], {1, 2})}; }},
      {"reduce_min",
       {f64[{B, 3, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.reduce_min(p[0], {0, 2})}; }},
      {"dot",
       {f64[{B, N}], f64[{N, 4}]},
       [&](Builder& b, const Values& p) -> Values { return {b.dot(p[0], p[1], {1}, {0})}; }},
      {"dot, batched, two contracted dims in swapped order",
       {f64[{2, B, 3, N}], f64[{N, 2, 4, 3}]},
       [&](Builder& b, const Values& p) -> Values { return {b.dot(p[0], p[1], {3, 2}, {0, 3}, {0}, {1})}; }},
      {"dot with lanes",
       {f64[{2, B, N}], f64[{2, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.dot(p[0], p[1], {2}, {1}, {0}, {0})}; }},
      {"dot of a value with itself",
       {f64[{N, N}]},
       [&](Builder& b, const Values& p) -> Values { return {b.dot(p[0], p[0], {1}, {0})}; }},
      {"gather",
       {f64[{B, 2, 3}], i64[{B, 4}]},
       [&](Builder& b, const Values& p) -> Values { return {b.gather(p[0], p[1], 1, 1)}; }},
      {"scatter_add",
       {f64[{B, 2, 3}], i32[{B, 4}], f64[{B, 4, 3}]},
       [&](Builder& b, const Values& p) -> Values { return {b.scatter_add(p[0], p[1], p[2], 1, 1)}; }},
      {"scatter_set, several updates of one place",
       {f64[{B, 2, 3}], i32[{B, 4, 2}], f64[{B, 4, 2, 3}]},
       [&](Builder& b, const Values& p) -> Values { return {b.scatter_set(p[0], p[1], p[2], 1, 1)}; }},
      {"topk, values alone and with their places",
       {f64[{B, 5}]},
       [&](Builder& b, const Values& p) -> Values {
         const Values top = b.topk(p[0], 3);
         return {top[0], b.mul(top[0], b.convert(top[1], f64))};
       }},
      {"check",
       {f64[{B}]},
       [&](Builder& b, const Values& p) -> Values { return {b.check(p[0], b.isfinite(p[0]), "finite")}; }},
      {"a value used often",
       {f64[{B}]},
       [&](Builder& b, const Values& p) -> Values {
         Value* y = b.mul(p[0], b.tanh(p[0]));
         return {b.add(y, b.mul(y, y)), y, p[0], y};
       }},
  };
  Random random(2);
  std::set<const OpRow*> covered;
  for (const Case& each : cases) {
    CAPTURE(each.name);
    Function f("f");
    Values params;
    for (const Type& type : each.params) params.push_back(f.add_param(type));
    Builder b(f.body);
    f.body.results = each.make(b, params);
    for (const auto& op : f.body.ops) covered.insert(op->row);
    const Sizes sizes = {{"B", 3}, {"N", 4}};
    CHECK(gradient_error(f, sizes, random) <= 1e-6);
    CHECK(gradient_error(*vjp(f), sizes, random) <= 1e-4);
  }
  for (const OpRow* row : all_rows())
    if (row->derivative.transpose != nullptr || row->derivative.joint_transpose != nullptr ||
        row->derivative.weights != nullptr) {
      CAPTURE(row->name);
      CHECK(covered.contains(row));
    }
}

TEST_CASE("sizes of 0 have gradients too") {
  const Dim B("B");
  Function f("f");
  Value* x = f.add_param(f64[{B, 3}], "x");
  Value* w = f.add_param(f64[{3, 2}], "w");
  Builder b(f.body);
  f.body.results = {b.reduce_sum(b.tanh(b.dot(x, w, {1}, {0})), {0})};
  Random random(3);
  CHECK(gradient_error(f, {{"B", 0}}, random) == 0);
}

TEST_CASE("cotangents are added in reverse program order") {
  // y = x*a + x*b + x*c: dx must be ((d*c + d*b) + d*a), as its bits show.
  Function f("f");
  Value* x = f.add_param(f64[{}], "x");
  Value* a = f.add_param(f64[{}], "a");
  Value* b_ = f.add_param(f64[{}], "b");
  Value* c = f.add_param(f64[{}], "c");
  Builder b(f.body);
  Value *xa = b.mul(x, a), *xb = b.mul(x, b_), *xc = b.mul(x, c);
  f.body.results = {b.add(b.add(xa, xb), xc)};
  const auto gradient = vjp(f, {.wrt = std::vector<int>{0}});
  const std::vector<Array> in = {Array::scalar(1.0), Array::scalar(1.0), Array::scalar(0x1p-53),
                                 Array::scalar(0x1p-53), Array::scalar(1.0)};
  CHECK(run(*gradient, in)[0].item<double>() == 1.0 + 0x1p-52);
}

TEST_CASE("a gradient that is not asked for is not built") {
  const Dim B("B");
  Function f("f");
  Value* x = f.add_param(f64[{B, 3}], "x");
  Value* w = f.add_param(f64[{3, 2}], "w");
  Builder b(f.body);
  f.body.results = {b.dot(x, w, {1}, {0})};
  const auto gradient = vjp(f, {.wrt = std::vector<int>{1}});
  CHECK(gradient->name == "f.vjp");
  CHECK(gradient->body.results.size() == 1);
  REQUIRE(gradient->body.ops.size() == 1);  // the transposed dot alone: neither dx nor the forward dot
  CHECK(gradient->body.ops[0]->row == &ops::dot);
  CHECK(gradient->body.params.back()->name == "d0");
}

TEST_CASE("value_and_grad returns the results, then the gradients of the first") {
  Function f("loss");
  Value* x = f.add_param(f64[{3}], "x");
  Value* n = f.add_param(i32[{}], "n");
  Builder b(f.body);
  f.body.results = {b.reduce_sum(b.mul(x, x), {0}), n};
  const int wrt[] = {0};
  const auto both = value_and_grad(f, wrt);
  CHECK(both->name == "loss.value_and_grad");
  const std::vector<Array> in = {Array::from<double>({3}, {1, 2, 3}), Array::scalar(int32_t{7})};
  const auto out = run(*both, in);
  REQUIRE(out.size() == 3);
  CHECK(out[0].item<double>() == 14);
  CHECK(out[1].item<int32_t>() == 7);
  CHECK(out[2].data<double>()[2] == 6);
}

TEST_CASE("what can't be differentiated is an error that says why") {
  Function f("f");
  Value* x = f.add_param(f64[{3}], "x");
  f.add_param(i32[{}], "n");
  f.body.results = {x};
  CHECK_THROWS_WITH_AS(vjp(f, {.wrt = std::vector<int>{1}}),
                       "@f: parameter 1 'n' is i32[]: only floats have a gradient", Error);
  CHECK_THROWS_WITH_AS(vjp(f, {.wrt = std::vector<int>{2}}),
                       "@f has 2 parameters, none of number 2 to differentiate with respect to", Error);
  const int wrt[] = {0};
  CHECK_THROWS_WITH_AS(value_and_grad(f, wrt),
                       "@f: a gradient is of a function whose first result is a float scalar, found f64[3]",
                       Error);
}

TEST_CASE("a fusion on the way is an error: it is made after differentiation") {
  Function f("f");
  Value* x = f.add_param(f64[{3}], "x");
  Builder b(f.body, Loc("mine.cpp", 5));
  auto body = std::make_unique<Graph>(&f);
  Value* inner = body->add_param(f64[{3}]);
  body->results = {Builder(*body).neg(inner)};
  std::vector<std::unique_ptr<Graph>> regions;
  regions.push_back(std::move(body));
  f.body.results = {b.emit_region(ops::fusion, {x}, {1}, {}, std::move(regions), {})->result()};
  CHECK_THROWS_WITH_AS(
      vjp(f), "mine.cpp:5: fusion: it has no derivative in reverse: it is made after differentiation", Error);
}

TEST_CASE("a chain of 10^6 ops is differentiated without a deep stack") {
  Function f("f");
  Value* y = f.add_param(f64[{}], "x");
  Builder b(f.body);
  for (int i = 0; i < 1'000'000; ++i) y = b.neg(y);
  f.body.results = {y};
  const auto gradient = vjp(f);
  CHECK(gradient->body.ops.size() == 1'000'000);
}
