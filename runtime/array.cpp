// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/array.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace rondo::runtime {
namespace {

struct ElementFacts {
  const char* name;
  std::size_t size;
};

constexpr ElementFacts kFacts[] = {{"f32", 4}, {"f64", 8}, {"bf16", 2}, {"i32", 4}, {"i64", 8}, {"i1", 1}};

const ElementFacts& facts(ElementType type) { return kFacts[static_cast<std::size_t>(type)]; }

}  // namespace

const char* name(ElementType type) { return facts(type).name; }

std::size_t element_size(ElementType type) { return facts(type).size; }

Bfloat16 Bfloat16::nearest(float x) {
  const auto wide = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = std::isnan(x) ? wide | 0x400000 : wide + 0x7fff + (wide >> 16 & 1);
  return {static_cast<std::uint16_t>(rounded >> 16)};
}

std::string type_text(ElementType type, std::span<const std::int64_t> shape) {
  std::string text = std::string(name(type)) + "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

std::int64_t checked_size(ElementType type, std::span<const std::int64_t> shape) {
  auto bytes = static_cast<std::int64_t>(element_size(type));
  bool empty = false;
  for (std::int64_t dim : shape) {
    if (dim < 0) throw Failure("an array can't have a negative dim: " + type_text(type, shape));
    if (dim == 0)
      empty = true;
    else if (__builtin_mul_overflow(bytes, dim, &bytes))
      throw Failure("an array of more than 2^63-1 bytes was asked for: " + type_text(type, shape));
  }
  return empty ? 0 : bytes / static_cast<std::int64_t>(element_size(type));
}

Array::Array(ElementType type, std::vector<std::int64_t> shape)
    : type_(type), shape_(std::move(shape)), size_(checked_size(type_, shape_)) {
  storage_ = allocate_aligned(bytes());
  if (!storage_)
    throw Failure("out of memory: " + type_text(*this) + " takes " + std::to_string(bytes()) + " bytes");
}

Array::Array() : Array(ElementType::f32, {0}) {}

Array::Array(const Array& other) : Array(other.type_, other.shape_) {
  std::memcpy(raw(), other.raw(), bytes());
}

Array::Array(Array&& other) noexcept
    : type_(other.type_),
      shape_(std::move(other.shape_)),
      size_(std::exchange(other.size_, 0)),
      storage_(std::move(other.storage_)) {}

Array& Array::operator=(Array other) noexcept {
  type_ = other.type_;
  shape_.swap(other.shape_);
  size_ = other.size_;
  storage_.swap(other.storage_);
  return *this;
}

namespace {

// Calls, and puts the place in front of the text of a Failure.
template <class Call>
auto at(const Array::Where& where, Call&& call) {
  try {
    return call();
  } catch (const Failure& failure) {
    throw Failure(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": " +
                  failure.what());
  }
}

}  // namespace

Array Array::zeros(ElementType type, std::vector<std::int64_t> shape, Where where) {
  Array array = at(where, [&] { return Array(type, std::move(shape)); });
  std::memset(array.raw(), 0, array.bytes());
  return array;
}

Array Array::uninitialised(ElementType type, std::vector<std::int64_t> shape) {
  return Array(type, std::move(shape));
}

Array Array::copy_of(ElementType type, std::vector<std::int64_t> shape, const void* values, std::size_t count,
                     Where where) {
  return at(where, [&] {
    // Counted before memory is taken: a wrong shape must not cost an allocation.
    std::int64_t size = checked_size(type, shape);
    if (static_cast<std::size_t>(size) != count)
      throw Failure(type_text(type, shape) + " has " + std::to_string(size) + " elements, " +
                    std::to_string(count) + " were given");
    Array array(type, std::move(shape));
    if (count) std::memcpy(array.raw(), values, array.bytes());
    return array;
  });
}

void Array::require(ElementType asked, Where where) const {
  if (asked == type_) return;
  at(where, [&] {
    throw Failure(std::string("data of type ") + name(asked) + " was asked of an array that is " +
                  type_text(*this));
  });
}

void Array::require_one(Where where) const {
  if (size_ == 1) return;
  at(where, [&] { throw Failure("item() wants an array of one element, this is " + type_text(*this)); });
}

}  // namespace rondo::runtime
