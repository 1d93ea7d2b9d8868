// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/dim.h"

namespace rondo {

struct Type;

/// An element type. `f32[{T, B, 64}]` makes a tensor type of it.
class DType {
 public:
  enum Id : uint8_t { kF32, kF64, kBf16, kI32, kI64, kI1 };
  static constexpr int kCount = 6;

  constexpr DType(Id id) : id_(id) {}
  constexpr Id id() const { return id_; }
  friend constexpr bool operator==(DType a, DType b) { return a.id_ == b.id_; }

  constexpr bool is_float() const { return id_ <= kBf16; }
  constexpr bool is_int() const { return id_ == kI32 || id_ == kI64; }
  /// Bytes of one element in memory; i1 takes a whole byte that is 0 or 1.
  constexpr int64_t bytes() const {
    return id_ == kF64 || id_ == kI64 ? 8 : id_ == kBf16 ? 2 : id_ == kI1 ? 1 : 4;
  }
  std::string_view text() const;
  static std::optional<DType> parse(std::string_view text);

  Type operator[](std::vector<Dim> dims) const;

 private:
  Id id_;
};

inline constexpr DType f32{DType::kF32}, f64{DType::kF64}, bf16{DType::kBf16}, i32{DType::kI32},
    i64{DType::kI64}, i1{DType::kI1};

/// How many dims a type may have.
inline constexpr int kMaxRank = 32;

/// The type of a tensor: an element type and its dims, outermost first. No dims means a scalar.
struct Type {
  DType dtype = f32;
  std::vector<Dim> dims;

  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  /// The same dims with other elements.
  Type with(DType other) const { return {other, dims}; }
  /// The number of elements.
  Dim size() const { return product(dims); }
  /// The bytes that its elements take. Throws Error where that is no size (see Dim): never of a sound type.
  Dim bytes() const { return size() * dtype.bytes(); }
  std::string text() const;
  /// What is wrong with it whatever the sizes, more than kMaxRank dims, a negative one, or bytes that are no
  /// size; empty if nothing.
  std::string flaw() const;
  friend bool operator==(const Type&, const Type&) = default;
};

}  // namespace rondo
