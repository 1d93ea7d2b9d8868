// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <vector>

#include "ir/op_row.h"

namespace rondo::ir {

/// Numbers that stand as operands: `mul %x, 2.0` means a `constant` just before the op.
///
/// The type of number operand `i` of an op of `row`, given the types of the operands that are values (nullptr
/// for a number) and of the result (nullptr if it is not known): that of the others, which element-wise ops
/// have in common; the condition of a select is i1 of the same dims. Nothing if the op takes no numbers or if
/// no type says what they are.
std::optional<Type> number_type(const OpRow& row, const std::vector<const Type*>& operands,
                                const Type* result, size_t i);

}  // namespace rondo::ir
