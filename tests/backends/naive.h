// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <type_traits>
#include <vector>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"

// What the tests of the reference interpreter stand on. The interpreter decides what is right, so
// expectations are worked out here without its code: a tensor is a map from index to element, and an op is
// written as the sentence that defines it.
namespace rondo::naive {

using ir::Builder;
using ir::Value;
using ir::Values;
using runtime::Array;
using runtime::Bfloat16;
using Index = std::vector<int64_t>;
using Random = std::mt19937_64;

/// All indices of a shape, the last dim fastest.
std::vector<Index> indices_of(const Index& shape);

/// The elements of an array by index. In order of the map they are in row-major order.
template <class T>
using Cells = std::map<Index, T>;

template <class T>
Cells<T> cells_of(const Array& array) {
  Cells<T> cells;
  int64_t at = 0;
  for (const Index& index : indices_of(array.shape())) cells[index] = array.data<T>()[at++];
  return cells;
}

/// The same element: bits, but any NaN is any NaN.
template <class T>
bool same(T x, T y) {
  if constexpr (std::is_same_v<T, float>)
    return (std::isnan(x) && std::isnan(y)) || std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
  else if constexpr (std::is_same_v<T, double>)
    return (std::isnan(x) && std::isnan(y)) || std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
  else if constexpr (std::is_same_v<T, Bfloat16>)
    return (std::isnan(x.value()) && std::isnan(y.value())) || x == y;
  else
    return x == y;
}

/// True if the array has the shape and just these elements.
template <class T>
bool same(const Array& array, const Index& shape, const Cells<T>& expected) {
  if (array.type() != runtime::element_type_of<T>() || array.shape() != shape) return false;
  const Cells<T> cells = cells_of<T>(array);
  return std::equal(
      cells.begin(), cells.end(), expected.begin(), expected.end(),
      [](const auto& a, const auto& b) { return a.first == b.first && same(a.second, b.second); });
}

/// Calls visit.operator()<T>() for the C++ type of each element type.
template <class Visit>
void for_each_element_type(Visit&& visit) {
  visit.template operator()<float>();
  visit.template operator()<double>();
  visit.template operator()<int32_t>();
  visit.template operator()<int64_t>();
  visit.template operator()<bool>();
}

template <class T>
DType dtype_of() {
  return std::is_same_v<T, float>     ? f32
         : std::is_same_v<T, double>  ? f64
         : std::is_same_v<T, int32_t> ? i32
         : std::is_same_v<T, int64_t> ? i64
                                      : i1;
}

/// Values where arithmetic goes wrong first: zeros of both signs, denormals, infinities, NaN, least and
/// greatest.
template <class T>
std::vector<T> special_values();

/// Mostly ordinary values, and some special ones.
template <class T>
Array draw(Random& random, const Index& shape);

/// Up to `rank` dims, each of them 0 to 5, seldom 0.
Index draw_shape(Random& random, int64_t rank);

/// A function whose parameters have the types of the arrays, its sizes constant.
using Body = std::function<Values(Builder&, const Values&)>;
std::vector<Array> evaluate(const std::vector<Array>& arguments, const Body& body,
                            reference::Precision precision = reference::Precision::kAsTyped);
/// Of one result.
Array evaluate_one(const std::vector<Array>& arguments,
                   const std::function<Value*(Builder&, const Values&)>& body,
                   reference::Precision precision = reference::Precision::kAsTyped);

/// The first function of a text.
std::unique_ptr<backends::Executable> interpret_text(
    const std::string& text, reference::Precision precision = reference::Precision::kAsTyped);

std::vector<Array> run(const backends::Executable& executable, const std::vector<Array>& arguments);
/// The message of the rondo::Error that running ends with; "no error" if there is none.
std::string error_of(const backends::Executable& executable, const std::vector<Array>& arguments);

}  // namespace rondo::naive
