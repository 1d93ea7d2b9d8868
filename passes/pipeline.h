// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>

#include "passes/passes.h"

namespace rondo::passes {

/// What every function goes through as the DSL traced it, before it is differentiated.
std::span<const Pass> traced_pipeline();

/// What every function goes through that the DSL makes, whatever is to run it, when its gradients are made.
std::span<const Pass> optimisation_pipeline();

/// What the DSL's functions go through then if dots are to take bf16 (Options::precision).
std::span<const Pass> bf16_pipeline();

/// What they go through then if memory is limited (Options::memory).
std::span<const Pass> memory_pipeline();

/// What every function of the DSL goes through last: loops leave out rows that have ended, and are unrolled where the user
/// asks for it.
std::span<const Pass> loops_pipeline();

/// What turns a function into one that code is made for: planned (memory_plan.h), nothing left to decide but
/// where buffers lie.
std::span<const Pass> lowering_pipeline();

}  // namespace rondo::passes
