// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <concepts>
#include <functional>
#include <utility>
#include <vector>

#include "rondo/fields.h"
#include "rondo/tensor.h"

namespace rondo {

/// A function's value, and the gradient of (the first field of) it with respect to each argument.
template <class Value, size_t n>
struct ValueAndGrad {
  Value value;
  std::array<Tensor, n> gradient;
};

/// A function's value, and its derivative along a direction: a value like it.
template <class Value>
struct ValueAndTangent {
  Value value, tangent;
};

namespace detail {

/// The function's results, and the tangent of each.
struct JvpLists {
  std::vector<Tensor> value, tangent;
};
JvpLists jvp_lists(const std::function<NamedTensors(const std::vector<Tensor>& arguments)>& function,
                   const std::vector<Tensor>& arguments, const std::vector<Tensor>& tangents, Loc loc);

struct ValueAndGradLists {
  std::vector<Tensor> value, gradient;
};
ValueAndGradLists value_and_grad_lists(
    const std::function<NamedTensors(const std::vector<Tensor>& arguments)>& function,
    const std::vector<Tensor>& arguments, Loc loc);

}  // namespace detail

/// The function that computes, besides what `function` computes, the gradient with respect to its arguments,
/// which are floats; other tensors are captured: `value_and_grad([&](Tensor x) { return loss(x, labels); })`.
/// `function` returns a float scalar or an aggregate whose first field is one. What comes out is a function
/// of tensors like any other: it may be called while tracing, given to compile, or differentiated again.
/// Calls throw Error naming `loc`.
template <class F>
auto value_and_grad(F function, Loc loc = {}) {
  return [function = std::move(function), loc]<std::same_as<Tensor>... X>(const X&... x)
    requires(sizeof...(X) > 0 && std::invocable<const F&, X...>)
  {
    using Value = std::invoke_result_t<const F&, X...>;
    constexpr size_t n = sizeof...(X);
    const auto call = [&](const std::vector<Tensor>& arguments) {
      return detail::list_of(detail::apply_to<F, n>(function, arguments));
    };
    const detail::ValueAndGradLists lists = detail::value_and_grad_lists(call, {x...}, loc);
    return ValueAndGrad<Value, n>{detail::fields_of<Value>(lists.value),
                                  detail::fields_of<std::array<Tensor, n>>(lists.gradient)};
  };
}

/// The gradient alone: a Tensor for one argument, an array for several.
template <class F>
auto grad(F function, Loc loc = {}) {
  return [both = value_and_grad(std::move(function), loc)]<std::same_as<Tensor>... X>(const X&... x)
    requires(sizeof...(X) > 0 && std::invocable<const F&, X...>)
  {
    const auto gradient = both(x...).gradient;
    if constexpr (sizeof...(X) == 1)
      return gradient[0];
    else
      return gradient;
  };
}

/// The value of `function(x..)` and its derivative along the direction `tangents`, which are of the types of x, all
/// floats: `auto [y, dy] = jvp(f, {x, w}, {dx, dw})`. The function returns a float Tensor or an aggregate of such; other
/// tensors are captured. The Hessian of f times v is the tangent of jvp(grad(f), {x}, {v}). Throws Error naming `loc`.
template <class F, std::size_t n>
auto jvp(const F& function, const Tensor (&x)[n], const Tensor (&tangents)[n], Loc loc = {}) {
  using Value = decltype(detail::apply_to<F, n>(function, {}));
  const auto call = [&](const std::vector<Tensor>& arguments) {
    return detail::list_of(detail::apply_to<F, n>(function, arguments));
  };
  const detail::JvpLists lists = detail::jvp_lists(call, {x, x + n}, {tangents, tangents + n}, loc);
  return ValueAndTangent<Value>{detail::fields_of<Value>(lists.value),
                                detail::fields_of<Value>(lists.tangent)};
}

}  // namespace rondo
