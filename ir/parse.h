// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

#include "ir/graph.h"

namespace rondo::ir {

/// Reads the text form (docs/ir.md). What it returns verifies.
///
/// Throws rondo::Error with one message, `FILE:LINE:COL: error: dot_c4: inner sizes differ: ...`: the place
/// is that of the op or of the token that does not fit, and a rule of the language is named by its label. Any
/// bytes may be given: time is linear in the text, and only nested regions, up to kMaxNesting, recurse.
Module parse(std::string_view text, std::string_view file_name);

}  // namespace rondo::ir
