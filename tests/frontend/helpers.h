// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <rondo/rondo.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

namespace rondo::testing {

/// Where the tests run what they compile: on the interpreter, or on the backend that RONDO_TEST_BACKEND
/// names.
inline const Options kBackend = {.backend = std::getenv("RONDO_TEST_BACKEND") != nullptr
                                                ? std::getenv("RONDO_TEST_BACKEND")
                                                : "reference"};

inline Array floats(std::vector<int64_t> shape, std::initializer_list<float> values) {
  return Array::from<float>(std::move(shape), values);
}
inline Array doubles(std::vector<int64_t> shape, std::initializer_list<double> values) {
  return Array::from<double>(std::move(shape), values);
}
inline Array ints(std::vector<int64_t> shape, std::initializer_list<int32_t> values) {
  return Array::from<int32_t>(std::move(shape), values);
}

/// The elements of a float array, or of an integer one, as doubles.
inline std::vector<double> values(const Array& array) {
  switch (array.type()) {
    case runtime::ElementType::f64: {
      const auto x = array.data<double>();
      return {x.begin(), x.end()};
    }
    case runtime::ElementType::i32: {
      const auto x = array.data<int32_t>();
      return {x.begin(), x.end()};
    }
    case runtime::ElementType::i64: {
      const auto x = array.data<int64_t>();
      return {x.begin(), x.end()};
    }
    case runtime::ElementType::bf16: {
      std::vector<double> wide;
      for (const Bfloat16 x : array.data<Bfloat16>()) wide.push_back(x.value());
      return wide;
    }
    case runtime::ElementType::i1: {
      const auto x = array.data<bool>();
      return {x.begin(), x.end()};
    }
    default: {
      const auto x = array.data<float>();
      return {x.begin(), x.end()};
    }
  }
}

inline bool close(double a, double b, double tolerance) {
  return a == b || std::abs(a - b) <= tolerance * std::max(1.0, std::max(std::abs(a), std::abs(b)));
}

/// Checks shape and elements.
inline void check_array(const Array& found, const std::vector<int64_t>& shape,
                        const std::vector<double>& expected, double tolerance = 0) {
  REQUIRE(found.shape() == shape);
  const std::vector<double> elements = values(found);
  REQUIRE(elements.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CAPTURE(elements[i]);
    CAPTURE(expected[i]);
    CHECK(close(elements[i], expected[i], tolerance));
  }
}

/// Numbers without a pattern, in [-1, 1].
inline Array noise(std::vector<int64_t> shape, uint64_t seed) {
  Array array = Array::zeros(runtime::ElementType::f64, shape);
  uniform(-1, 1)("noise", seed, shape, array.data<double>());
  return array;
}

/// Compares the gradient of `f`, a function of n f64 tensors, with central differences at `at`.
template <class F>
void check_gradient(const F& f, std::vector<Type> types, std::vector<Array> at) {
  constexpr size_t n = detail::tensor_count_of<F>();
  const auto value = compile(f, types, kBackend);
  const auto both = compile(value_and_grad(f), types, kBackend);
  const auto call = [&](const auto& function) {
    return [&]<size_t... i>(std::index_sequence<i...>) {
      return function(at[i]...);
    }(std::make_index_sequence<n>());
  };
  const auto results = [&] {
    const auto fields = call(both);
    return [&]<size_t... i>(std::index_sequence<i...>) {
      return std::vector<Array>{fields.template get<1 + i>()...};
    }(std::make_index_sequence<n>());
  }();
  for (size_t k = 0; k < n; ++k)
    for (int64_t i = 0; i < at[k].size(); ++i) {
      double& x = at[k].template data<double>()[i];
      const double middle = x, step = 1e-5;
      x = middle + step;
      const double above = call(value).template item<double>();
      x = middle - step;
      const double below = call(value).template item<double>();
      x = middle;
      CAPTURE(k);
      CAPTURE(i);
      CHECK(results[k].template data<double>()[i] ==
            doctest::Approx((above - below) / (2 * step)).epsilon(1e-7));
    }
}

/// The text of the Error that `call` throws.
template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace rondo::testing
