// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// bf16 on the interpreter: what is rounded, and where; and the order of a dot.
#include <doctest/doctest.h>

#include "ir/builder_math.h"
#include "tests/backends/naive_elements.h"
#include "tests/backends/naive_orders.h"

using namespace rondo;
using namespace rondo::naive;
using ir::Attr, ir::BuilderMath, ir::ElementMath, ir::Expand, ir::OpRow;

namespace {

// The nearest bf16, found among all of one sign; of two, the even one.
Bfloat16 nearest(Quad x) {
  if (x != x) return {0x7fc0};
  const auto sign = static_cast<uint16_t>(std::signbit(static_cast<double>(x)) ? 0x8000 : 0);
  const Quad magnitude = x < 0 ? -x : x;
  const auto value = [](uint16_t bits) {
    return bits == 0x7f80 ? Quad(0x1p128) : Quad(Bfloat16{bits}.value());
  };
  uint16_t below = 0, above = 0x7f80;
  while (above - below > 1) {
    const auto middle = static_cast<uint16_t>((below + above) / 2);
    (value(middle) <= magnitude ? below : above) = middle;
  }
  const Quad down = magnitude - value(below), up = value(above) - magnitude;
  const bool take_below = down < up || (down == up && below % 2 == 0);
  return {static_cast<uint16_t>(sign | (take_below ? below : above))};
}

// Every exponent, ties and their neighbours among them.
std::vector<double> values_to_round() {
  std::vector<double> values = special_values<double>();
  for (float x : special_values<float>()) values.push_back(x);
  for (uint32_t bits = 0; bits < 0x7f80; bits += 37) {
    const double low = Bfloat16{static_cast<uint16_t>(bits)}.value();
    const double high = bits + 1 < 0x7f80 ? Bfloat16{static_cast<uint16_t>(bits + 1)}.value() : 0x1p128;
    const double tie = low + (high - low) / 2;
    for (const double x : {low, tie, std::nextafter(tie, 0), std::nextafter(tie, INFINITY)})
      values.insert(values.end(), {x, -x});
  }
  return values;
}

template <class T>
Array array_of(const std::vector<T>& values) {
  return Array::from<T>({std::ssize(values)}, std::span<const T>(values));
}

template <class From>
void check_rounding(const std::vector<From>& values) {
  const Array y =
      evaluate_one({array_of(values)}, [](Builder& b, const Values& x) { return b.convert(x[0], bf16); });
  for (size_t i = 0; i < values.size(); ++i) {
    CAPTURE(static_cast<double>(values[i]));
    REQUIRE(same(y.data<Bfloat16>()[i], nearest(values[i])));
  }
}

Array draw_bf16(Random& random, const Index& shape) {
  const Array wide = draw<float>(random, shape);
  Array x = Array::zeros(runtime::ElementType::bf16, shape);
  for (int64_t i = 0; i < x.size(); ++i) {
    x.data<Bfloat16>()[i] = Bfloat16::nearest(wide.data<float>()[i]);
    if (random() % 16 == 0) x.data<Bfloat16>()[i].bits = static_cast<uint16_t>(random());
  }
  return x;
}

Array widened(const Array& x) {
  if (x.type() != runtime::ElementType::bf16) return x;
  Array wide = Array::zeros(runtime::ElementType::f32, x.shape());
  for (int64_t i = 0; i < x.size(); ++i) wide.data<float>()[i] = x.data<Bfloat16>()[i].value();
  return wide;
}

// What is f32 in `wide` is rounded in `narrow`; all else is equal.
bool is_rounded(const Array& narrow, const Array& wide) {
  if (narrow.shape() != wide.shape()) return false;
  for (int64_t i = 0; i < wide.size(); ++i)
    if (wide.type() == runtime::ElementType::f32
            ? !same(narrow.data<Bfloat16>()[i], nearest(wide.data<float>()[i]))
            : narrow.data<bool>()[i] != wide.data<bool>()[i])
      return false;
  return true;
}

// x * y + z rounded to 24 bits whatever the exponent; what is below the normal numbers counts as 0.
float flushed_multiply_add(Bfloat16 x, Bfloat16 y, float z) {
  const auto flush = [](float v) { return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v; };
  const float a = flush(x.value()), b = flush(y.value());
  const float result = fused_multiply_add(a, b, z);
  const float scaled = fused_multiply_add(a * 0x1p24f, b, z * 0x1p24f);
  const bool small = std::fabs(result) <= 0x1p-126f && std::fabs(scaled) < 0x1p-102f;
  return small ? std::copysign(0.0f, result) : result;
}

// Terms x[k] * y[k] of one run, by pairs.
std::vector<std::pair<Bfloat16, Bfloat16>> in_pairs(const std::vector<Bfloat16>& x,
                                                    const std::vector<Bfloat16>& y) {
  std::vector<std::pair<Bfloat16, Bfloat16>> terms;
  for (size_t k = 0; k < x.size(); k += 2) {
    terms.emplace_back(k + 1 < x.size() ? std::pair{x[k + 1], y[k + 1]} : std::pair{Bfloat16{}, Bfloat16{}});
    terms.emplace_back(x[k], y[k]);
  }
  return terms;
}

std::vector<Bfloat16> elements(const Array& x) {
  return {x.data<Bfloat16>().begin(), x.data<Bfloat16>().end()};
}

// Small enough for products to leave the normal numbers now and then, and for sums to cancel.
Array draw_factors(Random& random, const Index& shape) {
  Array x = Array::zeros(runtime::ElementType::bf16, shape);
  for (Bfloat16& element : x.data<Bfloat16>()) {
    const double scale = random() % 3 == 0 ? 0x1p-63 : random() % 40 == 0 ? 0x1p-126 : 1;
    element = Bfloat16::nearest(static_cast<float>((static_cast<double>(random() % 33) - 16) / 8 * scale));
  }
  return x;
}

}  // namespace

