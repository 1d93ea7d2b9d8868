// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "rondo/tensor.h"

// The mathematics besides the element-wise functions of tensor.h. A dim given by number may be negative: it
// counts from the last. Every function throws Error naming `loc` if types do not fit.
namespace rondo {

/// A type, or just its dims: the elements are then f32.
struct TypeOrDims : Type {
  TypeOrDims(Type type) : Type(std::move(type)) {}
  TypeOrDims(std::vector<Dim> dims) : Type{f32, std::move(dims)} {}
  TypeOrDims(std::initializer_list<Dim> dims) : Type{f32, dims} {}
};

Tensor full(TypeOrDims type, double value, Loc loc = {});
Tensor zeros(TypeOrDims type, Loc loc = {});
/// Each element is its index along `dim`; the element type is i32 or i64.
Tensor iota(const Type& type, int64_t dim, Loc loc = {});
/// A size as a number, i64[].
Tensor dim(Dim size, Loc loc = {});

/// A size divided by a number, rounded down, as in floordiv(T, 2): what is left of T steps if two become one. As a size it is
/// known when the function is called, and so is that `divisor * floordiv(size, divisor)` is at most `size`. Throws Error if
/// the divisor is below 1, and in a call where the size is negative.
Dim floordiv(Dim size, int64_t divisor, Loc loc = {});

/// Promises that two sizes are equal whenever the function is called; a call that breaks the promise throws
/// Error.
void require_equal(Dim a, Dim b, Loc loc = {});

/// x [.., K] and y [K, ..] to [.., ..]: sums of products over the last dim of x and the first of y.
Tensor dot(const Tensor& x, const Tensor& y, Loc loc = {});
/// Which dims of x and y are summed over, and which run along both; the result's dims are batch, free of x,
/// free of y.
struct DotDims {
  std::vector<int64_t> contract_x, contract_y;
  std::vector<int64_t> batch_x = {}, batch_y = {};
};
Tensor dot(const Tensor& x, const Tensor& y, const DotDims& dims, Loc loc = {});

/// The same elements in row-major order under other dims, with as many elements.
Tensor reshape(const Tensor& x, const std::vector<Dim>& dims, Loc loc = {});
/// A new dim of 1 before dim `at` (or, at -1, after the last).
Tensor expand_dims(const Tensor& x, int64_t at, Loc loc = {});
/// Dim i of the result is dim order[i] of x.
Tensor transpose(const Tensor& x, const std::vector<int64_t>& order, Loc loc = {});
Tensor broadcast_to(const Tensor& x, const std::vector<Dim>& dims, Loc loc = {});
/// Elements first (in) to end (out) of one dim. A limit that can't be proved to lie within the dim is checked
/// when the sizes are known.
Tensor slice(const Tensor& x, int64_t dim, Dim first, Dim end, Loc loc = {});
/// `before` elements of `value` before x and `after` after it, in one dim; both must be known to be 0 or more.
Tensor pad(const Tensor& x, int64_t dim, Dim before, Dim after, double value = 0, Loc loc = {});
/// One or more tensors one after another; only `dim` may differ.
Tensor concat(const std::vector<Tensor>& parts, int64_t dim, Loc loc = {});
/// Tensors of one type, at least one, side by side along a new dim: dim `at` of the result (-1: its last).
Tensor stack(const std::vector<Tensor>& parts, int64_t at = 0, Loc loc = {});
/// Parts of the given sizes, which must add up to the dim.
std::vector<Tensor> split(const Tensor& x, const std::vector<Dim>& sizes, int64_t dim = -1, Loc loc = {});

namespace detail {
std::vector<Tensor> split_evenly(const Tensor& x, int64_t parts, int64_t dim, Loc loc);
}

/// n equal parts.
template <size_t n>
std::array<Tensor, n> split(const Tensor& x, int64_t dim = -1, Loc loc = {}) {
  static_assert(n > 0, "split<n>: at least one part");
  const std::vector<Tensor> parts = detail::split_evenly(x, n, dim, loc);
  std::array<Tensor, n> result;
  for (size_t i = 0; i < n; ++i) result[i] = parts[i];
  return result;
}

/// Reductions over `dims`, which go; over all dims if none is named. They take numbers, mean and variance
/// floats. A mean over nothing is NaN.
Tensor sum(const Tensor& x, const std::vector<int64_t>& dims = {}, Loc loc = {});
Tensor mean(const Tensor& x, const std::vector<int64_t>& dims = {}, Loc loc = {});
/// The mean square of what deviates from the mean. The sum of squares over n elements is divided by
/// max(n - correction, 0): 0 gives the variance of these numbers (NumPy, JAX), 1 an estimate of that of what
/// they were drawn from (torch.var), which is NaN of one.
Tensor variance(const Tensor& x, const std::vector<int64_t>& dims = {}, int64_t correction = 0, Loc loc = {});
Tensor max(const Tensor& x, const std::vector<int64_t>& dims, Loc loc = {});
Tensor min(const Tensor& x, const std::vector<int64_t>& dims, Loc loc = {});
/// Where x, of numbers, is greatest along `dim`, i32; the least index at ties.
Tensor argmax(const Tensor& x, int64_t dim = -1, Loc loc = {});
/// Sums of the elements up to and with each one, along `dim`: a scan, so one after another. The type is x's.
Tensor cumsum(const Tensor& x, int64_t dim = 0, Loc loc = {});

/// Rows of x by index along `axis`: x [batch, before, n, after] and indices [batch, places] give [batch,
/// before, places, after]. Indices are i32 or i64; one outside 0..n-1 is an error of the run.
Tensor gather(const Tensor& x, const Tensor& indices, int64_t axis = 0, int64_t batch_dims = 0, Loc loc = {});
/// `base` with `updates` added, one after another in row-major order, where gather(base, indices, axis, batch_dims)
/// reads; the updates have the type of that gather. An index out of range is an error of the run.
Tensor scatter_add(const Tensor& base, const Tensor& indices, const Tensor& updates, int64_t axis = 0,
                   int64_t batch_dims = 0, Loc loc = {});
/// `base` with `updates` in place of what that gather reads; of several for one place the last stays.
Tensor scatter_set(const Tensor& base, const Tensor& indices, const Tensor& updates, int64_t axis = 0,
                   int64_t batch_dims = 0, Loc loc = {});
/// The k greatest of x along `dim`, in falling order, and where each is, i32: the least index first at ties, NaN counts
/// as the greatest. That there are k, if sizes don't tell, is checked when they are known.
struct TopK {
  Tensor values, indices;
};
TopK top_k(const Tensor& x, Dim k, int64_t dim = -1, Loc loc = {});
/// [.., n]: 1 at the position that `indices`, i32 or i64, names, else 0; all 0 where an index is out of range.
Tensor one_hot(const Tensor& indices, Dim n, DType dtype = f32, Loc loc = {});

/// The elements as another type: to an integer towards zero, to i1 whether they are not 0.
Tensor cast(const Tensor& x, DType dtype, Loc loc = {});
/// x where the condition holds, y elsewhere; a number may stand for x or y.
Tensor where(const Tensor& condition, detail::Operand x, detail::Operand y, Loc loc = {});
/// x; an error of the run, with this message, if the condition does not hold everywhere and the result is
/// used.
Tensor check(const Tensor& x, const Tensor& condition, const std::string& message, Loc loc = {});

Tensor relu(const Tensor& x, Loc loc = {});

/// exp(x), x being floats, over its sum along `dim`, and the logarithm of that. Where all of x is -inf (a row
/// that is masked out) the softmax is 0.
Tensor softmax(const Tensor& x, int64_t dim = -1, Loc loc = {});
Tensor log_softmax(const Tensor& x, int64_t dim = -1, Loc loc = {});
/// The softmax along `dim` of those elements where `mask`, i1, holds; it is stretched to x's dims. The others
/// are 0 and get no gradient, whatever they are; so is a row without any.
Tensor masked_softmax(const Tensor& x, const Tensor& mask, int64_t dim = -1, Loc loc = {});
/// log(sum of exp(x)) over `dims`, which go, without overflow; of nothing, and where all of x is -inf, -inf.
Tensor logsumexp(const Tensor& x, const std::vector<int64_t>& dims = {}, Loc loc = {});

/// (x - mean) / sqrt(variance + epsilon), both over `dims` (Ba, Kiros, Hinton: "Layer normalization", 2016).
Tensor layer_norm(const Tensor& x, const std::vector<int64_t>& dims = {-1}, double epsilon = 1e-5,
                  Loc loc = {});

/// i1[steps, rows]: whether a time step lies within its row, for `length` i32 or i64 [rows]. A length outside
/// 0 .. steps is an error of the run.
Tensor sequence_mask(const Tensor& length, Dim steps, Loc loc = {});

}  // namespace rondo
