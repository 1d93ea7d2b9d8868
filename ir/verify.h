// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <string_view>

#include "ir/graph.h"

namespace rondo::ir {

/// A rule of the language that holds whatever the op. Rules of single ops stand in their rows.
struct Rule {
  std::string_view label;  // func_c3
  std::string_view text;
};

std::span<const Rule> rules();

/// Checks every rule on a function in memory: values are defined above their uses in the same graph, regions
/// are bound rightly, each op is inferred again and has the types that it claims, every symbol gets its value
/// from a parameter, and all links between ops, values and graphs hold.
///
/// Throws InternalError `CONTEXT: @f: dot_c4: ...` with the op printed: whoever made the function broke it.
/// The parser checks the same rules as it reads and reports them as the user's errors, with line and column.
void verify(const Function& function, std::string_view context);
void verify(const Module& module, std::string_view context);

}  // namespace rondo::ir