TEST_CASE("bf16: convert rounds once, to nearest even, from every type") {
  const std::vector<double> doubles = values_to_round();
  check_rounding(doubles);
  check_rounding(std::vector<float>(doubles.begin(), doubles.end()));
  std::vector<int64_t> whole = special_values<int64_t>();
  for (int shift = 0; shift < 54; ++shift)
    for (int64_t head : {257, 258, 259, 385, -257, -259, -511})
      for (int64_t off : {-1, 0, 1}) whole.push_back(head * (int64_t{1} << shift) + off);
  check_rounding(whole);
  std::vector<int32_t> narrow = special_values<int32_t>();
  for (int64_t x : whole) narrow.push_back(static_cast<int32_t>(x));
  check_rounding(narrow);
  const Array truth = Array::from<bool>({2}, {false, true});
  CHECK(is_rounded(evaluate_one({truth}, [](Builder& b, const Values& x) { return b.convert(x[0], bf16); }),
                   Array::from<float>({2}, {0, 1})));
}

TEST_CASE("bf16: what is converted from it is the value") {
  std::vector<Bfloat16> all;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) all.push_back({static_cast<uint16_t>(bits)});
  const Array x = array_of(all);
  const auto y = evaluate({x, widened(x)}, [](Builder& b, const Values& v) {
    Values results;
    for (const DType to : {f32, f64, i32, i64, i1})
      for (Value* value : v) results.push_back(b.convert(value, to));
    results.push_back(b.convert(b.convert(v[0], f32), bf16));
    return results;
  });
  for (size_t i = 0; i + 1 < y.size(); i += 2) {
    CAPTURE(runtime::type_text(y[i]));
    REQUIRE(y[i].type() == y[i + 1].type());
    for_each_element_type([&]<class T>() {
      if (y[i].type() != runtime::element_type_of<T>()) return;
      REQUIRE(std::equal(y[i].data<T>().begin(), y[i].data<T>().end(), y[i + 1].data<T>().begin(),
                         [](T a, T b) { return same(a, b); }));
    });
  }
  for (size_t i = 0; i < all.size(); ++i) REQUIRE(same(y.back().data<Bfloat16>()[i], all[i]));
}

TEST_CASE("bf16: an element-wise op is that of f32, its result rounded; so is its expansion") {
  Random random(41);
  int kinds = 0;
  for (const OpRow* row : ir::all_rows()) {
    if (!row->is_elementwise() || row->declared_results) continue;
    std::vector<std::string> words = {""};
    if (!row->math_by_word.empty()) words = row->attrs[0].words;
    for (const std::string& word : words) {
      const ElementMath& math = word.empty() ? row->math : row->math_by_word.at(word);
      CHECK(math.takes(bf16) == math.takes(f32));
      if (!math.takes(bf16)) continue;
      ++kinds;
      CAPTURE(row->name + " " + word);
      std::vector<Array> narrow, wide;
      for (int i = 0; i < math.arity; ++i) {
        narrow.push_back(i == 0 && math.first_is_condition ? draw<bool>(random, {3000})
                                                           : draw_bf16(random, {3000}));
        wide.push_back(widened(narrow.back()));
      }
      const auto op = [&](Builder& b, const Values& x) {
        std::vector<Attr> attrs;
        if (!word.empty()) attrs.push_back(ir::make_attr(*row, row->attrs[0].name, {word}));
        return b.emit(*row, x, attrs)->result();
      };
      const Array expected = evaluate_one(wide, op);
      CHECK(is_rounded(evaluate_one(narrow, op), expected));
      const Expand expand = math.expand[bf16.id()];
      CHECK((expand == nullptr) == (math.expand[f32.id()] == nullptr));
      if (expand == nullptr) continue;
      CHECK(is_rounded(evaluate_one(narrow,
                                    [&](Builder& b, const Values& x) {
                                      BuilderMath m(b);
                                      return expand(m, x.data());
                                    }),
                       expected));
    }
  }
  CHECK(kinds >= 35);
}

