// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/backends/naive.h"

#include <limits>

#include "ir/error.h"
#include "ir/parse.h"

namespace rondo::naive {

std::vector<Index> indices_of(const Index& shape) {
  if (shape.empty()) return {{}};
  std::vector<Index> all;
  const Index rest(shape.begin() + 1, shape.end());
  for (int64_t i = 0; i < shape[0]; ++i)
    for (const Index& tail : indices_of(rest)) {
      all.push_back({i});
      all.back().insert(all.back().end(), tail.begin(), tail.end());
    }
  return all;
}

template <class T>
std::vector<T> special_values() {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, bool>)
    return {false, true};
  else if constexpr (std::is_floating_point_v<T>)
    return {0,
            T(-0.0),
            1,
            -1,
            T(0.5),
            T(-2.5),
            3,
            T(1e-3),
            -30,
            Limits::denorm_min(),
            -3 * Limits::denorm_min(),
            Limits::min(),
            Limits::max(),
            Limits::lowest(),
            Limits::infinity(),
            -Limits::infinity(),
            Limits::quiet_NaN()};
  else
    return {
        0, 1, T(-1), 2, 3, T(-7), 5, 31, 32, 33, 63, 64, Limits::max(), Limits::min(), T(Limits::min() + 1)};
}
template std::vector<float> special_values<float>();
template std::vector<double> special_values<double>();
template std::vector<int32_t> special_values<int32_t>();
template std::vector<int64_t> special_values<int64_t>();
template std::vector<bool> special_values<bool>();

template <class T>
Array draw(Random& random, const Index& shape) {
  Array array = Array::zeros(runtime::element_type_of<T>(), shape);
  const std::vector<T> special = special_values<T>();
  for (T& element : array.template data<T>()) {
    if (random() % 8 == 0)
      element = special[random() % special.size()];
    else if constexpr (std::is_floating_point_v<T>)
      element = static_cast<T>(std::normal_distribution<double>()(random));
    else
      element = static_cast<T>(random() % 17) - static_cast<T>(8);
  }
  return array;
}
template <>
Array draw<bool>(Random& random, const Index& shape) {
  Array array = Array::zeros(runtime::ElementType::i1, shape);
  for (bool& element : array.data<bool>()) element = random() % 2 == 0;
  return array;
}
template Array draw<float>(Random&, const Index&);
template Array draw<double>(Random&, const Index&);
template Array draw<int32_t>(Random&, const Index&);
template Array draw<int64_t>(Random&, const Index&);

Index draw_shape(Random& random, int64_t rank) {
  static const Index sizes = {1, 2, 3, 4, 5, 1, 2, 3, 4, 0};
  Index shape;
  for (int64_t i = 0; i < rank; ++i) shape.push_back(sizes[random() % sizes.size()]);
  return shape;
}

std::vector<Array> evaluate(const std::vector<Array>& arguments, const Body& body,
                            reference::Precision precision) {
  ir::Function function("f");
  Values params;
  for (const Array& x : arguments) {
    Type type;
    for (DType dtype : {f32, f64, bf16, i32, i64, i1})
      if (backends::element_type(dtype) == x.type()) type.dtype = dtype;
    type.dims.assign(x.shape().begin(), x.shape().end());
    params.push_back(function.add_param(type));
  }
  Builder b(function.body);
  function.body.results = body(b, params);
  return run(*reference::interpret(function, precision), arguments);
}

Array evaluate_one(const std::vector<Array>& arguments,
                   const std::function<Value*(Builder&, const Values&)>& body,
                   reference::Precision precision) {
  return evaluate(arguments, [&](Builder& b, const Values& x) { return Values{body(b, x)}; }, precision)[0];
}

std::unique_ptr<backends::Executable> interpret_text(const std::string& text,
                                                     reference::Precision precision) {
  return reference::interpret(*ir::parse(text, "test").functions[0], precision);
}

std::vector<Array> run(const backends::Executable& executable, const std::vector<Array>& arguments) {
  std::vector<Array*> pointers;
  for (const Array& x : arguments) pointers.push_back(const_cast<Array*>(&x));
  return executable.run(pointers);
}

std::string error_of(const backends::Executable& executable, const std::vector<Array>& arguments) {
  try {
    run(executable, arguments);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace rondo::naive
