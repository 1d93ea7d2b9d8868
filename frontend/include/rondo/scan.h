// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "rondo/fields.h"
#include "rondo/tensor.h"

namespace rondo {

/// What a cell returns that gives more than its next state.
template <class State, class Out>
struct Step {
  State state;
  Out out;
};

template <class State>
struct ScanOptions {
  /// i32 or i64 [rows]: how many time steps each row has, 0 to all. Beyond them the inputs count as 0, the
  /// state stands still, and `all` and `out` are 0. Another length is an error of the run. A batch that has its
  /// longest rows first is faster: rows are run up to the last one that has not ended.
  Tensor length = {};
  /// The state before the first time step, instead of cell.initial(rows).
  std::optional<State> initial = {};
  /// From the last time position to the first; with lengths a row begins at its own last.
  bool reverse = false;
  /// So many time steps become one in compiled code, here and in the gradient; what they give has the same bits. It
  /// seldom pays: a step costs little besides what it computes. No loop is unrolled of which a step may record an error,
  /// or that leaves out rows which have ended.
  int64_t unroll = 1;
};

/// The state after the last time step, and the states after each, stacked along a first dim [time, ..].
template <class State>
struct Run {
  State last, all;
};
template <class State, class Out>
struct RunWithOut {
  State last, all;
  Out out;
};

namespace detail {

template <class Call>
struct SecondArgument;
template <class Cell, class Result, class X, class State, class... Rest>
struct SecondArgument<Result (Cell::*)(X, State, Rest...) const> {
  using type = std::remove_cvref_t<State>;
};

/// The type of a cell's state: Cell::State, or what a lambda takes second.
template <class Cell>
struct StateOf : SecondArgument<decltype(&Cell::operator())> {};
template <class Cell>
  requires requires { typename Cell::State; }
struct StateOf<Cell> {
  using type = typename Cell::State;
};

template <class T>
inline constexpr bool is_step = false;
template <class State, class Out>
inline constexpr bool is_step<Step<State, Out>> = true;

/// True if a cell may return `Result`: its state, or a Step with it.
template <class Result, class State>
inline constexpr bool gives_state = std::is_same_v<Result, State>;
template <class Out, class State>
inline constexpr bool gives_state<Step<State, Out>, State> = true;

/// A scan whose aggregates are lists.
struct ScanRequest {
  NamedTensors over, initial;
  Tensor length;
  bool reverse;
  int64_t unroll;
  /// The next state, then what else is stacked.
  std::function<std::vector<NamedTensors>(const std::vector<Tensor>& over, const std::vector<Tensor>& state,
                                          const Tensor& time)>
      cell;
};
struct ScanTensors {
  std::vector<Tensor> last, all, out;
};
ScanTensors scan_lists(const ScanRequest& request, Loc loc);

/// The dim that cell.initial takes: the second of the first input.
Dim rows_of(const NamedTensors& over, Loc loc);
[[noreturn]] void fail_without_initial(Loc loc);

template <class Cell, class State>
State initial_state(const Cell& cell, const ScanOptions<State>& options, const NamedTensors& over, Loc loc) {
  if (options.initial) return *options.initial;
  if constexpr (requires { cell.initial(Dim()); })
    return cell.initial(rows_of(over, loc));
  else
    fail_without_initial(loc);
}

/// One time step: with the time position if the cell takes it.
template <class Cell, class X, class State>
auto call_cell(const Cell& cell, const X& x, const State& state, const Tensor& time) {
  if constexpr (std::is_invocable_v<const Cell&, X, State, Tensor>)
    return cell(x, state, time);
  else
    return cell(x, state);
}

}  // namespace detail

/// Carries a cell over time. `x` is a tensor [time, rows, ..] or an aggregate of such, and each time step
/// calls
///   cell(x at the step, state) or cell(x at the step, state, t), t being the time position, i32[],
/// which returns the next state, or Step{next state, out}. The state is a Tensor, a std::array of tensors or
/// any aggregate of such, and keeps its types from step to step. Tensors from outside may be used in the
/// cell. Returns a Run, and with outs a RunWithOut. With no time step, `last` is the initial state. Throws
/// Error, naming the field of the state that does not fit.
template <class Cell, class X>
auto scan(const Cell& cell, const X& x, ScanOptions<typename detail::StateOf<Cell>::type> options = {},
          Loc loc = {}) {
  using State = typename detail::StateOf<Cell>::type;
  using Result = decltype(detail::call_cell(cell, x, std::declval<State>(), Tensor()));
  static_assert(detail::gives_state<Result, State>,
                "a cell returns its next state, or Step{next state, out}");
  const detail::NamedTensors over = detail::list_of(x);
  const auto call = [&](const std::vector<Tensor>& xs, const std::vector<Tensor>& state, const Tensor& time) {
    const Result result =
        detail::call_cell(cell, detail::fields_of<X>(xs), detail::fields_of<State>(state), time);
    if constexpr (detail::is_step<Result>)
      return std::vector{detail::list_of(result.state), detail::list_of(result.out)};
    else
      return std::vector{detail::list_of(result), {}};
  };
  const detail::ScanTensors run =
      detail::scan_lists({over, detail::list_of(detail::initial_state(cell, options, over, loc)),
                          options.length, options.reverse, options.unroll, call},
                         loc);
  const State last = detail::fields_of<State>(run.last), all = detail::fields_of<State>(run.all);
  if constexpr (detail::is_step<Result>)
    return RunWithOut<State, decltype(Result::out)>{last, all,
                                                    detail::fields_of<decltype(Result::out)>(run.out)};
  else
    return Run<State>{last, all};
}

}  // namespace rondo
