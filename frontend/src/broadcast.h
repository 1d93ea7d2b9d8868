// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

#include "ir/builder.h"

// The frontend's broadcasting, by the rule in rondo/tensor.h, and its counting of dims.
namespace rondo::detail {

/// `i` as a position among the dims of `type`: a negative one counts from the last. Error if there is no such
/// dim.
int64_t checked_dim(int64_t i, const Type& type, const std::string& op, Loc loc);
/// All of `dims` by checked_dim, rising; Error if one is named twice.
std::vector<int64_t> checked_dims(const std::vector<int64_t>& dims, const Type& type, const std::string& op,
                                  Loc loc);

/// The dims that a reduction takes away: `dims` by checked_dims, or all if none is named.
std::vector<int64_t> reduced_dims(const Type& type, const std::vector<int64_t>& dims, const std::string& op,
                                  Loc loc);
/// Throws Error unless the elements are floats.
void check_floats(const Type& type, const std::string& op, Loc loc);

/// A literal as an element of `dtype`; Error if it is none: 0.5 is no i32.
ir::Number checked_literal(const ir::Number& number, DType dtype, const std::string& op, Loc loc);

/// The dims that both types broadcast to; Error if they do not fit.
std::vector<Dim> joined_dims(const std::string& op, const Type& x, const Type& y, Loc loc);

/// `x` stretched to `dims`; Error if it does not fit.
ir::Value* broadcast_value(ir::Builder& b, ir::Value* x, const std::vector<Dim>& dims, const std::string& op,
                           Loc loc);

}  // namespace rondo::detail
