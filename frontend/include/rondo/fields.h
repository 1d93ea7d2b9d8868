// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "rondo/tensor.h"

// Reflection over what a cell's state, a scan's input and a function's results may be: a Tensor, a std::array
// of such, or an aggregate of such. C++20 has no reflection; it can count the fields of an aggregate by what
// initialises it, bind them by structured bindings, and name them through the text of a pointer to a member
// of a constant object.
namespace rondo::detail {

/// Converts to the type of any field.
struct AnyField {
  template <class T>
  constexpr operator T() const noexcept;
};

template <class T, std::size_t... i>
constexpr bool takes_fields(std::index_sequence<i...>) {
  return requires { T{(static_cast<void>(i), AnyField{})...}; };
}

/// The number of fields of the aggregate T.
template <class T, std::size_t n = 0>
constexpr std::size_t field_count() {
  if constexpr (takes_fields<T>(std::make_index_sequence<n + 1>()))
    return field_count<T, n + 1>();
  else
    return n;
}

inline constexpr std::size_t kMaxFields = 12;

/// References to the fields of an aggregate, in order.
template <class T>
constexpr auto tie_fields(T& x) {
  constexpr std::size_t n = field_count<std::remove_const_t<T>>();
  static_assert(n > 0 && n <= kMaxFields,
                "an aggregate of tensors has 1 to 12 fields: group them in aggregates");
#define RONDO_TIE(count, ...)     \
  if constexpr (n == count) {     \
    auto& [__VA_ARGS__] = x;      \
    return std::tie(__VA_ARGS__); \
  }
  RONDO_TIE(1, a)
  RONDO_TIE(2, a, b)
  RONDO_TIE(3, a, b, c)
  RONDO_TIE(4, a, b, c, d)
  RONDO_TIE(5, a, b, c, d, e)
  RONDO_TIE(6, a, b, c, d, e, f)
  RONDO_TIE(7, a, b, c, d, e, f, g)
  RONDO_TIE(8, a, b, c, d, e, f, g, h)
  RONDO_TIE(9, a, b, c, d, e, f, g, h, i)
  RONDO_TIE(10, a, b, c, d, e, f, g, h, i, j)
  RONDO_TIE(11, a, b, c, d, e, f, g, h, i, j, k)
  RONDO_TIE(12, a, b, c, d, e, f, g, h, i, j, k, l)
#undef RONDO_TIE
}

template <class T>
inline constexpr T example{};

/// The last identifier in the text of `field`, a pointer to a field: `&example<S>.S::h` and `&example.h` give
/// `h`.
template <auto* field>
constexpr std::string_view field_name() {
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t value = text.find("field = ");
  const std::size_t end = text.find_first_of(";]", value);
  std::string_view name = text.substr(value, end - value);
  while (name.back() == ')') name.remove_suffix(1);
  return name.substr(name.find_last_of(".:") + 1);
}

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t n>
inline constexpr bool is_std_array<std::array<T, n>> = true;

/// Calls visit(name, tensor) for each tensor of `x`, in order of declaration; names are as one writes them:
/// `h`, `layers[0].c`; empty for a lone Tensor.
template <class T, class Visit>
void for_each_tensor(T& x, Visit&& visit, const std::string& name = {}) {
  using Plain = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Plain, Tensor>) {
    visit(name, x);
  } else if constexpr (is_std_array<Plain>) {
    for (std::size_t i = 0; i < x.size(); ++i)
      for_each_tensor(x[i], visit, name + "[" + std::to_string(i) + "]");
  } else {
    static_assert(std::is_aggregate_v<Plain>, "expected a Tensor, a std::array or an aggregate of them");
    const auto fields = tie_fields(x);
    constexpr auto examples = tie_fields(example<Plain>);
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      (for_each_tensor(std::get<i>(fields), visit,
                       (name.empty() ? "" : name + ".") + std::string(field_name<&std::get<i>(examples)>())),
       ...);
    }(std::make_index_sequence<std::tuple_size_v<decltype(fields)>>());
  }
}

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// The tensors of an aggregate as a list, and back.
template <class T>
NamedTensors list_of(const T& fields) {
  NamedTensors list;
  for_each_tensor(fields,
                  [&](const std::string& name, const Tensor& tensor) { list.emplace_back(name, tensor); });
  return list;
}
template <class T>
T fields_of(const std::vector<Tensor>& list) {
  T fields;
  std::size_t i = 0;
  for_each_tensor(fields, [&](const std::string&, Tensor& tensor) { tensor = list.at(i++); });
  return fields;
}

/// Calls a function of n tensors.
template <class F, std::size_t n>
auto apply_to(const F& function, const std::vector<Tensor>& arguments) {
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    return function(arguments[i]...);
  }(std::make_index_sequence<n>());
}

/// How many tensors a T holds: it holds nothing else.
template <class T>
inline constexpr std::size_t tensor_count = sizeof(T) / sizeof(Tensor);

}  // namespace rondo::detail
