// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Element-wise rows on all element types. What holds for every row is checked for every row, so that a new
// one is covered by being there; the primitive ones are also compared with their definitions.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "ir/builder_math.h"
#include "runtime/philox.h"
#include "tests/backends/naive_elements.h"

using namespace rondo;
using namespace rondo::ir;
using namespace rondo::naive;
using rondo::naive::same;

namespace {

// One kind of element-wise op: a row, and a word if the row has several arithmetics.
struct Kind {
  const OpRow* row;
  std::string word;
  const ElementMath* math;

  std::string name() const { return word.empty() ? row->name : row->name + " " + word; }
  Value* emit(Builder& b, const Values& operands) const {
    std::vector<Attr> attrs;
    if (!word.empty()) attrs.push_back(make_attr(*row, row->attrs[0].name, {word}));
    return b.emit(*row, operands, attrs)->result();
  }
};

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const OpRow* row : all_rows()) {
    if (!row->is_elementwise() || row->declared_results) continue;  // convert and bitcast are no arithmetic
    if (row->math_by_word.empty()) all.push_back({row, "", &row->math});
    for (const auto& [word, math] : row->math_by_word) all.push_back({row, word, &math});
  }
  return all;
}

// Arrays that hold all combinations of special values, and random ones after them; one rank.
template <class T>
std::vector<Array> operands(const Kind& kind) {
  Random random(7);
  const std::vector<T> special = special_values<T>();
  const auto values = static_cast<int64_t>(special.size());
  int64_t combinations = 1;
  for (int i = 0; i < kind.math->arity; ++i) combinations *= values;
  std::vector<Array> arrays;
  for (int64_t i = 0, period = 1; i < kind.math->arity; ++i, period *= values) {
    Array x = draw<T>(random, {combinations + 200});
    for (int64_t k = 0; k < combinations; ++k) x.data<T>()[k] = special[k / period % values];
    arrays.push_back(std::move(x));
  }
  if (kind.math->first_is_condition) arrays[0] = draw<bool>(random, {combinations + 200});
  return arrays;
}

Array run_kind(const Kind& kind, const std::vector<Array>& arrays,
               reference::Precision precision = reference::Precision::kAsTyped) {
  return evaluate_one(arrays, [&](Builder& b, const Values& x) { return kind.emit(b, x); }, precision);
}

template <class T>
T element(const std::vector<Array>& arrays, size_t operand, int64_t at) {
  return operand < arrays.size() ? arrays[operand].data<T>()[at] : T{};
}

// The first place where the op is not what its formula says; -1 if there is none.
template <class T, class Result>
int64_t first_difference(const Kind& kind, const std::function<Result(T, T, T)>& formula) {
  const std::vector<Array> x = operands<T>(kind);
  const Array y = run_kind(kind, x);
  for (int64_t i = 0; i < y.size(); ++i)
    if (!same(y.data<Result>()[i], formula(element<T>(x, 0, i), element<T>(x, 1, i), element<T>(x, 2, i))))
      return i;
  return -1;
}

// Copies the elements of one array that another holds too; shapes apart.
Array reshaped(const Array& x, const Index& shape) {
  Array y = Array::zeros(x.type(), shape);
  std::copy_n(static_cast<const std::byte*>(x.raw()), y.bytes(), static_cast<std::byte*>(y.raw()));
  return y;
}

bool same_bits(const Array& x, const Array& y) {
  bool equal = x.type() == y.type() && x.shape() == y.shape();
  for_each_element_type([&]<class T>() {
    if (equal && x.type() == runtime::element_type_of<T>())
      equal = std::equal(x.data<T>().begin(), x.data<T>().end(), y.data<T>().begin(),
                         [](T a, T b) { return same(a, b); });
  });
  return equal;
}

// |x - exact| in units of the last place of the exact value as an f32; infinity stands for 2^128.
double ulps(float x, double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(exact) || std::isnan(x)) return std::isnan(exact) && std::isnan(x) ? 0 : INFINITY;
  if (std::isinf(rounded) && x == rounded) return 0;
  const double value = std::isinf(x) ? std::copysign(0x1p128, x) : x;
  const double nearest = std::isinf(rounded) ? std::copysign(0x1p128, rounded) : rounded;
  return std::fabs(value - exact) / std::ldexp(1.0, std::clamp(std::ilogb(nearest), -126, 127) - 23);
}

}  // namespace

TEST_CASE("reference: primitive arithmetic is what its definition says, on special values and others") {
  std::set<std::string> compared;
  for (const Kind& kind : kinds())
    for_each_element_type([&]<class T>() {
      if (!kind.math->takes(dtype_of<T>())) return;
      CAPTURE(kind.name());
      CAPTURE(dtype_of<T>().text());
      const auto formulas = arithmetic<T>();
      const auto predicate = predicates<T>();
      if (const auto found = formulas.find(kind.name()); found != formulas.end())
        CHECK(first_difference<T, T>(kind, found->second) == -1);
      else if (const auto truth = predicate.find(kind.name()); truth != predicate.end())
        CHECK(first_difference<T, bool>(kind, truth->second) == -1);
      else
        return;
      compared.insert(kind.name());
    });
  CHECK(compared.size() == 30);  // a formula that no row answers to would be dead
}

