// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "ir/bfloat16.h"
#include "ir/builder.h"
#include "ir/op_row.h"
#include "ir/saturate.h"

// What the rows' own functions share: checks on dim lists and the walks that evaluation is made of.
namespace rondo::ir {

inline bool contains(const std::vector<int64_t>& list, int64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// True if the list rises strictly and stays within [0, rank).
inline bool is_increasing(const std::vector<int64_t>& list, int64_t rank) {
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i] < 0 || list[i] >= rank || (i > 0 && list[i] <= list[i - 1])) return false;
  return true;
}

/// Dims by number, where one more comes in front of them.
inline std::vector<int64_t> shifted(std::vector<int64_t> dims) {
  for (int64_t& dim : dims) ++dim;
  return dims;
}

/// The inverse: where the first one is gone, which is not among them.
inline std::vector<int64_t> unshifted(std::vector<int64_t> dims) {
  for (int64_t& dim : dims) --dim;
  return dims;
}

/// The same as shifted with the new one first.
inline std::vector<int64_t> with_front(const std::vector<int64_t>& dims) {
  std::vector<int64_t> result = shifted(dims);
  result.insert(result.begin(), 0);
  return result;
}

/// The inverse.
inline std::vector<int64_t> without_front(std::vector<int64_t> dims) {
  dims.erase(dims.begin());
  return unshifted(std::move(dims));
}

inline std::string join(const std::vector<int64_t>& list) {
  std::string text;
  for (size_t i = 0; i < list.size(); ++i) text += (i > 0 ? "," : "") + std::to_string(list[i]);
  return text;
}

/// The name of a row in the text: a row whose name is a token of C++ has a '_' behind it in the sources.
inline std::string text_name(std::string name) {
  if (name.back() == '_') name.pop_back();
  return name;
}

/// Calls visit(pointer) with the array's elements as what they are.
template <class Array, class Visit>
void visit_elements(Array& array, Visit&& visit) {
  switch (array.dtype.id()) {
    case DType::kF32:
      return visit(array.template data<float>());
    case DType::kF64:
      return visit(array.template data<double>());
    case DType::kBf16:
      return visit(array.template data<Bfloat16>());
    case DType::kI32:
      return visit(array.template data<int32_t>());
    case DType::kI64:
      return visit(array.template data<int64_t>());
    case DType::kI1:
      return visit(array.template data<bool>());
  }
}

/// out[index] = in[position(index)] for every index of out.
template <class Position>
void copy_elements(HostArray& out, const HostArray& in, Position&& position) {
  if (out.size() == 0) return;
  const int64_t width = out.dtype.bytes();
  std::vector<int64_t> index(out.shape.size(), 0);
  int64_t at = 0;
  do std::memcpy(out.bytes.data() + at++ * width, in.bytes.data() + position(index) * width, width);
  while (next_index(index, out.shape));
}

/// out[position(index)] = in[index] for every index of in.
template <class Position>
void place_elements(HostArray& out, const HostArray& in, Position&& position) {
  if (in.size() == 0) return;
  const int64_t width = out.dtype.bytes();
  std::vector<int64_t> index(in.shape.size(), 0);
  int64_t at = 0;
  do std::memcpy(out.bytes.data() + position(index) * width, in.bytes.data() + at++ * width, width);
  while (next_index(index, in.shape));
}

inline void fill(HostArray& array, const Number& value) {
  visit_elements(array, [&]<class T>(T* x) {
    T element;
    if constexpr (std::is_floating_point_v<Computed<T>>)
      element = static_cast<T>(value.as_double());
    else
      element = static_cast<T>(value.as_int());
    std::fill_n(x, array.size(), element);
  });
}

}  // namespace rondo::ir
