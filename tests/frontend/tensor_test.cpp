// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/helpers.h"

using namespace rondo;
using namespace rondo::testing;

TEST_CASE("operators compute what they say") {
  const auto f = compile(
      [](Tensor x, Tensor y) {
        struct {
          Tensor add, sub, mul, div, neg, less, at_most, more, at_least, equal, unequal;
        } r{x + y, x - y, x * y, x / y, -x, x<y, x <= y, x> y, x >= y, eq(x, y), ne(x, y)};
        return r;
      },
      {f32[{3}], f32[{3}]}, kBackend);
  const auto r = f(floats({3}, {1, 4, 6}), floats({3}, {2, 4, 3}));
  check_array(r["add"], {3}, {3, 8, 9});
  check_array(r["sub"], {3}, {-1, 0, 3});
  check_array(r["mul"], {3}, {2, 16, 18});
  check_array(r["div"], {3}, {0.5, 1, 2});
  check_array(r["neg"], {3}, {-1, -4, -6});
  check_array(r["less"], {3}, {1, 0, 0});
  check_array(r["at_most"], {3}, {1, 1, 0});
  check_array(r["more"], {3}, {0, 0, 1});
  check_array(r["at_least"], {3}, {0, 1, 1});
  check_array(r["equal"], {3}, {0, 1, 0});
  check_array(r["unequal"], {3}, {1, 0, 1});
}

TEST_CASE("a number takes the type of the tensors beside it") {
  const auto f = compile(
      [](Tensor x, Tensor i) {
        struct {
          Tensor a, b, c, d, e;
        } r{1 - x, x * 2.5, i / 2, max(x, 0), where(x > 0, 1, -x)};
        CHECK(r.a.type() == f64[{2}]);
        CHECK(r.c.type() == i64[{2}]);
        return r;
      },
      {f64[{2}], i64[{2}]}, kBackend);
  const auto r = f(doubles({2}, {4, -2}), Array::from<int64_t>({2}, {7, -7}));
  check_array(r["a"], {2}, {-3, 3});
  check_array(r["b"], {2}, {10, -5});
  check_array(r["c"], {2}, {3, -3});
  check_array(r["d"], {2}, {4, 0});
  check_array(r["e"], {2}, {1, 2});
}

TEST_CASE("only literal dims of 1, and missing leading ones, are stretched") {
  const Dim T("T"), B("B");
  compile(
      [&](Tensor x, Tensor row, Tensor column, Tensor scalar) {
        CHECK((x + row).type() == f32[{T, B, 3}]);
        CHECK((row + x).type() == f32[{T, B, 3}]);
        CHECK((x * column).type() == f32[{T, B, 3}]);
        CHECK((row * column).type() == f32[{B, 3}]);
        CHECK((scalar - x).type() == f32[{T, B, 3}]);
        CHECK(select(column > 0, row, scalar).type() == f32[{B, 3}]);
        CHECK(broadcast_to(row, {T, B, 3}).type() == f32[{T, B, 3}]);
        return x;
      },
      {f32[{T, B, 3}], f32[{3}], f32[{B, 1}], f32[{}]}, kBackend);
  const auto outer = compile([](Tensor x, Tensor y) { return x * y; }, {f32[{B, 1}], f32[{1, 2}]}, kBackend);
  check_array(outer(floats({3, 1}, {1, 2, 3}), floats({1, 2}, {10, 20})), {3, 2}, {10, 20, 20, 40, 30, 60});
  check_array(outer(floats({1, 1}, {5}), floats({1, 2}, {10, 20})), {1, 2}, {50, 100});
}

TEST_CASE("sizes that are promised to be equal are") {
  const Dim S("S"), T("T");
  const auto f = compile(
      [&](Tensor x, Tensor y) {
        require_equal(S, T);
        return x + y;
      },
      {f32[{S, 2}], f32[{T, 2}]}, kBackend);
  check_array(f(floats({1, 2}, {1, 2}), floats({1, 2}, {3, 4})), {1, 2}, {4, 6});
}

TEST_CASE("a tensor tells its type") {
  const Dim B("B");
  compile(
      [&](Tensor x) {
        CHECK(x.dtype() == f32);
        CHECK(x.rank() == 2);
        CHECK(x.dims() == std::vector<Dim>{B, 4});
        CHECK(x.dim(0) == B);
        CHECK(x.dim(-1) == Dim(4));
        CHECK_FALSE(x.is_empty());
        CHECK(Tensor().is_empty());
        return x;
      },
      {f32[{B, 4}]}, kBackend);
}

TEST_CASE("every element-wise row is a function") {
  compile(
      [](Tensor x, Tensor i, Tensor p) {
#define OP(name, ...)
#define UNARY(name, ...) static_cast<void>(static_cast<Tensor (*)(const Tensor&, Loc)>(name));
#define BINARY(name, ...) static_cast<void>(static_cast<Tensor (*)(const Tensor&, const Tensor&, Loc)>(name));
#define TERNARY(name, ...) \
  static_cast<void>(static_cast<Tensor (*)(const Tensor&, const Tensor&, const Tensor&, Loc)>(name));
#include "ir/ops/all.def"
#undef OP
#undef UNARY
#undef BINARY
#undef TERNARY
        CHECK(fma(x, 2, x).type() == f32[{2}]);
        CHECK(pow(2, x).type() == f32[{2}]);
        CHECK(isfinite(x).type() == i1[{2}]);
        CHECK(and_(i, 7).type() == i32[{2}]);
        CHECK(not_(p).type() == i1[{2}]);
        CHECK(stop_gradient(p).type() == i1[{2}]);
        return x;
      },
      {f32[{2}], i32[{2}], i1[{2}]}, kBackend);
}

TEST_CASE("ops stand at the user's line, inside library functions too") {
  const auto f = compile([](Tensor x) { return softmax(x); }, {f32[{4}]}, kBackend);
  const std::string here = "loc(\"tests/frontend/tensor_test.cpp\":" + std::to_string(__LINE__ - 1) + ")";
  const std::string text = f.ir();
  size_t ops = 0, located = 0;
  for (size_t at = text.find(" = "); at != std::string::npos; at = text.find(" = ", at + 1)) ++ops;
  for (size_t at = text.find(here); at != std::string::npos; at = text.find(here, at + 1)) ++located;
  CHECK(ops > 4);
  CHECK(located == ops + 2);  // the parameter and the function stand there as well
}
