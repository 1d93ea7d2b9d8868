// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scans against loops.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/backends/naive.h"

using namespace rondo;
using namespace rondo::naive;
using rondo::naive::same;

namespace {

std::vector<int64_t> positions(int64_t length, bool reverse) {
  std::vector<int64_t> order;
  for (int64_t t = 0; t < length; ++t) order.push_back(t);
  if (reverse) std::reverse(order.begin(), order.end());
  return order;
}

// h' = h * w + x[t]; the state before and after the step is stacked, and k = 31 * k + t tells the order of
// steps.
std::unique_ptr<backends::Executable> recurrence(const std::string& direction) {
  return interpret_text(
      "func @f(%x: f32[T,B], %h0: f32[B], %k0: i32[], %w0: f32[B]) -> "
      "(f32[B], i32[], f32[T,B], f32[T,B], i32[T], f32[T,B], f32[T,B]) {\n"
      "  %hT, %kT, %before, %after, %ts, %ws, %xs = scan T " +
      direction + R"(index(%t) over(%xt = %x) carry(%h = %h0, %k = %k0) use(%w = %w0) {
    %product = mul %h, %w
    %next = add %product, %xt
    %k31 = mul %k, 31
    %number = add %k31, %t
    yield carry(%next, %number) stack(%h, %next, %t, %w, %xt)
  }
  return %hT, %kT, %before, %after, %ts, %ws, %xs
})");
}

}  // namespace

TEST_CASE("reference: a scan is a loop, in both directions, of any length") {
  Random random(47);
  for (bool reverse : {false, true}) {
    const auto executable = recurrence(reverse ? "reverse " : "");
    for (int64_t length : {0, 1, 2, 7})
      for (int64_t rows : {0, 1, 3}) {
        CAPTURE(reverse);
        CAPTURE(length);
        CAPTURE(rows);
        const Array x = draw<float>(random, {length, rows}), h0 = draw<float>(random, {rows}),
                    w = draw<float>(random, {rows});
        const Cells<float> in = cells_of<float>(x), weight = cells_of<float>(w);
        Cells<float> h = cells_of<float>(h0), before, after, weights;
        Cells<int32_t> indices;
        int32_t k = 5;
        for (int64_t t : positions(length, reverse)) {
          k = static_cast<int32_t>(static_cast<uint32_t>(k) * 31u + static_cast<uint32_t>(t));
          indices[{t}] = static_cast<int32_t>(t);
          for (int64_t row = 0; row < rows; ++row) {
            before[{t, row}] = h[{row}];
            const float product = h[{row}] * weight.at({row});
            h[{row}] = product + in.at({t, row});
            after[{t, row}] = h[{row}];
            weights[{t, row}] = weight.at({row});
          }
        }
        const auto results = run(*executable, {x, h0, Array::scalar<int32_t>(5), w});
        REQUIRE(results.size() == 7);
        CHECK(same(results[0], {rows}, h));
        CHECK(results[1].item<int32_t>() == k);
        CHECK(same(results[2], {length, rows}, before));
        CHECK(same(results[3], {length, rows}, after));
        CHECK(same(results[4], {length}, indices));
        CHECK(same(results[5], {length, rows}, weights));
        CHECK(same(results[6], {length, rows}, in));
      }
  }
}

TEST_CASE("reference: carries change places without disturbing each other") {
  const auto executable = interpret_text(R"(
func @f(%x0: f32[], %y0: f32[], %z: f32[T]) -> (f32[], f32[], f32[T], f32[T]) {
  %x, %y, %ys, %xs = scan T index(%t) over(%zt = %z) carry(%x = %x0, %y = %y0) use() {
    yield carry(%y, %x) stack(%y, %x)
  }
  return %x, %y, %ys, %xs
})");
  const auto results = run(
      *executable, {Array::scalar(1.0f), Array::scalar(2.0f), Array::zeros(runtime::ElementType::f32, {3})});
  CHECK(results[0].item<float>() == 2);
  CHECK(results[1].item<float>() == 1);
  CHECK(same(results[2], {3}, Cells<float>{{{0}, 2}, {{1}, 1}, {{2}, 2}}));
  CHECK(same(results[3], {3}, Cells<float>{{{0}, 1}, {{1}, 2}, {{2}, 1}}));
}

TEST_CASE("reference: a scan within a scan sees the outer step") {
  // y[t] = sum over s (from the end) of x[t][s] * (t + 1), carried on from t to t.
  const auto executable = interpret_text(R"(
func @f(%x: f64[T,S]) -> (f64[], f64[T,S]) {
  %zero = constant value(0.0) : f64[]
  %y, %ys = scan T index(%t) over(%xt = %x) carry(%y = %zero) use() {
    %t1 = add %t, 1
    %weight = convert %t1 : f64[]
    %sum, %sums = scan S reverse index(%s) over(%xs = %xt) carry(%sum = %y) use(%w = %weight) {
      %weighted = mul %xs, %w
      %next = add %sum, %weighted
      yield carry(%next) stack(%sum)
    }
    yield carry(%sum) stack(%sums)
  }
  return %y, %ys
})");
  Random random(53);
  for (const auto& [steps, parts] :
       std::vector<std::pair<int64_t, int64_t>>{{3, 4}, {1, 1}, {2, 0}, {0, 3}}) {
    const Array array = draw<double>(random, {steps, parts});
    const Cells<double> cells = cells_of<double>(array);
    Cells<double> stack;
    double sum = 0;
    for (int64_t t = 0; t < steps; ++t)
      for (int64_t s = parts - 1; s >= 0; --s) {
        stack[{t, s}] = sum;
        sum = sum + cells.at({t, s}) * static_cast<double>(t + 1);
      }
    const auto results = run(*executable, {array});
    CHECK(same(results[0].item<double>(), sum));
    CHECK(same(results[1], {steps, parts}, stack));
  }
}

TEST_CASE("reference: errors within a scan are told by op and position, whatever the step") {
  const auto executable = interpret_text(R"(
func @f(%table: f32[4], %ids: i32[T,B]) -> (f32[T,B]) {
  %rows = scan T index(%t) over(%id = %ids) carry() use(%table = %table) {
    %row = gather %table, %id axis(0) batch_dims(0) loc("mine.cpp":12)
    %known = compare %id, 1 is(ge)
    %checked = check %row, %known message("no padding") loc("mine.cpp":13)
    yield carry() stack(%checked)
  }
  return %rows
})");
  const Array values = Array::zeros(runtime::ElementType::f32, {4});
  CHECK(error_of(*executable, {values, Array::from<int32_t>({3, 2}, {0, 1, 1, 9, 8, 1})}) ==
        "mine.cpp:12: gather: the index at position 0 of i32[B] is out of range for dim 0 of f32[4]");
  CHECK(error_of(*executable, {values, Array::from<int32_t>({3, 2}, {1, 1, 1, 0, 1, 1})}) ==
        "mine.cpp:13: check: no padding (at position 1)");
  CHECK(error_of(*executable, {values, Array::zeros(runtime::ElementType::i32, {0, 2})}) == "no error");
}
