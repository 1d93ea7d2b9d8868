// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and dots, whose order of evaluation is law: against that order written down a second time.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "tests/backends/naive_elements.h"
#include "tests/backends/naive_orders.h"

using namespace rondo;
using namespace rondo::naive;
using rondo::naive::same;

namespace {

template <class T>
T sum_of(T x, T y) {
  return arithmetic<T>().at("add")(x, y, T{});
}
template <class T>
T max_of(T x, T y) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isunordered(x, y) ? std::numeric_limits<T>::quiet_NaN() : x > y ? x : y;
  else
    return x < y ? y : x;
}
template <class T>
T min_of(T x, T y) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isunordered(x, y) ? std::numeric_limits<T>::quiet_NaN() : x < y ? x : y;
  else
    return y < x ? y : x;
}

// The part of an index that lies in some dims, in the order of the list.
Index picked(const Index& index, const Index& dims) {
  Index part;
  for (int64_t dim : dims) part.push_back(index[dim]);
  return part;
}

Index others(const Index& dims, int64_t rank) {
  Index rest;
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(dims.begin(), dims.end(), i) == dims.end()) rest.push_back(i);
  return rest;
}

// For each kept index the reduced elements, row by row: a row lies along the innermost dim if that is
// reduced.
template <class T, class Combine>
Cells<T> reduced(const Array& x, const Index& dims, T start, Combine combine) {
  const int64_t rank = std::ssize(x.shape());
  const Index kept = others(dims, rank);
  const bool inner = !dims.empty() && dims.back() == rank - 1;
  const Index outer(dims.begin(), dims.end() - (inner ? 1 : 0));
  std::map<Index, std::map<Index, std::vector<T>>> rows;
  for (const Index& index : indices_of(picked(x.shape(), kept))) {
    rows[index];
    for (const Index& row : indices_of(picked(x.shape(), outer))) rows[index][row];
  }
  for (const auto& [index, element] : cells_of<T>(x))
    rows[picked(index, kept)][picked(index, outer)].push_back(element);
  Cells<T> result;
  for (const auto& [index, own_rows] : rows) {
    std::vector<T> terms;
    for (const auto& [row, elements] : own_rows) {
      const auto fold = [&row = elements, &combine](T lane, size_t k) { return combine(lane, row[k]); };
      terms.push_back(inner ? in_lanes(elements.size(), start, fold, combine) : elements[0]);
    }
    result[index] = chain(terms, start, combine);
  }
  return result;
}

Index draw_dims(Random& random, int64_t rank) {
  Index dims;
  for (int64_t i = 0; i < rank; ++i)
    if (random() % 2 == 0) dims.push_back(i);
  return dims;
}

const Index kLengths = {0, 1, 2, 15, 16, 17, 33, 100, 4095, 4096, 4097, 8200};

}  // namespace

TEST_CASE_TEMPLATE("reference: reductions take lanes along the innermost dim, a chain over the others", T,
                   float, double, int32_t, int64_t) {
  Random random(17);
  const T least =
      std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::min();
  const T greatest =
      std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  for (int round = 0; round < 30; ++round) {
    Index shape = draw_shape(random, static_cast<int64_t>(random() % 5));
    if (!shape.empty() && random() % 2 == 0) {
      for (int64_t& size : shape) size = std::min<int64_t>(size, 2);
      shape.back() = kLengths[random() % kLengths.size()];
    }
    const Index dims = draw_dims(random, std::ssize(shape));
    const Index result = picked(shape, others(dims, std::ssize(shape)));
    const Array x = draw<T>(random, shape);
    CAPTURE(runtime::type_text(x));
    const auto y = evaluate({x}, [&](Builder& b, const Values& v) {
      return Values{b.reduce_sum(v[0], dims), b.reduce_max(v[0], dims), b.reduce_min(v[0], dims)};
    });
    REQUIRE(same(y[0], result, reduced<T>(x, dims, 0, sum_of<T>)));
    REQUIRE(same(y[1], result, reduced<T>(x, dims, least, max_of<T>)));
    REQUIRE(same(y[2], result, reduced<T>(x, dims, greatest, min_of<T>)));
  }
}

