// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/counters.h"
#include "rondo/array.h"
#include "rondo/fields.h"
#include "rondo/optimizers.h"
#include "rondo/tensor.h"
#include "rondo/weights.h"

namespace rondo {

namespace detail {
constexpr int64_t bytes_of(unsigned long long count, int shift) {
  if (count > (~0ULL >> 1 >> shift))
    throw Error(std::to_string(count) + " << " + std::to_string(shift) + " bytes are too many");
  return static_cast<int64_t>(count << shift);
}
}  // namespace detail

/// Bytes: `64_MiB`. Throws Error if that leaves 63 bits.
inline namespace literals {
constexpr int64_t operator""_KiB(unsigned long long count) { return detail::bytes_of(count, 10); }
constexpr int64_t operator""_MiB(unsigned long long count) { return detail::bytes_of(count, 20); }
constexpr int64_t operator""_GiB(unsigned long long count) { return detail::bytes_of(count, 30); }
}  // namespace literals

struct Options {
  std::string backend = "llvm";  // or "reference": the interpreter that judges the others
  std::string dots = "llvm";     // what computes dots; "onednn": oneDNN those of f32, with bits of its own
  int threads = 0;  // at once, at most 64; 0: RONDO_THREADS, or one for each CPU. The bits are the same
  int64_t memory =
      0;  // bytes that a call may take, arguments not counted, as in 64_MiB; 0: what there is. Less takes longer
  std::string precision = "f32";  // what dots of f32 round their operands to: "f32", nothing, or "bf16"
  std::string dump =
      {};  // a folder: each stage of the IR is written there, in place of what an earlier process did
  std::vector<std::string> without =
      {};  // passes that are left out, to see what they are worth; not plan-memory
};

/// How often and for how long a compiled function did its costly things, as numbers, text() and json();
/// compile_ms is all that it took from the traced function to code.
using backends::Counters;

namespace detail {
/// The name of a field and the place where it was asked for.
struct FieldAt {
  FieldAt(const char* name, Loc loc = {}) : name(name), loc(loc) {}
  FieldAt(const std::string& name, Loc loc = {}) : name(name), loc(loc) {}
  std::string name;
  Loc loc;
};
}  // namespace detail

/// The results of a function that returns an aggregate of tensors, in the order of its fields. They may be
/// taken apart, `auto [loss, correct] = step(..)`, or asked for by name, `results["correct"]`.
template <size_t n>
class Results {
 public:
  Results(std::array<Array, n> arrays, std::shared_ptr<const std::vector<std::string>> names)
      : arrays_(std::move(arrays)), names_(std::move(names)) {}

  template <size_t i>
  const Array& get() const {
    return std::get<i>(arrays_);
  }
  /// By field: `h`, `layers[0].c`. Throws Error if there is no such field.
  const Array& operator[](detail::FieldAt field) const {
    std::string names;
    for (size_t i = 0; i < n; ++i) {
      if ((*names_)[i] == field.name) return arrays_[i];
      names += (i > 0 ? ", " : "") + (*names_)[i];
    }
    throw Error(field.loc.text() + ": the results have no field '" + field.name + "'; they have: " + names);
  }

 private:
  std::array<Array, n> arrays_;
  std::shared_ptr<const std::vector<std::string>> names_;
};

namespace detail {

/// What is to be compiled: `function` is the user's, its results as a list.
struct Request {
  std::function<NamedTensors(const std::vector<Tensor>& arguments)> function;
  std::vector<Type> types;
  Optimizer optimizer;  // of a training step; else empty
  Options options;
  Loc loc;
};

/// A compiled function and all that is known of it.
class Program {
 public:
  explicit Program(Request request);
  ~Program();

