// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "runtime/aligned.h"
#include "runtime/failure.h"

namespace rondo::runtime {

/// Element types of arrays. An i1 takes one byte, 0 or 1.
enum class ElementType : std::uint8_t { f32, f64, bf16, i32, i64, i1 };

/// The type as the language spells it: "f32".
const char* name(ElementType type);

/// Bytes an element takes; also its alignment.
std::size_t element_size(ElementType type);

/// "f32[2,3]"; a scalar is "f32[]".
std::string type_text(ElementType type, std::span<const std::int64_t> shape);

/// Storage of a bfloat16: the upper half of the bits of an f32. Equal means the same bits.
struct Bfloat16 {
  std::uint16_t bits = 0;

  /// Rounds to nearest even; a NaN stays a NaN.
  static Bfloat16 nearest(float x);
  float value() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
  bool operator==(const Bfloat16&) const = default;
};

/// The element type that holds C++ type T. An i1 may be read as bool or as std::uint8_t.
template <class T>
consteval ElementType element_type_of() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) return ElementType::f32;
  if constexpr (std::is_same_v<U, double>) return ElementType::f64;
  if constexpr (std::is_same_v<U, Bfloat16>) return ElementType::bf16;
  if constexpr (std::is_same_v<U, std::int32_t>) return ElementType::i32;
  if constexpr (std::is_same_v<U, std::int64_t>) return ElementType::i64;
  if constexpr (std::is_same_v<U, bool> || std::is_same_v<U, std::uint8_t>) return ElementType::i1;
}

/// Number of elements of a shape, which must not be negative in any dim. Throws Failure unless the product of
/// its non-zero dims times the size of an element fits an i64: so strides and byte offsets never overflow,
/// not even in an array with a dim of 0.
std::int64_t checked_size(ElementType type, std::span<const std::int64_t> shape);

/// Host data: row-major, dense, 64-byte aligned. Copies are deep. A scalar has the shape {}; any dim may be
/// 0. An array that was moved from holds nothing and may only be assigned to or destroyed. What a caller got
/// wrong is a Failure whose text begins with the caller's file:line.
class Array {
 public:
  using Where = std::source_location;

  /// f32[0].
  Array();
  Array(const Array& other);
  Array(Array&& other) noexcept;
  Array& operator=(Array other) noexcept;
  ~Array() = default;

  /// All elements 0. Throws Failure where checked_size does, and when memory is short.
  static Array zeros(ElementType type, std::vector<std::int64_t> shape, Where where = Where::current());

  /// Elements that the caller is about to write. Throws as zeros does, without a place.
  static Array uninitialised(ElementType type, std::vector<std::int64_t> shape);

  /// A copy of `values`, which must be as many as the shape asks for, else Failure.
  template <class T>
  static Array from(std::vector<std::int64_t> shape, std::span<const T> values,
                    Where where = Where::current());
  template <class T>
  static Array from(std::vector<std::int64_t> shape, std::initializer_list<T> values,
                    Where where = Where::current());

  /// One element, shape {}.
  template <class T>
  static Array scalar(T value, Where where = Where::current());

  ElementType type() const { return type_; }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  /// Number of elements.
  std::int64_t size() const { return size_; }
  /// Number of bytes.
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * element_size(type_); }

  /// The elements as T; Failure if the array holds another type.
  template <class T>
  std::span<T> data(Where where = Where::current());
  template <class T>
  std::span<const T> data(Where where = Where::current()) const;

  /// First byte, 64-byte aligned, not null even in an array without elements.
  void* raw() { return storage_.get(); }
  const void* raw() const { return storage_.get(); }

  /// The only element of an array of one; Failure if the type or the size is another.
  template <class T>
  T item(Where where = Where::current()) const;

 private:
  Array(ElementType type, std::vector<std::int64_t> shape);
  void require(ElementType asked, Where where) const;
  void require_one(Where where) const;
  static Array copy_of(ElementType type, std::vector<std::int64_t> shape, const void* values,
                       std::size_t count, Where where);

  ElementType type_;
  std::vector<std::int64_t> shape_;
  std::int64_t size_;
  AlignedBytes storage_;
};

/// "f32[2,3]".
inline std::string type_text(const Array& array) { return type_text(array.type(), array.shape()); }

template <class T>
Array Array::from(std::vector<std::int64_t> shape, std::span<const T> values, Where where) {
  return copy_of(element_type_of<T>(), std::move(shape), values.data(), values.size(), where);
}

template <class T>
Array Array::from(std::vector<std::int64_t> shape, std::initializer_list<T> values, Where where) {
  return copy_of(element_type_of<T>(), std::move(shape), values.begin(), values.size(), where);
}

template <class T>
Array Array::scalar(T value, Where where) {
  return copy_of(element_type_of<T>(), {}, &value, 1, where);
}

template <class T>
std::span<T> Array::data(Where where) {
  require(element_type_of<T>(), where);
  return {reinterpret_cast<T*>(storage_.get()), static_cast<std::size_t>(size_)};
}

template <class T>
std::span<const T> Array::data(Where where) const {
  require(element_type_of<T>(), where);
  return {reinterpret_cast<const T*>(storage_.get()), static_cast<std::size_t>(size_)};
}

template <class T>
T Array::item(Where where) const {
  const auto elements = data<T>(where);
  require_one(where);
  return elements[0];
}

}  // namespace rondo::runtime
