// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ops that read and write at computed places, and what is recorded when a place is not there.
#include <doctest/doctest.h>

#include <limits>

#include "tests/backends/naive_elements.h"

using namespace rondo;
using namespace rondo::naive;
using rondo::naive::same;

namespace {

Index joined(std::initializer_list<Index> parts) {
  Index all;
  for (const Index& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// x: [batch, before, axis, after], indices: [batch, places], picked: [batch, before, places, after].
struct Layout {
  Index batch, before, places, after;
  int64_t size;  // of the axis

  int64_t axis() const { return std::ssize(batch) + std::ssize(before); }
  Index x() const { return joined({batch, before, {size}, after}); }
  Index indices() const { return joined({batch, places}); }
  Index picked() const { return joined({batch, before, places, after}); }

  // Calls visit(index of x, index of picked) for every element picked, in row-major order of picked.
  template <class I, class Visit>
  void for_each_picked(const Cells<I>& indices, Visit visit) const {
    for (const Index& b : indices_of(batch))
      for (const Index& f : indices_of(before))
        for (const Index& p : indices_of(places))
          for (const Index& a : indices_of(after))
            visit(joined({b, f, {static_cast<int64_t>(indices.at(joined({b, p})))}, a}),
                  joined({b, f, p, a}));
  }
};

Layout draw_layout(Random& random) {
  const auto some = [&] { return draw_shape(random, static_cast<int64_t>(random() % 3)); };
  Layout layout{some(), some(), some(), some(), 1 + static_cast<int64_t>(random() % 5)};
  if (layout.batch.size() > 1) layout.batch.pop_back();
  return layout;
}

template <class I>
Array draw_indices(Random& random, const Layout& layout) {
  Array indices = Array::zeros(runtime::element_type_of<I>(), layout.indices());
  for (I& index : indices.template data<I>())
    index = static_cast<I>(random() % static_cast<uint64_t>(layout.size));
  return indices;
}

template <class T, class I>
void check_gather(Random& random) {
  const Layout layout = draw_layout(random);
  const Array x = draw<T>(random, layout.x()), indices = draw_indices<I>(random, layout);
  const Cells<T> cells = cells_of<T>(x);
  Cells<T> expected;
  layout.for_each_picked(cells_of<I>(indices),
                         [&](const Index& from, const Index& to) { expected[to] = cells.at(from); });
  const Array y = evaluate_one({x, indices}, [&](Builder& b, const Values& v) {
    return b.gather(v[0], v[1], layout.axis(), std::ssize(layout.batch));
  });
  REQUIRE(same(y, layout.picked(), expected));
}

template <class T, class I>
void check_scatter_add(Random& random) {
  const Layout layout = draw_layout(random);
  const Array base = draw<T>(random, layout.x()), updates = draw<T>(random, layout.picked());
  const Array indices = draw_indices<I>(random, layout);
  const Cells<T> added = cells_of<T>(updates);
  Cells<T> expected = cells_of<T>(base);
  const auto add = arithmetic<T>().at("add");
  layout.for_each_picked(cells_of<I>(indices), [&](const Index& to, const Index& from) {
    expected[to] = add(expected.at(to), added.at(from), T{});
  });
  const Array y = evaluate_one({base, indices, updates}, [&](Builder& b, const Values& v) {
    return b.scatter_add(v[0], v[1], v[2], layout.axis(), std::ssize(layout.batch));
  });
  REQUIRE(same(y, layout.x(), expected));
}

std::unique_ptr<backends::Executable> function_of(const std::vector<Type>& params, const Body& body) {
  ir::Function function("f");
  Values values;
  for (const Type& type : params) values.push_back(function.add_param(type));
  Builder b(function.body, Loc("mine.cpp", 7));
  function.body.results = body(b, values);
  return reference::interpret(function);
}

}  // namespace

TEST_CASE("reference: gather picks along its axis, for each batch index apart") {
  Random random(41);
  for_each_element_type([&]<class T>() {
    for (int round = 0; round < 40; ++round) {
      check_gather<T, int32_t>(random);
      check_gather<T, int64_t>(random);
    }
  });
}

TEST_CASE_TEMPLATE("reference: scatter_add adds updates one after another, in row-major order", T, float,
                   double, int32_t, int64_t) {
  Random random(43);
  for (int round = 0; round < 40; ++round) {
    check_scatter_add<T, int32_t>(random);
    check_scatter_add<T, int64_t>(random);
  }
}

TEST_CASE("reference: an index out of range is an error that names the first one") {
  const auto gather = function_of({f32[{3, 2}], i64[{2, 2}]}, [](Builder& b, const Values& x) {
    return Values{b.gather(x[0], x[1], 0, 0)};
  });
  const auto scatter = function_of({f32[{3}], i32[{4}], f32[{4}]}, [](Builder& b, const Values& x) {
    return Values{b.scatter_add(x[0], x[1], x[2], 0, 0)};
  });
  const Array x = Array::zeros(runtime::ElementType::f32, {3, 2});
  const Array row = Array::zeros(runtime::ElementType::f32, {3}),
              updates = Array::zeros(runtime::ElementType::f32, {4});
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(),
                    kGreatest = std::numeric_limits<int64_t>::max();
  for (int64_t bad : {kLeast, int64_t{-1}, int64_t{3}, int64_t{1} << 32, kGreatest})
    CHECK(error_of(*gather, {x, Array::from<int64_t>({2, 2}, {0, 2, bad, -7})}) ==
          "mine.cpp:7: gather: the index at position 2 of i64[2,2] is out of range for dim 0 of f32[3,2]");
  for (int32_t bad : {std::numeric_limits<int32_t>::min(), -1, 3, std::numeric_limits<int32_t>::max()})
    CHECK(error_of(*scatter, {row, Array::from<int32_t>({4}, {0, bad, 2, bad}), updates}) ==
          "mine.cpp:7: scatter_add: the index at position 1 of i32[4] is out of range for dim 0 of f32[3]");
}

TEST_CASE("reference: nothing can be picked from a dim of 0") {
  const auto gather = function_of(
      {f32[{0}], i32[{1}]}, [](Builder& b, const Values& x) { return Values{b.gather(x[0], x[1], 0, 0)}; });
  CHECK(error_of(*gather, {Array::zeros(runtime::ElementType::f32, {0}), Array::from<int32_t>({1}, {0})}) ==
        "mine.cpp:7: gather: the index at position 0 of i32[1] is out of range for dim 0 of f32[0]");
}

TEST_CASE("reference: of all errors the one of the first op counts, there the one at the first position") {
  const auto checks = function_of({f32[{3}], i1[{4}], i1[{4}]}, [](Builder& b, const Values& x) {
    b.loc = Loc("mine.cpp", 8);
    Value* y = b.check(x[0], x[1], "lengths are 1 or more");
    b.loc = Loc("mine.cpp", 9);
    return Values{b.check(y, x[2], "ids are known")};
  });
  const Array x = Array::from<float>({3}, {1, 2, 3});
  const auto booleans = [](std::initializer_list<bool> values) { return Array::from<bool>({4}, values); };
  const Array good = booleans({true, true, true, true});
  CHECK(same(run(*checks, {x, good, good})[0], {3}, cells_of<float>(x)));
  CHECK(error_of(*checks, {x, booleans({true, true, false, false}), booleans({false, true, true, true})}) ==
        "mine.cpp:8: check: lengths are 1 or more (at position 2)");
  CHECK(error_of(*checks, {x, good, booleans({true, false, true, false})}) ==
        "mine.cpp:9: check: ids are known (at position 1)");
}
