// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace rondo::ir {

/// One line an op: its form and what it means.
std::string op_list();

/// The part of docs/ir.md that the code tells: the rules of all functions, and of each op its form, meaning,
/// derivative and constraints.
std::string op_manual();

}  // namespace rondo::ir
