// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string>

#include "ir/graph.h"
#include "tools/fuzz/random.h"

namespace rondo::fuzz {

/// What a check found out about one program.
struct Verdict {
  enum Kind { kPass, kFail, kDrawAgain, kSkip } kind = kPass;
  std::string detail = {};
};

/// print -> parse -> print is the identity.
Verdict check_text(const ir::Function& function);

/// The program, or now and then its gradient if it has one: where passes come after differentiation their order is
/// free. `check_passes`, `check_compiled` and `check_onednn` judge what this gives.
std::unique_ptr<ir::Function> program_or_gradient(const ir::Function& drawn, Random& random);

/// Passes, each alone and one after another in a random order, leave the bits that the interpreter computes,
/// and a function that verifies and prints.
Verdict check_passes(const ir::Function& function, Random& random);

/// Passes that may add up in another order give what the interpreter gave before, within ten times
/// what changes of all arguments by 1e-14 do, in f64. The function is a gradient if it has one; exact passes come in between.
Verdict check_reassoc(const ir::Function& function, Random& random);

/// Compiled once, the function gives the interpreter's bits, or its error, for several draws of sizes, run
/// after run. Arguments that are not donated stay as they are, and after an error all do.
Verdict check_compiled(const ir::Function& function, Random& random);

/// In f64, the vjp along a random direction of each parameter equals Richardson-extrapolated differences to
/// 1e-6. Points that are near a kink, have a value that is not finite or no slope are drawn again.
Verdict check_gradient(const ir::Function& function, Random& random);

/// The same of the jvp, along a random direction of all parameters at once.
Verdict check_jvp(const ir::Function& function, Random& random);

/// The same of a second derivative: vjp or jvp of the vjp or jvp.
Verdict check_second(const ir::Function& function, Random& random);

/// The gradient of the loop and of its unrolled form have the same bits (+0 equals -0).
Verdict check_unrolled_gradient(const ir::Function& function, Random& random);

/// With dots by oneDNN, the function is as accurate as the interpreter within a factor,
/// judged by double precision, and infinite or NaN where the interpreter is. What has no such dot, or is not
/// accurate itself, is drawn again.
Verdict check_onednn(const ir::Function& function, Random& random);

/// Its text with a few tokens or bytes changed, or cut off, is read, and whatever can be read is verified, printed and
/// taken through all passes: the worst that may come of it is one short message for the user.
Verdict check_mangled(const ir::Function& function, Random& random);

}  // namespace rondo::fuzz
