// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

// What breaks the rules of the language: a case for each rule and for each constraint of each row.
namespace rondo::ir {

/// A wrong text, and the whole message that it must give.
struct TextCase {
  std::string file, text, message;
};

/// The cases in tests/ir/errors/*.rondo. They are divided by `// ----`; below the mistake, a line marks its
/// place and its message: `//     ^ dot_c4: inner sizes differ: ...`.
std::vector<TextCase> written_cases();

/// Element-wise rows have constraints in common; these cases are made from the rows.
std::vector<TextCase> elementwise_cases();

/// What no text can say: a function that is broken in memory, and the label that the verifier must give.
struct MemoryCase {
  std::string label;
  std::function<void(Module&)> break_it;  // a module of @f, see the source
};
std::vector<MemoryCase> memory_cases();
/// The module, intact, that memory cases break.
extern const char* const kIntact;

/// `dot_c4` of `cell.rondo:2:3: error: dot_c4: ...`; empty if the message cites no rule.
std::string cited_rule(const std::string& message);

}  // namespace rondo::ir