TEST_CASE("reference: select takes the second operand where the condition holds, the third elsewhere") {
  for (const Kind& kind : kinds()) {
    if (kind.name() != "select") continue;
    for_each_element_type([&]<class T>() {
      const std::vector<Array> x = operands<T>(kind);
      const Array y = run_kind(kind, x);
      for (int64_t i = 0; i < y.size(); ++i)
        REQUIRE(same(y.data<T>()[i], x[0].data<bool>()[i] ? x[1].data<T>()[i] : x[2].data<T>()[i]));
    });
  }
}

TEST_CASE("reference: random_bits is the first word of the runtime's Philox") {
  Random random(1);
  const Array keys = draw<int64_t>(random, {3, 100}), counters = draw<int64_t>(random, {3, 100});
  const Array bits =
      evaluate_one({keys, counters}, [](Builder& b, const Values& x) { return b.random_bits(x[0], x[1]); });
  REQUIRE(bits.type() == runtime::ElementType::i32);
  const auto low = [](int64_t word) { return static_cast<uint32_t>(word); };
  const auto high = [](int64_t word) { return static_cast<uint32_t>(static_cast<uint64_t>(word) >> 32); };
  for (int64_t i = 0; i < 300; ++i) {
    const int64_t key = keys.data<int64_t>()[i], counter = counters.data<int64_t>()[i];
    const auto words = runtime::philox4x32({low(counter), high(counter), 0, 0}, {low(key), high(key)});
    REQUIRE(low(bits.data<int32_t>()[i]) == words[0]);
  }
}

TEST_CASE("reference: an element's result depends neither on its place nor on the rank") {
  for (const Kind& kind : kinds())
    for_each_element_type([&]<class T>() {
      if (!kind.math->takes(dtype_of<T>())) return;
      CAPTURE(kind.name());
      const std::vector<Array> x = operands<T>(kind);
      const Array y = run_kind(kind, x);
      for (const Index& shape : {Index{}, {1}, {2, 3}, {2, 1, 5}, {2, 3, 1, 4}, {0}, {3, 0, 2}}) {
        std::vector<Array> part;
        for (const Array& operand : x) part.push_back(reshaped(operand, shape));
        const Array result = run_kind(kind, part);
        REQUIRE(same_bits(result, reshaped(y, shape)));
      }
    });
}

TEST_CASE("reference: an op has the bits of its expansion into primitive ops") {
  int expanded = 0;
  for (const Kind& kind : kinds())
    for_each_element_type([&]<class T>() {
      const Expand expand = kind.math->expand[dtype_of<T>().id()];
      if (expand == nullptr) return;
      CAPTURE(kind.name());
      ++expanded;
      const std::vector<Array> both = evaluate(operands<T>(kind), [&](Builder& b, const Values& x) {
        BuilderMath math(b);
        return Values{kind.emit(b, x), expand(math, x.data())};
      });
      CHECK(same_bits(both[0], both[1]));
    });
  CHECK(expanded >= 13);
}

TEST_CASE("reference: f32 results are as near to the f64 results as the row promises") {
  for (const Kind& kind : kinds()) {
    const bool floats = kind.math->takes(f32) && kind.math->takes(f64) && !kind.math->first_is_condition;
    if (!floats || kind.math->results[f32.id()] != f32) continue;
    CAPTURE(kind.name());
    const std::vector<Array> x = operands<float>(kind);
    std::vector<Array> wide;
    for (const Array& operand : x) {
      wide.push_back(Array::zeros(runtime::ElementType::f64, operand.shape()));
      std::copy(operand.data<float>().begin(), operand.data<float>().end(),
                wide.back().data<double>().begin());
    }
    const Array y = run_kind(kind, x), exact = run_kind(kind, wide);
    const double allowed = std::max(0.5, kind.row->max_ulp) + 1e-6;
    double worst = 0;
    for (int64_t i = 0; i < y.size(); ++i)
      worst = std::max(worst, ulps(y.data<float>()[i], exact.data<double>()[i]));
    CHECK(worst <= allowed);
  }
}

TEST_CASE("reference: in double precision an f32 op is the f64 op") {
  for (const Kind& kind : kinds()) {
    if (!kind.math->takes(f32)) continue;
    CAPTURE(kind.name());
    REQUIRE(kind.math->takes(f64));
    const std::vector<Array> x = operands<double>(kind);
    ir::Function function("f");
    Values params;
    for (size_t i = 0; i < x.size(); ++i) {
      const bool condition = i == 0 && kind.math->first_is_condition;
      params.push_back(function.add_param((condition ? i1 : f32)[{x[i].size()}]));
    }
    Builder b(function.body);
    function.body.results = {kind.emit(b, params)};
    const Array y = run(*reference::interpret(function, reference::Precision::kDouble), x)[0];
    CHECK(same_bits(y, run_kind(kind, x)));
  }
}
