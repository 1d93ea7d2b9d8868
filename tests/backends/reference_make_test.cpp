// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ops that make values out of attributes, or change what type of element a value is.
#include <doctest/doctest.h>

#include <cstring>
#include <limits>

#include "tests/backends/naive_elements.h"

using namespace rondo;
using namespace rondo::naive;
using rondo::naive::same;

namespace {

// The nearest element of type To: exact arithmetic first, then one rounding or one clamp.
template <class To, class From>
To converted(From x) {
  if constexpr (std::is_same_v<To, bool>)
    return !(x == From(0));
  else if constexpr (std::is_floating_point_v<To>)
    return static_cast<To>(static_cast<Quad>(x));
  else if constexpr (!std::is_floating_point_v<From>)
    return static_cast<To>(static_cast<Wide>(x));
  else {
    constexpr To least = std::numeric_limits<To>::min(), greatest = std::numeric_limits<To>::max();
    if (std::isnan(x)) return 0;
    if (static_cast<Quad>(x) <= static_cast<Quad>(least)) return least;
    if (static_cast<Quad>(x) >= static_cast<Quad>(greatest)) return greatest;
    return static_cast<To>(static_cast<Wide>(x));
  }
}

// Around the limits of narrower types, and where an i64 needs two roundings to become an f32 by way of an
// f64.
template <class From>
std::vector<From> values_to_convert() {
  std::vector<From> values = special_values<From>();
  if constexpr (!std::is_same_v<From, bool>)
    for (const double limit : {0x1p24, 0x1p31, 0x1p32, 0x1p53, 0x1p60, 0x1p63})
      for (const double sign : {-1.0, 1.0})
        for (const double part : {0.0, 0x1p-24, 0x1p-25, -0x1p-25, 0x1p-31, -0x1p-31}) {
          const double value = sign * limit * (1 + part);
          if (std::is_floating_point_v<From> || std::abs(value) < std::numeric_limits<From>::max())
            values.push_back(static_cast<From>(value));
        }
  if constexpr (std::is_same_v<From, int64_t>)
    for (const int64_t off : {-1, 0, 1}) values.push_back((int64_t{1} << 60) + (int64_t{1} << 36) + off);
  return values;
}

template <class T>
Array array_of(const std::vector<T>& values) {
  Array array = Array::zeros(runtime::element_type_of<T>(), {std::ssize(values)});
  std::copy(values.begin(), values.end(), array.template data<T>().begin());
  return array;
}

}  // namespace

TEST_CASE("reference: convert rounds once, saturates, wraps, and finds what is not 0") {
  for_each_element_type([&]<class From>() {
    for_each_element_type([&]<class To>() {
      CAPTURE(dtype_of<From>().text());
      CAPTURE(dtype_of<To>().text());
      const std::vector<From> values = values_to_convert<From>();
      const Array y = evaluate_one(
          {array_of(values)}, [](Builder& b, const Values& x) { return b.convert(x[0], dtype_of<To>()); });
      for (size_t i = 0; i < values.size(); ++i) {
        CAPTURE(values[i]);
        REQUIRE(same(y.data<To>()[i], converted<To>(From(values[i]))));
      }
    });
  });
}

TEST_CASE("reference: bitcast keeps the bits") {
  const auto check = []<class From, class To>(From, To) {
    const std::vector<From> values = special_values<From>();
    const Array y = evaluate_one({array_of(values)},
                                 [](Builder& b, const Values& x) { return b.bitcast(x[0], dtype_of<To>()); });
    REQUIRE(y.type() == runtime::element_type_of<To>());
    CHECK(std::memcmp(y.raw(), values.data(), y.bytes()) == 0);
  };
  check(float{}, int32_t{});
  check(int32_t{}, float{});
  check(double{}, int64_t{});
  check(int64_t{}, double{});
  check(float{}, float{});
}

TEST_CASE("reference: in double precision a bitcast sees the value rounded to the type") {
  const Array x = array_of<double>({1.0 + 0x1p-40, -0.0, 1e300});
  ir::Function function("f");
  Builder b(function.body);
  Value* bits = b.bitcast(function.add_param(f32[{3}], "x"), i32);
  function.body.results = {bits, b.bitcast(bits, f32)};
  const auto results = run(*reference::interpret(function, reference::Precision::kDouble), {x});
  for (int i = 0; i < 3; ++i) {
    const float rounded = static_cast<float>(x.data<double>()[i]);
    CHECK(results[0].data<int32_t>()[i] == std::bit_cast<int32_t>(rounded));
    CHECK(same(results[1].data<double>()[i], static_cast<double>(rounded)));
  }
}

TEST_CASE("reference: a constant has its value everywhere, in every type") {
  for_each_element_type([&]<class T>() {
    for (const T value : special_values<T>())
      for (const Index& shape : {Index{}, {3}, {2, 0}, {2, 3}}) {
        Cells<T> expected;
        for (const Index& index : indices_of(shape)) expected[index] = value;
        const Array y = evaluate_one({}, [&](Builder& b, const Values&) {
          const ir::Number number = std::is_floating_point_v<T> ? ir::Number(static_cast<double>(value))
                                                                : ir::Number(static_cast<int64_t>(value));
          return b.constant({dtype_of<T>(), {shape.begin(), shape.end()}}, number);
        });
        REQUIRE(same(y, shape, expected));
      }
  });
}

TEST_CASE("reference: iota counts along its dim") {
  Random random(3);
  const auto check = [&]<class T>(T) {
    for (int round = 0; round < 30; ++round) {
      const Index shape = draw_shape(random, 1 + static_cast<int64_t>(random() % 4));
      const auto dim = static_cast<int64_t>(random() % shape.size());
      Cells<T> expected;
      for (const Index& index : indices_of(shape)) expected[index] = static_cast<T>(index[dim]);
      const Array y = evaluate_one({}, [&](Builder& b, const Values&) {
        return b.iota({dtype_of<T>(), {shape.begin(), shape.end()}}, dim);
      });
      REQUIRE(same(y, shape, expected));
    }
  };
  check(int32_t{});
  check(int64_t{});
}