  Weights init(uint64_t seed, Loc loc) const;
  /// `changing` is `&weights` if the call may change them, else nullptr.
  std::vector<Array> run(const Weights& weights, Weights* changing,
                         const std::vector<const Array*>& arguments, Loc loc) const;
  const std::shared_ptr<const std::vector<std::string>>& result_names() const;
  std::string traced() const;
  std::string optimised() const;
  Counters counters() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// How many tensors F takes.
template <class F, size_t... i>
constexpr bool takes_tensors(std::index_sequence<i...>) {
  return std::invocable<const F&, decltype(static_cast<void>(i), Tensor())...>;
}
template <class F, size_t n = 0>
constexpr size_t tensor_count_of() {
  constexpr bool takes = takes_tensors<F>(std::make_index_sequence<n>());
  if constexpr (!takes && n < 16) {
    return tensor_count_of<F, n + 1>();
  } else {
    static_assert(takes, "the function must take Tensors, at most 16, and be callable when const");
    return n;
  }
}

/// `function` as one that takes and returns lists. Throws Error if it takes another number of tensors than of
/// types.
template <class F, size_t n>
Request request(F function, std::vector<Type> types, Options options, Loc loc) {
  if (types.size() != n)
    throw Error(loc.text() + ": the function takes " + std::to_string(n) + ", but types are given for " +
                std::to_string(types.size()));
  const auto call = [function = std::move(function)](const std::vector<Tensor>& arguments) {
    return list_of(apply_to<F, n>(function, arguments));
  };
  return {call, std::move(types), {}, std::move(options), loc};
}

/// The weights of a call and its place.
struct WeightsAt {
  WeightsAt(Weights& weights, Loc loc = {}) : changing(&weights), weights(&weights), loc(loc) {}
  WeightsAt(const Weights& weights, Loc loc = {}) : changing(nullptr), weights(&weights), loc(loc) {}
  Weights* changing;  // nullptr if the call may not change them
  const Weights* weights;
  Loc loc;
};

/// The first argument of a call without weights, and the place of the call.
struct ArrayAt {
  ArrayAt(const Array& array, Loc loc = {}) : array(&array), loc(loc) {}
  const Array* array;
  Loc loc;
};

/// Results as the caller sees them.
template <class T>
struct As;
template <>
struct As<Array> {
  static Array make(std::vector<Array> arrays, const Program&) { return std::move(arrays[0]); }
};
template <>
struct As<double> {
  static double make(std::vector<Array> arrays, const Program&) {
    switch (arrays[0].type()) {
      case runtime::ElementType::f64:
        return arrays[0].item<double>();
      case runtime::ElementType::bf16:
        return arrays[0].item<Bfloat16>().value();
      default:
        return arrays[0].item<float>();
    }
  }
};
template <size_t n>
struct As<Results<n>> {
  static Results<n> make(std::vector<Array> arrays, const Program& program) {
    std::array<Array, n> results;
    for (size_t i = 0; i < n; ++i) results[i] = std::move(arrays[i]);
    return {std::move(results), program.result_names()};
  }
};

/// What a function that returns T gives when it is compiled: `Lone` for a lone Tensor.
template <class T, class Lone>
using ResultOf = std::conditional_t<std::same_as<T, Tensor>, Lone, Results<tensor_count<T>>>;

}  // namespace detail

/// A function that compile() or train_step() made: immutable, callable from several threads at once with
/// weights of their own. `n` is its number of arguments.
template <class Result, size_t n>
class Compiled {
 public:
  explicit Compiled(detail::Request request)
      : program_(std::make_shared<detail::Program>(std::move(request))) {}

  /// New weights. The same seed gives the same values on every machine.
  Weights init(uint64_t seed, Loc loc = {}) const { return program_->init(seed, loc); }

  /// Runs on weights and one array an argument. New values of weights replace the old when all went well; the
  /// call throws Error, and then has changed nothing, if arguments do not fit the types, if weights are
  /// missing or do not fit, or if an op recorded an error (an index out of range, a check).
  template <std::same_as<Array>... A>
    requires(sizeof...(A) == n)
  Result operator()(detail::WeightsAt weights, const A&... arguments) const {
    const std::vector<const Array*> list = {&arguments...};
    return detail::As<Result>::make(program_->run(*weights.weights, weights.changing, list, weights.loc),
                                    *program_);
  }
  /// Without weights, for a function that has none.
  template <std::same_as<Array>... A>
    requires(sizeof...(A) + 1 == n)
  Result operator()(detail::ArrayAt first, const A&... rest) const {
    static const Weights none;
    return detail::As<Result>::make(program_->run(none, nullptr, {first.array, &rest...}, first.loc),
                                    *program_);
  }

  /// The function as it was traced, and as it goes to the backend.
  std::string ir() const { return program_->traced(); }
  std::string optimised_ir() const { return program_->optimised(); }
  Counters counters() const { return program_->counters(); }

 private:
  std::shared_ptr<const detail::Program> program_;
};

/// Compiles a function of tensors of the given types, once for all sizes. `function` returns a Tensor, then a
/// call returns an Array, or an aggregate of tensors, then it returns Results. Throws Error with the line of
/// what is wrong in the function.
template <class F>
auto compile(F function, std::vector<Type> types, Options options = {}, Loc loc = {}) {
  constexpr size_t n = detail::tensor_count_of<F>();
  using Returned = decltype(detail::apply_to<F, n>(function, {}));
  return Compiled<detail::ResultOf<Returned, Array>, n>(
      detail::request<F, n>(std::move(function), std::move(types), std::move(options), loc));
}

/// Compiles a training step: forward, backward and update in one function, which changes the weights it is
/// called with. `loss` returns the loss, a float scalar, or an aggregate whose first field is the loss; a
/// call returns a double, or Results.
template <class F>
auto train_step(F loss, std::vector<Type> types, Optimizer optimizer, Options options = {}, Loc loc = {}) {
  constexpr size_t n = detail::tensor_count_of<F>();
  using Returned = decltype(detail::apply_to<F, n>(loss, {}));
  detail::Request request = detail::request<F, n>(std::move(loss), std::move(types), std::move(options), loc);
  request.optimizer = std::move(optimizer);
  return Compiled<detail::ResultOf<Returned, double>, n>(std::move(request));
}

}  // namespace rondo

template <size_t n>
struct std::tuple_size<rondo::Results<n>> : std::integral_constant<size_t, n> {};
template <size_t i, size_t n>
struct std::tuple_element<i, rondo::Results<n>> {
  using type = const rondo::Array;
};
