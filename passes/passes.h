// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace rondo::passes {

/// Whether a function computes the same bits after a pass, adds up in another order, or rounds what was not rounded, in
/// dots of bf16 and their arithmetic: then it computes the same bits in double precision, in which the interpreter rounds
/// nothing.
enum class Bits { exact, reassoc, rounds };
/// "exact", "reassoc" or "rounds".
inline std::string_view name(Bits bits) {
  return bits == Bits::exact ? "exact" : bits == Bits::reassoc ? "reassoc" : "rounds";
}

/// An IR -> IR pass. It returns whether it changed the function, and throws Error only for what the user can
/// mend.
struct Pass {
  std::string name;  // remove-dead-code, as rondo-opt and the debugging variables spell it
  Bits bits;
  std::string_view summary;
  bool (*run)(ir::Function& function);
};

/// All passes of passes.def, in its order.
std::span<const Pass> all_passes();
/// nullptr if there is none of that name.
const Pass* find_pass(std::string_view name);

#define PASS(name, bits, summary) bool name(ir::Function& function);
#include "passes/passes.def"
#undef PASS

}  // namespace rondo::passes
