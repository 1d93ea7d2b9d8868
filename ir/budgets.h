// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

// How much work a program may make. The rules of the language (docs/ir.md) bound what one op or one size can be;
// these bound what becomes of a whole program, so that a short text cannot keep a machine busy. Whoever meets one
// throws Error, which names the budget, what was found, and the way out. docs/design.md lists them all.
namespace rondo::ir::budget {

/// Ops that a pass may make of a function by copying or writing out what is there (unroll, expand-math).
inline constexpr int64_t kOpsMade = int64_t{1} << 20;

/// Ops of a function that is compiled, as it is given to the compiler.
inline constexpr int64_t kOpsToCompile = int64_t{1} << 18;

/// Ops and loops over elements that compiled code may run one by one: each is a call, and maybe a kernel.
inline constexpr int64_t kCallsToCompile = int64_t{1} << 15;

/// Operands and results of an op that machine code is made for: a kernel has code for each.
inline constexpr size_t kValuesOfKernel = 1024;

}  // namespace rondo::ir::budget
