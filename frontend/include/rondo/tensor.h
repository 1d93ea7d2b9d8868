// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "ir/dim.h"
#include "ir/error.h"
#include "ir/loc.h"
#include "ir/number.h"
#include "ir/type.h"

namespace rondo {

namespace ir {
struct Value;
}
namespace detail {
struct Access;
}

/// A tensor in the function that is being traced: it stands for a value that will be computed, it holds no
/// data. It lives while the function, or the cell of a scan, that made it is traced; using it later is an
/// Error. Copies stand for the same value.
class Tensor {
 public:
  constexpr Tensor() = default;
  /// True if no value was assigned to it yet.
  bool is_empty() const { return value_ == nullptr; }

  const Type& type(Loc loc = {}) const;
  const std::vector<Dim>& dims(Loc loc = {}) const { return type(loc).dims; }
  DType dtype(Loc loc = {}) const { return type(loc).dtype; }
  int64_t rank(Loc loc = {}) const { return type(loc).rank(); }
  /// The size of dim i; a negative i counts from the last. Throws Error if there is no such dim.
  Dim dim(int64_t i, Loc loc = {}) const;

 private:
  friend struct detail::Access;
  ir::Value* value_ = nullptr;
  uint64_t level_ = 0;  // which level of tracing it belongs to; no number is used twice
};

/// While it lives, all that is traced stands at `loc`: a library function passes its caller's line on. Of
/// several, the outermost counts.
class CalledFrom {
 public:
  explicit CalledFrom(Loc loc);
  ~CalledFrom();
  CalledFrom(const CalledFrom&) = delete;
  CalledFrom& operator=(const CalledFrom&) = delete;

 private:
  bool outermost_;
};

namespace detail {

template <class T>
concept Literal = std::is_arithmetic_v<T>;
template <class T>
concept TensorOrLiteral = std::same_as<T, Tensor> || Literal<T>;
/// At least one tensor and at least one literal number.
template <class... T>
concept Mixed = (TensorOrLiteral<T> && ...) && (Literal<T> || ...) && (std::same_as<T, Tensor> || ...);

/// What an element-wise function takes: a tensor, or a number that becomes one of the others' type.
struct Operand {
  Operand(const Tensor& tensor) : value(tensor) {}
  template <Literal N>
  Operand(N number)
      : value(ir::Number(static_cast<std::conditional_t<std::integral<N>, int64_t, double>>(number))) {}
  std::variant<Tensor, ir::Number> value;
};

/// The element-wise op whose row is called `name` (a trailing '_' apart), after broadcasting.
Tensor elementwise(std::string_view name, std::initializer_list<Operand> operands, Loc loc);
/// word: eq ne lt le gt ge.
Tensor compare(const char* word, Operand x, Operand y, Loc loc);

/// An operand of an operator and its place: operators can't have a defaulted Loc, this constructor can.
struct At {
  At(const Tensor& tensor, Loc loc = {}) : operand(tensor), loc(loc) {}
  template <Literal N>
  At(N number, Loc loc = {}) : operand(number), loc(loc) {}
  Operand operand;
  Loc loc;
};

}  // namespace detail

// Operators and element-wise functions take tensors of one element type, and numbers. Dims are matched from
// the last one back: equal, or one of them the literal 1 (a missing leading dim counts as 1), which is
// stretched. A symbolic dim is never stretched. Every one of them throws Error naming `loc` where types do
// not fit.

inline Tensor operator+(detail::At x, detail::At y) {
  return detail::elementwise("add", {x.operand, y.operand}, y.loc);
}
inline Tensor operator-(detail::At x, detail::At y) {
  return detail::elementwise("sub", {x.operand, y.operand}, y.loc);
}
inline Tensor operator*(detail::At x, detail::At y) {
  return detail::elementwise("mul", {x.operand, y.operand}, y.loc);
}
inline Tensor operator/(detail::At x, detail::At y) {
  return detail::elementwise("div", {x.operand, y.operand}, y.loc);
}
inline Tensor operator-(detail::At x) { return detail::elementwise("neg", {x.operand}, x.loc); }

/// Comparisons give i1; with NaN all are false but ne.
inline Tensor operator<(detail::At x, detail::At y) {
  return detail::compare("lt", x.operand, y.operand, y.loc);
}
inline Tensor operator<=(detail::At x, detail::At y) {
  return detail::compare("le", x.operand, y.operand, y.loc);
}
inline Tensor operator>(detail::At x, detail::At y) {
  return detail::compare("gt", x.operand, y.operand, y.loc);
}
inline Tensor operator>=(detail::At x, detail::At y) {
  return detail::compare("ge", x.operand, y.operand, y.loc);
}
/// Equality has a name: == between tensors would read like a truth value of C++.
inline Tensor eq(detail::At x, detail::At y) { return detail::compare("eq", x.operand, y.operand, y.loc); }
inline Tensor ne(detail::At x, detail::At y) { return detail::compare("ne", x.operand, y.operand, y.loc); }

// One function for each element-wise row of the language, under its name; docs/ir.md describes them. Where a
// name is a token of C++ it ends in '_': and_, or_, xor_, not_.
#define OP(name, ...)
#define UNARY(name, ...) \
  inline Tensor name(const Tensor& x, Loc loc = {}) { return detail::elementwise(#name, {x}, loc); }
#define BINARY(name, ...)                                              \
  inline Tensor name(const Tensor& x, const Tensor& y, Loc loc = {}) { \
    return detail::elementwise(#name, {x, y}, loc);                    \
  }                                                                    \
  template <class X, class Y>                                          \
    requires detail::Mixed<X, Y>                                       \
  Tensor name(const X& x, const Y& y, Loc loc = {}) {                  \
    return detail::elementwise(#name, {x, y}, loc);                    \
  }
#define TERNARY(name, ...)                                                              \
  inline Tensor name(const Tensor& x, const Tensor& y, const Tensor& z, Loc loc = {}) { \
    return detail::elementwise(#name, {x, y, z}, loc);                                  \
  }                                                                                     \
  template <class X, class Y, class Z>                                                  \
    requires detail::Mixed<X, Y, Z>                                                     \
  Tensor name(const X& x, const Y& y, const Z& z, Loc loc = {}) {                       \
    return detail::elementwise(#name, {x, y, z}, loc);                                  \
  }
#include "ir/ops/elementwise.def"
#undef OP
#undef UNARY
#undef BINARY
#undef TERNARY

}  // namespace rondo
