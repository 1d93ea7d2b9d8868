// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <type_traits>
#include <utility>

#include "ir/bfloat16.h"
#include "ir/builder_math.h"
#include "ir/op_row.h"
#include "ir/ops/scalar_math.h"

// How a row's one formula, a generic lambda over a math context, becomes host kernels and an IR expansion.
namespace rondo::ir {

template <class... T>
struct TypeSet {};
using Floats = TypeSet<float, double, Bfloat16>;
using InFloat32 = TypeSet<float, Bfloat16>;  // computed in f32
using Ints = TypeSet<int32_t, int64_t>;
using Int64 = TypeSet<int64_t>;
using Logic = TypeSet<int32_t, int64_t, bool>;
using Numbers = TypeSet<float, double, Bfloat16, int32_t, int64_t>;
using Anything = TypeSet<float, double, Bfloat16, int32_t, int64_t, bool>;

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return f32;
  if constexpr (std::is_same_v<T, double>) return f64;
  if constexpr (std::is_same_v<T, Bfloat16>) return bf16;
  if constexpr (std::is_same_v<T, int32_t>) return i32;
  if constexpr (std::is_same_v<T, int64_t>) return i64;
  return i1;
}

namespace detail {

template <class T, int arity, bool condition, class Formula>
struct Elements {
  template <int i>
  using Operand = std::conditional_t<condition && i == 0, bool, T>;

  template <int... i>
  static auto one(const void* const* in, int64_t at, std::integer_sequence<int, i...>) {
    ScalarMath math;
    return Formula{}(math, Computed<Operand<i>>(static_cast<const Operand<i>*>(in[i])[at])...);
  }
  using Indices = std::make_integer_sequence<int, arity>;
  using Output = decltype(one(nullptr, 0, Indices{}));
  using Result = std::conditional_t<std::is_same_v<Output, Computed<T>>, T, Output>;

  static void run(const void* const* in, void* out, int64_t n) noexcept {
    for (int64_t at = 0; at < n; ++at) static_cast<Result*>(out)[at] = Result(one(in, at, Indices{}));
  }
};

// A bf16 is computed in f32, and the result rounded.
template <class T, class Formula, int... i>
Value* expand(BuilderMath& math, Value* const* x, std::integer_sequence<int, i...>) {
  if constexpr (!std::is_same_v<T, Bfloat16>) return Formula{}(math, x[i]...);
  Value* result = Formula{}(math, math.to_f32(x[i])...);
  return result->type.dtype == f32 ? math.to_bf16(result) : result;
}

template <int arity, bool condition, class Formula, class... T>
void add_kernels(ElementMath& math, TypeSet<T...>) {
  ((math.kernels[dtype_of<T>().id()] = Elements<T, arity, condition, Formula>::run,
    math.results[dtype_of<T>().id()] = dtype_of<typename Elements<T, arity, condition, Formula>::Result>()),
   ...);
}

template <int arity, class Formula, class... T>
void add_expansion(ElementMath& math, TypeSet<T...>) {
  ((math.expand[dtype_of<T>().id()] =
        [](BuilderMath& m, Value* const* x) {
          return expand<T, Formula>(m, x, std::make_integer_sequence<int, arity>{});
        }),
   ...);
}

}  // namespace detail

/// Arithmetic that code generation knows, or else calls the kernel for.
template <class Set, int arity, bool condition = false, class Formula>
ElementMath primitive(Formula) {
  ElementMath math{.arity = arity, .first_is_condition = condition};
  detail::add_kernels<arity, condition, Formula>(math, Set{});
  return math;
}

/// Arithmetic written in primitive ops: the host evaluates the same formula that expand-math writes into the
/// IR.
template <class Set, int arity, class Formula>
ElementMath expanded(Formula) {
  ElementMath math{.arity = arity};
  detail::add_kernels<arity, false, Formula>(math, Set{});
  detail::add_expansion<arity, Formula>(math, Set{});
  return math;
}

/// f32 (and so bf16) by the formula, f64 by the C library.
template <int arity, class Libm, class Formula>
ElementMath transcendental(Libm, Formula) {
  ElementMath math{.arity = arity};
  detail::add_kernels<arity, false, Libm>(math, TypeSet<double>{});
  detail::add_kernels<arity, false, Formula>(math, InFloat32{});
  detail::add_expansion<arity, Formula>(math, InFloat32{});
  return math;
}

}  // namespace rondo::ir