TEST_CASE("reference: the order of a sum shows in its bits") {
  Random random(23);
  for (int64_t length : {100, 5000}) {
    Array x = Array::zeros(runtime::ElementType::f32, {length});
    for (float& element : x.data<float>())
      element = static_cast<float>(std::normal_distribution<double>()(random));
    const float sum =
        evaluate_one({x}, [](Builder& b, const Values& v) { return b.reduce_sum(v[0], {0}); }).item<float>();
    const std::vector<float> values(x.data<float>().begin(), x.data<float>().end());
    CHECK(sum != chain(values, 0.0f, sum_of<float>));
    const auto fold = [&](float lane, size_t k) { return sum_of(lane, values[k]); };
    CHECK(sum == in_lanes(values.size(), 0.0f, fold, sum_of<float>));
  }
}

TEST_CASE(
    "reference: sums start from +0, and of nothing are +0; a maximum of nothing is the least, a minimum the "
    "greatest") {
  const Array zeros = Array::from<float>({2, 2}, {-0.0f, -0.0f, -0.0f, -0.0f});
  const Array none = Array::zeros(runtime::ElementType::f32, {2, 0});
  const auto y = evaluate({zeros, none}, [](Builder& b, const Values& x) {
    return Values{b.reduce_sum(x[0], {0}), b.reduce_sum(x[0], {1}), b.reduce_sum(x[0], {}),
                  b.reduce_sum(x[1], {1}), b.reduce_max(x[1], {1}), b.reduce_max(x[0], {0, 1}),
                  b.reduce_min(x[1], {1})};
  });
  for (int i = 0; i < 4; ++i)
    for (float element : y[i].data<float>()) CHECK(same(element, 0.0f));
  for (float element : y[4].data<float>()) CHECK(element == -INFINITY);
  CHECK(same(y[5].item<float>(), -0.0f));
  for (float element : y[6].data<float>()) CHECK(element == INFINITY);
}

TEST_CASE("reference: a sum over outer dims is a dot with ones, bit for bit") {
  Random random(29);
  const Array x = draw<float>(random, {7, 5, 9});
  const auto y = evaluate({x}, [](Builder& b, const Values& v) {
    Value* ones = b.constant(f32[{7, 5}], 1.0);
    return Values{b.reduce_sum(v[0], {0, 1}), b.dot(ones, v[0], {0, 1}, {0, 1})};
  });
  CHECK(same(y[0], {9}, cells_of<float>(y[1])));
}

namespace {

// f of x and y, of [9,4,..], from the last to the first: at once, and in two pieces of which the second, earlier one goes on
// from the first.
template <class T, class F>
void check_pieces(F&& f) {
  Random random(37);
  const Array x = draw<T>(random, {9, 4, 6}), y = draw<T>(random, {9, 4, 5});
  const auto z = evaluate({x, y}, [&](Builder& b, const Values& v) {
    const auto piece = [&](Value* value, int64_t lo, int64_t hi) {
      const Dim last = value->type.dims[2];
      return b.slice(value, {lo, 0, 0}, {hi, 4, last});
    };
    Value* later = f(b, piece(v[0], 5, 9), piece(v[1], 5, 9), nullptr);
    return Values{f(b, v[0], v[1], nullptr), f(b, piece(v[0], 0, 5), piece(v[1], 0, 5), later)};
  });
  CHECK(z[0].bytes() > 0);
  CHECK(std::ranges::equal(std::span(static_cast<const std::byte*>(z[0].raw()), z[0].bytes()),
                           std::span(static_cast<const std::byte*>(z[1].raw()), z[1].bytes())));
}

}  // namespace

