// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/llvm/jit.h"
#include "runtime/array.h"

namespace rondo::codegen {

/// c[m,n] for m < M, n < N: the fma chain over k = 0 .. K-1, in this order, of a[m,k] * b[k,n], which starts
/// from +0, or from the present c[m,n] if `accumulate` is not 0. So the bits depend neither on the target,
/// nor on how rows or columns are cut into calls, nor on cutting K (the later calls accumulate). Element
/// [m,k] of a lies at a[m * a_row_stride + k * a_k_stride]: plain or transposed; b[k,n] at b[k * b_k_stride +
/// n]; c[m,n] at c[m * c_row_stride + n]. Strides count elements and may be negative or 0. M, N and K may be
/// 0: without K, c becomes +0 (or stays). c overlaps neither a nor b, and its rows don't overlap. `scratch`
/// has room for dot_scratch_size elements and overlaps nothing. Never reads or writes outside of these
/// elements.
template <class T>
using DotFunction = void(const T* a, const T* b, T* c, std::int64_t M, std::int64_t N, std::int64_t K,
                         std::int64_t a_row_stride, std::int64_t a_k_stride, std::int64_t b_k_stride,
                         std::int64_t c_row_stride, T* scratch, std::int64_t accumulate);

/// c[m * c_stride], for m < M, becomes the inner product of the K elements at a + m * a_row_stride and the K
/// elements at b + m * b_row_stride, in the order of a reduction by lanes: blocks of 4096 elements; in a
/// block lane j of 16 is the fma chain over elements j, j+16, ... from +0; lanes add up by halving (i and
/// i+8, i and i+4, ...); blocks add up from left to right, from +0. c overlaps neither a nor b.
template <class T>
using LanesDotFunction = void(const T* a, const T* b, T* c, std::int64_t M, std::int64_t K,
                              std::int64_t a_row_stride, std::int64_t b_row_stride, std::int64_t c_stride);

/// Elements of scratch memory that a DotFunction wants; best aligned to 64 bytes.
std::int64_t dot_scratch_size(const Target& target, runtime::ElementType type);

/// Bytes of the columns of b that the kernel works on at a time: best they lie in one piece.
std::int64_t dot_panel_bytes(const Target& target);

/// Adds a DotFunction called `name` to the module. `type` is f32, f64, or bf16 if the target has_bf16_pairs, else
/// InternalError. Of bf16, an element of a or b is a pair in 32 bits, the even one in the low half, and c is f32.
void emit_dot_kernel(const CodeModule& code, const Target& target, runtime::ElementType type,
                     std::string_view name);

/// True if dots of bf16 are made of vdpbf16ps.
bool has_bf16_pairs(const Target& target);

/// Adds a function called `name`, which is a DotFunction but for its types: elements of a and b are bf16, of c and
/// scratch f32. The sum runs over pairs of k as the language has it (ir/ops/dot.def), and is continued by pairs if c is
/// accumulated to. `packed` is the module's DotFunction, of bf16 if the target has_bf16_pairs, else of f32.
void emit_bf16_dot_kernel(const CodeModule& code, const Target& target, std::string_view packed,
                          std::string_view name);

/// Elements (f32) of scratch memory that it wants.
std::int64_t bf16_dot_scratch_size(const Target& target);

/// Adds a LanesDotFunction called `name` to the module. `type` is f32, f64 or bf16 (c is f32 then), else InternalError.
void emit_lanes_dot_kernel(const CodeModule& code, const Target& target, runtime::ElementType type,
                           std::string_view name);

}  // namespace rondo::codegen
