// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/host_array.h"

#include <utility>

namespace rondo::ir {

HostArray::HostArray(DType dtype, std::vector<int64_t> shape)
    : dtype(dtype),
      shape(std::move(shape)),
      bytes(static_cast<size_t>(size_of(this->shape) * dtype.bytes())) {}

int64_t HostArray::size() const { return size_of(shape); }

bool next_index(std::vector<int64_t>& index, const std::vector<int64_t>& shape) {
  for (size_t i = shape.size(); i-- > 0;) {
    if (++index[i] < shape[i]) return true;
    index[i] = 0;
  }
  return false;
}

std::vector<int64_t> strides_of(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

int64_t size_of(const std::vector<int64_t>& shape) {
  int64_t size = 1;
  for (int64_t dim : shape) size *= dim;
  return size;
}

}  // namespace rondo::ir
