// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rondo/tensor.h"

namespace rondo::detail {

/// What a tensor hides: its value and the level of tracing that owns it.
struct Access {
  static Tensor tensor(ir::Value* value, uint64_t level) {
    Tensor tensor;
    tensor.value_ = value;
    tensor.level_ = level;
    return tensor;
  }
  static ir::Value* value(const Tensor& tensor) { return tensor.value_; }
  static uint64_t level(const Tensor& tensor) { return tensor.level_; }
};

}  // namespace rondo::detail
