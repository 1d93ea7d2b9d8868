// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/initial_value.h"

#include <algorithm>

#include "backends/signature.h"
#include "rondo/param.h"

namespace rondo::detail {

Array initial_value(const std::string& name, const Variable& variable, const std::vector<int64_t>& shape,
                    uint64_t seed) {
  Array array = Array::uninitialised(backends::element_type(variable.type.dtype), shape);
  if (name == kSeed) {
    array.data<int64_t>()[0] = static_cast<int64_t>(seed);
    return array;
  }
  std::vector<double> values(array.size());
  variable.initializer(name, seed, shape, values);
  const auto fill = [&]<class T>(std::span<T> elements) {
    std::transform(values.begin(), values.end(), elements.begin(),
                   [](double x) { return static_cast<T>(x); });
  };
  const auto fill_rounded = [&](std::span<runtime::Bfloat16> elements) {
    std::transform(values.begin(), values.end(), elements.begin(),
                   [](double x) { return runtime::Bfloat16::nearest(static_cast<float>(x)); });
  };
  switch (variable.type.dtype.id()) {
    case DType::kF32:
      fill(array.data<float>());
      break;
    case DType::kF64:
      fill(array.data<double>());
      break;
    case DType::kBf16:
      fill_rounded(array.data<runtime::Bfloat16>());
      break;
    case DType::kI32:
      fill(array.data<int32_t>());
      break;
    case DType::kI64:
      fill(array.data<int64_t>());
      break;
    case DType::kI1:
      fill(array.data<bool>());
      break;
  }
  return array;
}

}  // namespace rondo::detail
