// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>

#include "backends/llvm/codegen/code_module.h"
#include "backends/llvm/codegen/target.h"
#include "runtime/array.h"

namespace rondo::codegen {

/// c[m,n] for m < M, n < N: the fma chain over k = 0 .. K-1, in this order, of a[m,k] * b[k,n], which starts
/// from +0, or from the present c[m,n] if `accumulate` is not 0. So the bits depend neither on the target,
/// nor on how rows or columns are cut into calls, nor on cutting K (the later calls accumulate). Element
/// [m,k] of a lies at a[m * a_row_stride + k * a_k_stride]: plain or transposed; b[k,n] at b[k * b_k_stride +
/// n]; c[m,n] at c[m * c_row_stride + n]. Strides count elements and may be negative or 0. M, N and K may be
/// 0: without K, c becomes +0 (or stays). c overlaps neither a nor b, and its rows don't overlap. `scratch`
/// has room for what PrebuiltKernels::DotsOf::scratch_size says, is best aligned to 64 bytes, and overlaps nothing. Never reads or
/// writes outside of these elements. Of bf16, the sum runs over pairs of k as the language has it (ir/ops/dot.def),
/// and is continued by pairs if c is accumulated to.
template <class T, class Sum = T>
using DotFunction = void(const T* a, const T* b, Sum* c, std::int64_t M, std::int64_t N, std::int64_t K,
                         std::int64_t a_row_stride, std::int64_t a_k_stride, std::int64_t b_k_stride,
                         std::int64_t c_row_stride, Sum* scratch, std::int64_t accumulate);

/// c[m * c_stride], for m < M, becomes the inner product of the K elements at a + m * a_row_stride and the K
/// elements at b + m * b_row_stride, in the order of a reduction by lanes: blocks of 4096 elements; in a
/// block lane j of 16 is the fma chain over elements j, j+16, ... from +0; lanes add up by halving (i and
/// i+8, i and i+4, ...); blocks add up from left to right, from +0. c overlaps neither a nor b.
template <class T, class Sum = T>
using LanesDotFunction = void(const T* a, const T* b, Sum* c, std::int64_t M, std::int64_t K,
                              std::int64_t a_row_stride, std::int64_t b_row_stride, std::int64_t c_stride);

/// out[c * out_stride + r] becomes in[r * in_stride + c], for r < rows and c < columns. `in` and `out` don't overlap.
using TransposeFunction = void(const void* in, void* out, std::int64_t rows, std::int64_t columns,
                               std::int64_t in_stride, std::int64_t out_stride);

/// The kernels of one instruction set that do not depend on what is compiled. They are made when Rondo is built, for
/// every instruction set, so that compiled functions only hold calls of them. Compiled code reads the table by
/// number (PrebuiltField).
struct PrebuiltKernels {
  template <class T, class Sum = T>
  struct DotsOf {
    DotFunction<T, Sum>* dot;
    LanesDotFunction<T, Sum>* lanes_dot;
    std::int64_t scratch_size;  ///< elements of scratch memory that `dot` wants
  };
  DotsOf<float> f32;
  DotsOf<double> f64;
  DotsOf<runtime::Bfloat16, float> bf16;
  TransposeFunction* transpose[4];  ///< of elements of 1, 2, 4 and 8 bytes
};

/// Numbers of the fields of PrebuiltKernels. Those of the dots of type number i (f32, f64, bf16) begin at
/// i * kDotFields.
enum PrebuiltField : unsigned {
  kDot,
  kLanesDot,
  kScratchSize,
  kDotFields,
  kTransposes = 3 * kDotFields,
  kPrebuiltFields = kTransposes + 4
};

static_assert(sizeof(PrebuiltKernels) == kPrebuiltFields * sizeof(void*),
              "compiled code takes it for an array");

/// A module that defines a target's PrebuiltKernels, under this name, and the functions in it.
std::string prebuilt_kernels_name(Isa isa);
CodeModule emit_prebuilt_kernels(const Target& target);

}  // namespace rondo::codegen
