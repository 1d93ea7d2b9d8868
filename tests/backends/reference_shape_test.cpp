// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ops that move elements, against their definitions: where each element of the operand goes.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "ir/error.h"
#include "tests/backends/naive.h"

using namespace rondo;
using namespace rondo::naive;
using rondo::naive::same;

namespace {

constexpr int kRounds = 40;

// Calls test.operator()<T>(random, an array of T) on arrays of all element types and ranks `least` to 4.
template <class Test>
void for_each_draw(int64_t least, Test&& test) {
  Random random(11);
  for_each_element_type([&]<class T>() {
    for (int round = 0; round < kRounds; ++round) {
      const Index shape = draw_shape(random, least + static_cast<int64_t>(random() % (5 - least)));
      CAPTURE(dtype_of<T>().text());
      CAPTURE(round);
      test.template operator()<T>(random, draw<T>(random, shape));
    }
  });
}

std::vector<Dim> dims_of(const Index& shape) { return {shape.begin(), shape.end()}; }

int64_t between(Random& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

Index moved(Index index, const Index& by, int64_t sign) {
  for (size_t i = 0; i < index.size(); ++i) index[i] += sign * by[i];
  return index;
}

}  // namespace

TEST_CASE("reference: broadcast repeats each element along the new dims") {
  for_each_draw(0, [&]<class T>(Random& random, const Array& x) {
    Index shape = draw_shape(random, between(random, 0, 2)), dims;
    for (int64_t size : x.shape()) {
      const int64_t earliest = dims.empty() ? 0 : dims.back() + 1;
      dims.push_back(between(random, earliest, static_cast<int64_t>(shape.size())));
      shape.insert(shape.begin() + dims.back(), size);
    }
    Cells<T> expected;
    const Cells<T> cells = cells_of<T>(x);
    for (const Index& index : indices_of(shape)) {
      Index from;
      for (int64_t dim : dims) from.push_back(index[dim]);
      expected[index] = cells.at(from);
    }
    const Array y = evaluate_one(
        {x}, [&](Builder& b, const Values& v) { return b.broadcast(v[0], dims, dims_of(shape)); });
    REQUIRE(same(y, shape, expected));
  });
}

TEST_CASE("reference: reshape keeps the elements in row-major order") {
  for_each_draw(0, [&]<class T>(Random& random, const Array& x) {
    Index shape = x.shape();
    std::shuffle(shape.begin(), shape.end(), random);
    if (shape.size() > 1 && random() % 2 == 0) {
      shape[1] *= shape[0];
      shape.erase(shape.begin());
    }
    shape.insert(shape.begin() + between(random, 0, static_cast<int64_t>(shape.size())), 1);
    Cells<T> expected;
    const std::vector<Index> places = indices_of(shape);
    size_t at = 0;
    for (const auto& [index, element] : cells_of<T>(x)) expected[places.at(at++)] = element;
    const Array y =
        evaluate_one({x}, [&](Builder& b, const Values& v) { return b.reshape(v[0], dims_of(shape)); });
    REQUIRE(same(y, shape, expected));
  });
}

TEST_CASE("reference: dim i of a transpose is dim perm[i]") {
  for_each_draw(0, [&]<class T>(Random& random, const Array& x) {
    Index perm(x.shape().size()), shape;
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), random);
    const auto permuted = [&](const Index& index) {
      Index result;
      for (int64_t dim : perm) result.push_back(index[dim]);
      return result;
    };
    Cells<T> expected;
    for (const auto& [index, element] : cells_of<T>(x)) expected[permuted(index)] = element;
    const Array y = evaluate_one({x}, [&](Builder& b, const Values& v) { return b.transpose(v[0], perm); });
    REQUIRE(same(y, permuted(x.shape()), expected));
  });
}

TEST_CASE("reference: slice keeps what lies from lo to hi") {
  for_each_draw(0, [&]<class T>(Random& random, const Array& x) {
    Index lo, hi, shape;
    for (int64_t size : x.shape()) {
      lo.push_back(between(random, 0, size));
      hi.push_back(between(random, lo.back(), size));
      shape.push_back(hi.back() - lo.back());
    }
    Cells<T> expected;
    for (const auto& [index, element] : cells_of<T>(x)) {
      bool inside = true;
      for (size_t i = 0; i < index.size(); ++i) inside = inside && index[i] >= lo[i] && index[i] < hi[i];
      if (inside) expected[moved(index, lo, -1)] = element;
    }
    const Array y = evaluate_one(
        {x}, [&](Builder& b, const Values& v) { return b.slice(v[0], dims_of(lo), dims_of(hi)); });
    REQUIRE(same(y, shape, expected));
  });
}

