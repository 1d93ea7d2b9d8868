// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace rondo::backends {

/// A dim of a dot, and how far apart its elements lie in x, in y and in the result; 0 where it isn't.
template <class Size>
struct DotDim {
  Size size, in_x, in_y, out;
  bool descending = false;  ///< from the last element to the first
};

template <class Size>
using DotDims = std::vector<DotDim<Size>>;

/// A dot as a nest of loops over arrays (operand_strides.h): its dims by what it does with them, outermost first, the
/// contracted ones as listed. Dims of one kind that run on in all arrays are one dim, and none has size 1.
/// But of bf16 the last contracted dim, which goes by pairs, stays as it is.
template <class Size>
struct DotLoops {
  DotDims<Size> batch, rows, columns, contracted;
  Size first_in_y = 0, first_out = 0;  ///< where they begin: not at 0 if others compute other columns
};

/// The first dim of an operand that is neither contracted nor batch; -1 if there is none.
int64_t first_free_dim(const ir::Op& dot, int operand);

/// Numbers whose product is how many multiplications and additions a dot takes.
std::vector<Dim> dot_flops(const ir::Op& dot);

/// The loops of a dot, whatever the sizes: all of it, or the columns that the annotation `columns` says.
DotLoops<Dim> dot_loops(const ir::Op& dot);

/// The same at these sizes, not of bf16: there may be fewer loops. Throws Error where a number leaves 63 bits.
DotLoops<std::int64_t> evaluate(const DotLoops<Dim>& loops, const Sizes& sizes);

}  // namespace rondo::backends
