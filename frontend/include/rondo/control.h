// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "rondo/fields.h"
#include "rondo/tensor.h"

// Control flow besides scan, and derivatives of the user's own. A "value" here is a Tensor, a std::array of
// tensors or an aggregate of such. Functions may use tensors from outside.
namespace rondo {

namespace detail {

using MakesTensors = std::function<NamedTensors()>;
std::vector<Tensor> cond_lists(const Tensor& predicate, const MakesTensors& then,
                               const MakesTensors& otherwise, Loc loc);

struct WhileRequest {
  NamedTensors initial;
  std::function<Tensor(const std::vector<Tensor>& state)> test;
  std::function<NamedTensors(const std::vector<Tensor>& state)> body;
};
std::vector<Tensor> while_lists(const WhileRequest& request, Loc loc);

struct CustomVjpRequest {
  std::vector<Tensor> arguments;
  std::function<NamedTensors(const std::vector<Tensor>& arguments)> forward;
  /// A cotangent that is no float's is empty.
  std::function<NamedTensors(const std::vector<Tensor>& arguments, const std::vector<Tensor>& value,
                             const std::vector<Tensor>& cotangent)>
      backward;
};
std::vector<Tensor> custom_vjp_lists(const CustomVjpRequest& request, Loc loc);

}  // namespace detail

/// What `then()` returns if the predicate, i1[], is true, else what `otherwise()` returns; the other is not
/// computed, and what it would record as an error is not recorded. Both return a value of one C++ type and of
/// the same tensor types. To choose element by element use where(). Throws Error naming what does not fit.
template <class Then, class Otherwise>
auto cond(const Tensor& predicate, const Then& then, const Otherwise& otherwise, Loc loc = {}) {
  using Value = std::invoke_result_t<const Then&>;
  static_assert(std::same_as<Value, std::invoke_result_t<const Otherwise&>>,
                "both functions that cond chooses from return the same type");
  return detail::fields_of<Value>(detail::cond_lists(
      predicate, [&] { return detail::list_of(then()); }, [&] { return detail::list_of(otherwise()); }, loc));
}

/// As long as `test(state)`, an i1[], is true: state = body(state), beginning with `initial`. Returns the state for
/// which the test is false. The state keeps its types; nothing but the test bounds the number of runs. It can be
/// differentiated forward (jvp), not in reverse: a loop whose gradient is wanted is a scan. Throws Error naming
/// the field that does not fit.
template <class State, class Test, class Body>
State while_loop(const State& initial, const Test& test, const Body& body, Loc loc = {}) {
  static_assert(std::same_as<State, std::invoke_result_t<const Body&, State>>,
                "the body of a while_loop returns its next state");
  using List = std::vector<Tensor>;
  return detail::fields_of<State>(detail::while_lists(
      {detail::list_of(initial), [&](const List& state) { return test(detail::fields_of<State>(state)); },
       [&](const List& state) { return detail::list_of(body(detail::fields_of<State>(state))); }},
      loc));
}

/// A function of tensors that computes `forward(x...)` and is differentiated in reverse as `backward` says:
///   backward(x..., value, cotangent)
/// gets the arguments, what forward returned, and the cotangent of that (a value like it; no tensor in fields that are
/// no floats), and returns a value with the cotangent of each float argument, in order: a Tensor if there is one.
/// Values that only the derivative needs are returned by forward as further fields. Neither may use float tensors
/// from outside: pass them as arguments, so that their gradients have an owner. It has no derivative forward.
/// Calls throw Error naming `loc`.
template <class Forward, class Backward>
auto custom_vjp(Forward forward, Backward backward, Loc loc = {}) {
  return [forward = std::move(forward), backward = std::move(backward),
          loc]<std::same_as<Tensor>... X>(const X&... x)
    requires(sizeof...(X) > 0 && std::invocable<const Forward&, X...>)
  {
    using Value = std::invoke_result_t<const Forward&, X...>;
    using List = std::vector<Tensor>;
    constexpr std::size_t n = sizeof...(X);
    const auto run_backward = [&](const List& arguments, const List& value, const List& cotangent) {
      return [&]<std::size_t... i>(std::index_sequence<i...>) {
        return detail::list_of(
            backward(arguments[i]..., detail::fields_of<Value>(value), detail::fields_of<Value>(cotangent)));
      }(std::make_index_sequence<n>());
    };
    return detail::fields_of<Value>(
        detail::custom_vjp_lists({{x...},
                                  [&](const List& arguments) {
                                    return detail::list_of(detail::apply_to<Forward, n>(forward, arguments));
                                  },
                                  run_backward},
                                 loc));
  };
}

}  // namespace rondo
