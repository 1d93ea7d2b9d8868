// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/llvm/codegen/code_module.h"
#include "backends/llvm/codegen/prebuilt_kernels.h"
#include "backends/llvm/codegen/target.h"
#include "runtime/array.h"

namespace rondo::codegen {

// What makes the kernels of a PrebuiltKernels.

/// Elements of scratch memory that a DotFunction of f32 or f64 wants.
std::int64_t dot_scratch_size(const Target& target, runtime::ElementType type);

/// The kernel goes through all of b for no more rows of a than this, which stay in the second cache meanwhile.
inline constexpr std::int64_t kDotRowBlock = 192;

/// Bytes of the columns of b that the kernel works on at a time: best they lie in one piece.
std::int64_t dot_panel_bytes(const Target& target);

/// Adds a DotFunction called `name` to the module. `type` is f32, f64, or bf16 if the target has_bf16_pairs, else
/// InternalError. Of bf16, an element of a or b is a pair in 32 bits, the even one in the low half, and c is f32.
void emit_dot_kernel(const CodeModule& code, const Target& target, runtime::ElementType type,
                     std::string_view name);

/// True if dots of bf16 are made of vdpbf16ps.
bool has_bf16_pairs(const Target& target);

/// Adds a DotFunction of bf16 called `name`, with sums in f32. `packed` is the module's DotFunction, of bf16 if the target has_bf16_pairs, else of f32.
void emit_bf16_dot_kernel(const CodeModule& code, const Target& target, std::string_view packed,
                          std::string_view name);

/// Elements (f32) of scratch memory that it wants.
std::int64_t bf16_dot_scratch_size(const Target& target);

/// Adds a LanesDotFunction called `name` to the module. `type` is f32, f64 or bf16 (c is f32 then), else InternalError.
void emit_lanes_dot_kernel(const CodeModule& code, const Target& target, runtime::ElementType type,
                           std::string_view name);

}  // namespace rondo::codegen