TEST_CASE("reference: pad surrounds x with a value") {
  for_each_draw(0, [&]<class T>(Random& random, const Array& x) {
    Index lo = draw_shape(random, std::ssize(x.shape())), hi = draw_shape(random, std::ssize(x.shape()));
    const Index shape = moved(moved(x.shape(), lo, 1), hi, 1);
    const T value = special_values<T>()[1];  // -0.0, 1 or true
    Cells<T> expected;
    for (const Index& index : indices_of(shape)) expected[index] = value;
    for (const auto& [index, element] : cells_of<T>(x)) expected[moved(index, lo, 1)] = element;
    const Array y = evaluate_one({x}, [&](Builder& b, const Values& v) {
      const ir::Number number = std::is_floating_point_v<T> ? ir::Number(-0.0) : ir::Number(1);
      return b.pad(v[0], dims_of(lo), dims_of(hi), number);
    });
    REQUIRE(same(y, shape, expected));
  });
}

TEST_CASE("reference: concat puts operands one after another, and split takes them apart") {
  for_each_draw(1, [&]<class T>(Random& random, const Array& first) {
    const int64_t dim = between(random, 0, std::ssize(first.shape()) - 1);
    std::vector<Array> parts = {first};
    std::vector<Dim> sizes = {first.shape()[dim]};
    Index shape = first.shape();
    Cells<T> expected = cells_of<T>(first);
    for (int64_t more = between(random, 0, 3); more > 0; --more) {
      Index part_shape = shape;
      part_shape[dim] = between(random, 0, 3);
      parts.push_back(draw<T>(random, part_shape));
      sizes.push_back(part_shape[dim]);
      for (const auto& [index, element] : cells_of<T>(parts.back())) {
        Index place = index;
        place[dim] += shape[dim];
        expected[place] = element;
      }
      shape[dim] += part_shape[dim];
    }
    const std::vector<Array> results = evaluate(parts, [&](Builder& b, const Values& v) {
      Values results = {b.concat(v, dim)};
      const Values apart = b.split(results[0], dim, sizes);
      results.insert(results.end(), apart.begin(), apart.end());
      return results;
    });
    REQUIRE(same(results[0], shape, expected));
    for (size_t i = 0; i < parts.size(); ++i)
      REQUIRE(same(results[i + 1], parts[i].shape(), cells_of<T>(parts[i])));
  });
}

TEST_CASE("reference: one function with symbols serves all sizes") {
  const Dim T("T"), B("B");
  ir::Function function("f");
  Value* x = function.add_param(f32[{T, B}], "x");
  function.require(1, false, T, Loc("mine.cpp", 3));
  Builder b(function.body);
  Value* inner = b.slice(x, {1, 0}, {T, B});          // [T-1, B]
  Value* padded = b.pad(inner, {1, B}, {0, T}, 9.0);  // [T, T+2*B]
  Value* flat = b.reshape(padded, {T * T + 2 * T * B});
  Value* twice = b.concat({flat, flat}, 0);
  function.body.results = {padded, b.split(twice, 0, {T, 2 * T * T + 4 * T * B - T})[0],
                           b.dim(T * T - 3 * B + 1)};
  const auto executable = reference::interpret(function);
  Random random(5);
  for (const auto& [t, n] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {2, 3}, {7, 2}, {1, 0}, {4, 5}}) {
    CAPTURE(t);
    CAPTURE(n);
    const Array array = draw<float>(random, {t, n});
    Cells<float> expected, first;
    for (const Index& index : indices_of({t, t + 2 * n})) expected[index] = 9;
    for (const auto& [index, element] : cells_of<float>(array))
      if (index[0] >= 1) expected[{index[0], index[1] + n}] = element;
    int64_t at = 0;
    for (const auto& [index, element] : expected)
      if (at < t) first[{at++}] = element;
    const std::vector<Array> results = run(*executable, {array});
    CHECK(same(results[0], {t, t + 2 * n}, expected));
    CHECK(same(results[1], {t}, first));
    CHECK(results[2].item<int64_t>() == t * t - 3 * n + 1);
  }
  CHECK(error_of(*executable, {draw<float>(random, {0, 2})}) ==
        "mine.cpp:3: sizes must have 1 <= T, found 1 and 0");
}
