// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/losses.h"

#include "frontend/src/trace.h"
#include "rondo/functions.h"

namespace rondo {

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, Loc loc) {
  CalledFrom here(loc);
  const Type& scores = logits.type(loc);
  const Type& classes = labels.type(loc);
  const bool fits = scores.rank() >= 1 && classes.dtype.is_int() &&
                    std::vector<Dim>(scores.dims.begin(), scores.dims.end() - 1) == classes.dims;
  if (!fits)
    detail::fail(
        loc, "cross_entropy: labels are integers with the dims of the logits but the last, found logits " +
                 scores.text() + " and labels " + classes.text());
  return -mean(gather(log_softmax(logits), labels, -1, classes.rank()));
}

Tensor mse(const Tensor& prediction, const Tensor& target, Loc loc) {
  CalledFrom here(loc);
  if (prediction.type(loc) != target.type(loc))
    detail::fail(loc, "mse: the prediction is " + prediction.type().text() + ", the target " +
                          target.type().text() + ": bring them to one type, by reshape or cast");
  const Tensor difference = prediction - target;
  return mean(difference * difference);
}

}  // namespace rondo
