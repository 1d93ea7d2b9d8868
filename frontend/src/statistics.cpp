// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <limits>

#include "frontend/src/broadcast.h"
#include "frontend/src/options.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"
#include "rondo/scan.h"

// Functions that look at many elements at once: means, softmaxes, sums along a dim.
namespace rondo {

namespace {

// x with dims of 1 where a reduction over `dims` of `whole` took them away.
Tensor with_kept_dims(const Tensor& x, const Type& whole, const std::vector<int64_t>& dims) {
  std::vector<Dim> kept = whole.dims;
  for (const int64_t dim : dims) kept[dim] = 1;
  return reshape(x, kept);
}

Dim count_of(const Type& type, const std::vector<int64_t>& dims) {
  Dim count = 1;
  for (const int64_t dim : dims) count = count * type.dims[dim];
  return count;
}

// x / max(count - correction, 0), the count being a size.
Tensor divided(const Tensor& x, Dim count, int64_t correction) {
  if (count.is_constant())
    return x / static_cast<double>(std::max<int64_t>(count.constant() - correction, 0));
  Tensor number = dim(count);
  if (correction != 0) number = max(number - correction, 0);
  return x / cast(number, x.dtype());
}

}  // namespace

Tensor mean(const Tensor& x, const std::vector<int64_t>& dims, Loc loc) {
  CalledFrom here(loc);
  const Type& type = x.type(loc);
  detail::check_floats(type, "mean", loc);
  const auto over = detail::reduced_dims(type, dims, "mean", loc);
  return divided(sum(x, dims), count_of(type, over), 0);
}

Tensor variance(const Tensor& x, const std::vector<int64_t>& dims, int64_t correction, Loc loc) {
  CalledFrom here(loc);
  const Type& type = x.type(loc);
  detail::check_floats(type, "variance", loc);
  if (correction < 0)
    detail::fail(loc, "variance: correction must be 0 or more, found " + std::to_string(correction));
  const auto over = detail::reduced_dims(type, dims, "variance", loc);
  const Tensor deviation = x - with_kept_dims(mean(x, over), type, over);
  return divided(sum(deviation * deviation, over), count_of(type, over), correction);
}

Tensor layer_norm(const Tensor& x, const std::vector<int64_t>& dims, double epsilon, Loc loc) {
  CalledFrom here(loc);
  const Type& type = x.type(loc);
  detail::check_floats(type, "layer_norm", loc);
  detail::check_not_negative("layer_norm", "epsilon", epsilon, loc);
  const auto over = detail::reduced_dims(type, dims, "layer_norm", loc);
  const Tensor deviation = x - with_kept_dims(mean(x, over), type, over);
  const Tensor spread = mean(deviation * deviation, over);
  return deviation * with_kept_dims(rsqrt(spread + epsilon), type, over);
}

Tensor cumsum(const Tensor& x, int64_t dim, Loc loc) {
  CalledFrom here(loc);
  const Type& type = x.type(loc);
  dim = detail::checked_dim(dim, type, "cumsum", loc);
  // The order that brings `dim` to the front, and the one that brings it back.
  std::vector<int64_t> front = {dim}, back;
  for (int64_t i = 0; i < type.rank(); ++i)
    if (i != dim) front.push_back(i);
  for (int64_t i = 0; i < type.rank(); ++i) back.push_back(i < dim ? i + 1 : i == dim ? 0 : i);

  Type slice = type;
  slice.dims.erase(slice.dims.begin() + dim);
  const auto add = [](Tensor x, Tensor sum) { return sum + x; };
  return transpose(scan(add, transpose(x, front), {.initial = zeros(slice)}).all, back);
}

namespace {

// exp(x - greatest) can't overflow, and its sum is at least 1. Where all of a row is -inf, as a mask leaves
// it, there is no greatest: the row stays as it is, its exps are 0, and their sum counts as 1.
struct Exponentials {
  Tensor shift, shifted, weights, total, is_empty;  // all but x's own with dims of 1 where they are reduced
};

Exponentials exponentials(const Tensor& x, const std::vector<int64_t>& dims) {
  const Type& type = x.type();
  const Tensor greatest = stop_gradient(max(x, dims));
  const Tensor shift = with_kept_dims(where(isfinite(greatest), greatest, 0), type, dims);
  const Tensor shifted = x - shift, weights = exp(shifted);
  const Tensor total = with_kept_dims(sum(weights, dims), type, dims), is_empty = eq(total, 0);
  return {shift, shifted, weights, where(is_empty, 1, total), is_empty};
}

Exponentials exponentials(const Tensor& x, int64_t dim, const char* op, Loc loc) {
  detail::check_floats(x.type(loc), op, loc);
  return exponentials(x, {detail::checked_dim(dim, x.type(loc), op, loc)});
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim, Loc loc) {
  CalledFrom here(loc);
  const Exponentials e = exponentials(x, dim, "softmax", loc);
  return e.weights / e.total;
}

Tensor log_softmax(const Tensor& x, int64_t dim, Loc loc) {
  CalledFrom here(loc);
  const Exponentials e = exponentials(x, dim, "log_softmax", loc);
  return e.shifted - log(e.total);
}

Tensor masked_softmax(const Tensor& x, const Tensor& mask, int64_t dim, Loc loc) {
  CalledFrom here(loc);
  if (mask.dtype(loc) != i1)
    detail::fail(loc, "masked_softmax: the mask must be i1, found " + mask.type().text() +
                          "; compare it, as in x > 0");
  detail::Trace& trace = detail::Trace::current(loc);
  ir::Builder b = trace.builder(loc);
  const Tensor whole =
      trace.tensor(detail::broadcast_value(b, trace.value(mask, loc), x.dims(loc), "masked_softmax", loc));
  const Exponentials e = exponentials(where(whole, x, -kInfinity), dim, "masked_softmax", loc);
  return e.weights / e.total;
}

Tensor logsumexp(const Tensor& x, const std::vector<int64_t>& dims, Loc loc) {
  CalledFrom here(loc);
  const Type& type = x.type(loc);
  detail::check_floats(type, "logsumexp", loc);
  const auto over = detail::reduced_dims(type, dims, "logsumexp", loc);
  const Exponentials e = exponentials(x, over);
  const Tensor result = where(e.is_empty, -kInfinity, log(e.total) + e.shift);
  std::vector<Dim> left;
  for (int64_t i = 0; i < type.rank(); ++i)
    if (std::find(over.begin(), over.end(), i) == over.end()) left.push_back(type.dims[i]);
  return reshape(result, left);
}

}  // namespace rondo
