// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "ir/graph.h"

namespace rondo::ir {

/// The text form (docs/ir.md). parse() reads it back, and printing that gives the same bytes.
///
/// Takes time linear in the text and recurses only over nested regions. A function that breaks the language's
/// rules prints as well as it can, so that messages can show it.
std::string print(const Module& module);
std::string print(const Function& function);
/// One op, with its regions, as it stands in its graph.
std::string print(const Op& op);
/// What a derived size that is not chosen is: `T floordiv 2`.
std::string quotient_text(const DerivedSize& size);

}  // namespace rondo::ir