TEST_CASE_TEMPLATE("reference: a dot or a sum may go on from a start, and run backwards", T, float, double) {
  for (const int64_t descending : {1, 2})
    check_pieces<T>([&](Builder& b, Value* x, Value* y, Value* start) {
      return b.dot(x, y, {0, 1}, {0, 1}, {}, {}, {start, descending});
    });
  for (const int64_t descending : {1, 2})
    check_pieces<T>([&](Builder& b, Value* x, Value* y, Value* start) {
      return b.dot(b.convert(x, bf16), b.convert(y, bf16), {0, 1}, {0, 1}, {}, {}, {start, descending});
    });
  for (const int64_t descending : {1, 2})
    check_pieces<T>([&](Builder& b, Value* x, Value*, Value* start) {
      return b.reduce_sum(x, {0, 1}, {start, descending});
    });
}

TEST_CASE("reference: a descending dot is the dot of what is reversed; its start is where the chain begins") {
  const Array x = Array::from<float>({4}, {1e8f, 1, -1e8f, 0.5f}),
              ones = Array::from<float>({4}, {1, 1, 1, 1});
  const auto z = evaluate({x, ones}, [](Builder& b, const Values& v) {
    Value* c = b.constant(f32[{}], 3.0);
    return Values{b.dot(v[0], v[1], {0}, {0}, {}, {}, {c}), b.dot(v[0], v[1], {0}, {0}, {}, {}, {nullptr, 1}),
                  b.dot(v[0], v[1], {0}, {0}, {}, {}, {c, 1})};
  });
  CHECK(z[0].item<float>() == ((3.0f + 1e8f) + 1.0f - 1e8f) + 0.5f);
  CHECK(z[1].item<float>() == ((0.5f - 1e8f) + 1.0f) + 1e8f);
  CHECK(z[2].item<float>() == (((3.0f + 0.5f) - 1e8f) + 1.0f) + 1e8f);
}

TEST_CASE_TEMPLATE("reference: argmax is the first of the greatest, and NaN is greatest", T, float, double,
                   int32_t, int64_t) {
  Random random(31);
  for (int round = 0; round < 30; ++round) {
    const Index shape = draw_shape(random, 1 + static_cast<int64_t>(random() % 4));
    const auto dim = static_cast<int64_t>(random() % shape.size());
    const Array x = draw<T>(random, shape);
    std::map<Index, std::vector<T>> columns;
    const Index kept = others({dim}, std::ssize(shape));
    for (const Index& index : indices_of(picked(shape, kept))) columns[index];
    for (const auto& [index, element] : cells_of<T>(x)) columns[picked(index, kept)].push_back(element);
    Cells<int32_t> expected;
    for (const auto& [index, column] : columns) {
      const auto greater = [](T a, T b) { return a > b || (a != a && b == b); };
      const auto best =
          std::max_element(column.begin(), column.end(), [&](T a, T b) { return greater(b, a); });
      expected[index] = static_cast<int32_t>(best - column.begin());
    }
    const Array y = evaluate_one({x}, [&](Builder& b, const Values& v) { return b.argmax(v[0], dim); });
    REQUIRE(same(y, picked(shape, kept), expected));
  }
}

