// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rondo/tensor.h"

namespace rondo {

/// The mean of -log softmax(logits)[label] over all rows: logits [.., classes], labels [..] i32 or i64. A
/// label outside 0 .. classes-1 is an error of the run.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, Loc loc = {});

/// The mean of (prediction - target)^2 over all elements.
Tensor mse(const Tensor& prediction, const Tensor& target, Loc loc = {});

}  // namespace rondo
