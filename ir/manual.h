// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>

namespace rondo::ir {

/// One line an op: its form and what it means.
std::string op_list();

/// All that the row of an op says, for a reader at a terminal: its form, meaning, operands, attributes, types,
/// constraints, derivative, error, where it is smooth, and flags. Throws Error with the nearest names if there
/// is no such op.
std::string explain_op(std::string_view name);

/// The part of docs/ir.md that the code tells: the rules of all functions, and of each op its form, meaning,
/// derivative and constraints.
std::string op_manual();

}  // namespace rondo::ir
