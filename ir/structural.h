// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>

#include "ir/graph.h"

// Equality of what ops and graphs compute. What values are called, where ops come from and what passes noted
// on them (see annotations() in op_row.h) does not count.
namespace rondo::ir {

/// True if the ops differ at most in their operands, and these agree in type: the same row, attributes and
/// result types, and regions that are equal up to names.
bool same_form(const Op& a, const Op& b);
/// Equal for ops of the same form.
size_t hash_of_form(const Op& op);

/// True if the graphs hold the same ops in the same order on corresponding values.
bool equal_up_to_names(const Graph& a, const Graph& b);
/// The bodies, and what is said of parameters and sizes; the functions' own names do not count.
bool equal_up_to_names(const Function& a, const Function& b);

}  // namespace rondo::ir