namespace {

// A random dot: every dim has a letter, and the operands list their letters in random order.
struct Letters {
  std::string x, y, batch, contract, free_x, free_y;
  std::map<char, int64_t> sizes;
};

Letters draw_letters(Random& random) {
  Letters d;
  const std::string names = "abcdefghij";
  size_t next = 0;
  for (std::string* group : {&d.batch, &d.contract, &d.free_x, &d.free_y})
    for (size_t n = random() % 3; n > 0; --n) {
      *group += names[next];
      d.sizes[names[next++]] = random() % 12 == 0 ? 0 : 1 + static_cast<int64_t>(random() % 4);
    }
  const bool long_rows = random() % 5 == 0;  // of which lanes are made
  if (long_rows) {
    d.contract = "z";
    d.sizes['z'] = kLengths[random() % kLengths.size()];
    d.free_y.clear();
  }
  d.x = d.batch + d.contract + d.free_x;
  d.y = d.batch + d.contract + d.free_y;
  std::shuffle(d.x.begin(), d.x.end(), random);
  std::shuffle(d.y.begin(), d.y.end(), random);
  if (long_rows)
    for (std::string* operand : {&d.x, &d.y}) std::swap(operand->back(), (*operand)[operand->find('z')]);
  return d;
}

Index dims_of(const std::string& operand, const std::string& letters) {
  Index dims;
  for (char letter : letters) dims.push_back(static_cast<int64_t>(operand.find(letter)));
  return dims;
}
// The dims of an operand's own letters that stay, in the operand's order.
std::string in_order_of(const std::string& operand, const std::string& letters) {
  std::string ordered;
  for (char letter : operand)
    if (letters.find(letter) != std::string::npos) ordered += letter;
  return ordered;
}
Index shape_of(const Letters& d, const std::string& letters) {
  Index shape;
  for (char letter : letters) shape.push_back(d.sizes.at(letter));
  return shape;
}

template <class T>
Cells<T> dot_of(const Letters& d, const Array& x, const Array& y, bool lanes) {
  const std::string result = d.batch + in_order_of(d.x, d.free_x) + in_order_of(d.y, d.free_y);
  const Cells<T> in_x = cells_of<T>(x), in_y = cells_of<T>(y);
  Cells<T> z;
  for (const Index& index : indices_of(shape_of(d, result))) {
    std::vector<T> left, right;
    for (const Index& inner : indices_of(shape_of(d, d.contract))) {
      std::map<char, int64_t> at;
      for (size_t i = 0; i < result.size(); ++i) at[result[i]] = index[i];
      for (size_t i = 0; i < inner.size(); ++i) at[d.contract[i]] = inner[i];
      Index place_x, place_y;
      for (char letter : d.x) place_x.push_back(at[letter]);
      for (char letter : d.y) place_y.push_back(at[letter]);
      left.push_back(in_x.at(place_x));
      right.push_back(in_y.at(place_y));
    }
    const auto fold = [&](T lane, size_t k) { return fused_multiply_add(left[k], right[k], lane); };
    T sum = 0;
    for (size_t k = 0; k < left.size() && !lanes; ++k) sum = fold(sum, k);
    z[index] = lanes ? in_lanes(left.size(), T(0), fold, sum_of<T>) : sum;
  }
  return z;
}

}  // namespace

TEST_CASE_TEMPLATE("reference: a dot is an fma chain over the contracted dims as listed, or lanes", T, float,
                   double) {
  Random random(37);
  int in_lanes_order = 0;
  for (int round = 0; round < 100; ++round) {
    const Letters d = draw_letters(random);
    const Array x = draw<T>(random, shape_of(d, d.x)), y = draw<T>(random, shape_of(d, d.y));
    const bool innermost =
        d.contract.size() == 1 && d.x.back() == d.contract[0] && d.y.back() == d.contract[0];
    const bool lanes = innermost && d.free_y.empty();
    in_lanes_order += lanes;
    CAPTURE(d.x + "." + d.y + " over " + d.contract);
    const Index contract_x = dims_of(d.x, d.contract), contract_y = dims_of(d.y, d.contract);
    const Index batch_x = dims_of(d.x, d.batch), batch_y = dims_of(d.y, d.batch);
    const auto z = evaluate({x, y}, [&](Builder& b, const Values& v) {
      const std::vector<ir::Attr> chained = {
          ir::make_attr(ir::ops::dot, "contract", {ir::ints(contract_x), ir::ints(contract_y)}),
          ir::make_attr(ir::ops::dot, "batch", {ir::ints(batch_x), ir::ints(batch_y)})};
      return Values{b.dot(v[0], v[1], contract_x, contract_y, batch_x, batch_y),
                    b.emit(ir::ops::dot, v, chained)->result()};
    });
    const Index shape = shape_of(d, d.batch + in_order_of(d.x, d.free_x) + in_order_of(d.y, d.free_y));
    REQUIRE(same(z[0], shape, dot_of<T>(d, x, y, lanes)));
    REQUIRE(same(z[1], shape, dot_of<T>(d, x, y, false)));
  }
  CHECK(in_lanes_order >= 10);
}
