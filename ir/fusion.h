// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "ir/graph.h"

// What can be one loop over elements: the body of the op `fusion`.
namespace rondo::ir {

/// True for an op whose results are its operand, read elsewhere: a fusion reads the operand instead. A reshape
/// is one if it only adds or drops dims of size 1.
bool is_view(const Op& op);

/// Why a fusion cannot have this body; empty if it can. It holds element-wise ops, values that are made of
/// nothing, views of others, and concats, which are written piece by piece: so nothing in the body reads one.
std::string fusion_flaw(const Graph& body);

}  // namespace rondo::ir
