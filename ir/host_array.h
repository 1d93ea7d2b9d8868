// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/type.h"

namespace rondo::ir {

/// A small array on the host that ops are evaluated on: row-major and dense. i1 elements are bytes 0 or 1.
struct HostArray {
  DType dtype = f32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  HostArray() = default;
  /// All zero. Sizes were checked where the shape was computed (see Dim::evaluate).
  HostArray(DType dtype, std::vector<int64_t> shape);

  int64_t size() const;
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(bytes.data());
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
};

/// An error that a run recorded: of all, the one of the least op (in program order) and there the least
/// position.
struct ErrorRecord {
  bool set = false;
  int64_t op = 0;
  int64_t position = 0;

  void record(int64_t at_op, int64_t at_position) {
    if (set && (op < at_op || (op == at_op && position <= at_position))) return;
    *this = {true, at_op, at_position};
  }
};

/// Steps an index vector in row-major order; returns false after the last. For a shape with a dim of 0 do not
/// begin.
bool next_index(std::vector<int64_t>& index, const std::vector<int64_t>& shape);
/// Row-major strides, in elements.
std::vector<int64_t> strides_of(const std::vector<int64_t>& shape);
int64_t size_of(const std::vector<int64_t>& shape);

}  // namespace rondo::ir