TEST_CASE("bf16: a reduction runs in f32 and is rounded once; scatter_add rounds every sum") {
  Random random(43);
  for (const Index& shape : {Index{3, 40}, {2, 5000}, {3, 0}, {70, 3}}) {
    const Array x = draw_bf16(random, shape);
    for (const Index& dims : {Index{0}, {1}, {0, 1}}) {
      const auto reductions = [&](Builder& b, const Values& v) {
        return Values{b.reduce_sum(v[0], dims), b.reduce_max(v[0], dims), b.reduce_min(v[0], dims)};
      };
      const auto narrow = evaluate({x}, reductions), wide = evaluate({widened(x)}, reductions);
      for (size_t i = 0; i < narrow.size(); ++i) CHECK(is_rounded(narrow[i], wide[i]));
    }
  }
  // 256 + 1 is a tie, and rounds to 256 each time.
  const auto bf = [](float value) { return Bfloat16::nearest(value); };
  const auto y = evaluate({Array::from<Bfloat16>({1}, {bf(256)}), Array::from<int32_t>({4}, {0, 0, 0, 0}),
                           Array::from<Bfloat16>({4}, {bf(1), bf(1), bf(1), bf(1)})},
                          [](Builder& b, const Values& v) {
                            return Values{b.scatter_add(v[0], v[1], v[2], 0, 0), b.reduce_sum(v[2], {0})};
                          });
  CHECK(y[0].data<Bfloat16>()[0].value() == 256);
  CHECK(y[1].item<Bfloat16>().value() == 4);
}

TEST_CASE("bf16: a dot takes pairs along its last contracted dim, the odd element first, flushed, into f32") {
  Random random(47);
  for (int64_t outer : {1, 2, 3})
    for (int64_t inner : {0, 1, 2, 3, 7, 8, 33}) {
      const Array x = draw_factors(random, {outer, inner}), y = draw_factors(random, {outer, inner});
      const Array z =
          evaluate_one({x, y}, [](Builder& b, const Values& v) { return b.dot(v[0], v[1], {0, 1}, {0, 1}); });
      REQUIRE(z.type() == runtime::ElementType::f32);
      float sum = 0;
      const auto all_x = elements(x), all_y = elements(y);
      for (int64_t t = 0; t < outer; ++t) {
        const auto row = [&](const std::vector<Bfloat16>& all) {
          return std::vector(all.begin() + t * inner, all.begin() + (t + 1) * inner);
        };
        for (const auto& [a, b] : in_pairs(row(all_x), row(all_y))) sum = flushed_multiply_add(a, b, sum);
      }
      REQUIRE(same(z.item<float>(), sum));
    }
  // Without contracted dims each product is a pair with +0.
  const Array one = Array::from<Bfloat16>({1}, {Bfloat16::nearest(-3)});
  CHECK(evaluate_one({one, one}, [](Builder& b, const Values& v) {
          return b.dot(v[0], v[1], {}, {});
        }).data<float>()[0] == 9);
}

TEST_CASE("bf16: with lanes, lane j takes the pairs j, j + 16, .. of a block") {
  Random random(53);
  for (int64_t length : {0, 1, 2, 31, 32, 33, 100, 4096, 4097, 9000}) {
    const Array x = draw_factors(random, {length}), y = draw_factors(random, {length});
    const Array z =
        evaluate_one({x, y}, [](Builder& b, const Values& v) { return b.dot(v[0], v[1], {0}, {0}); });
    auto all_x = elements(x), all_y = elements(y);
    all_x.resize((length + 31) / 32 * 32), all_y.resize(all_x.size());
    float total = 0;
    const auto flush = [](float v) { return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v; };
    const auto add = [&](float a, float b) { return flush(a + b); };
    for (size_t first = 0; first < all_x.size(); first += 4096) {
      std::vector<float> lanes(16, 0.0f);
      for (size_t k = first; k < std::min(all_x.size(), first + 4096); k += 2)
        for (size_t at : {k + 1, k})
          lanes[k / 2 % 16] = flushed_multiply_add(all_x[at], all_y[at], lanes[k / 2 % 16]);
      total = add(total, halved(lanes, 0, 1, add));
    }
    CAPTURE(length);
    REQUIRE(same(z.item<float>(), total));
  }
}

TEST_CASE("bf16: in double precision nothing is rounded") {
  const Array x = Array::from<double>({2}, {1.0 + 0x1p-30, 3});
  ir::Function function("f");
  Value* param = function.add_param(bf16[{2}]);
  Builder b(function.body);
  function.body.results = {b.mul(param, param), b.dot(param, param, {0}, {0}), b.convert(param, f32)};
  const auto y = run(*reference::interpret(function, reference::Precision::kDouble), {x});
  const double first = x.data<double>()[0];
  CHECK(y[0].data<double>()[0] == first * first);
  CHECK(y[1].item<double>() == std::fma(3.0, 3.0, first * first));
  CHECK(y[2].data<double>()[0] == first);
  const Array narrow = Array::from<Bfloat16>({2}, {Bfloat16::nearest(1.5), Bfloat16::nearest(-2)});
  const auto z = run(*reference::interpret(function, reference::Precision::kDouble), {narrow});
  CHECK(z[2].data<double>()[0] == 1.5);
}
