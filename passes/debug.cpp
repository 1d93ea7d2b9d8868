// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/debug.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "ir/error.h"
#include "ir/text.h"
#include "passes/passes.h"

namespace rondo::passes {

Debug Debug::parse(std::string_view level_and_pass, std::string_view dump, std::string_view verify) {
  Debug debug;
  debug.dump = dump;
  debug.verify = verify == "1";
  if (!debug.verify && !verify.empty() && verify != "0")
    throw Error("RONDO_VERIFY: expected 0 or 1, found '" + ir::excerpt(verify) + "'");
  if (level_and_pass.empty()) return debug;
  const char level = level_and_pass[0];
  const bool alone = level_and_pass.size() == 1;
  if (level < '0' || level > '5' || (!alone && level_and_pass[1] != ','))
    throw Error("RONDO_DEBUG: expected a level from 0 to 5, or a level and a pass as in 2,fuse; found '" +
                ir::excerpt(level_and_pass) + "'");
  debug.level = static_cast<Level>(level - '0');
  if (alone) return debug;
  debug.only = level_and_pass.substr(2);
  // What else is told of than passes.
  constexpr std::array<std::string_view, 7> kParts = {"trace", "train", "vjp",     "jvp",
                                                      "bind",  "llvm",  "counters"};
  if (find_pass(debug.only) == nullptr && std::ranges::find(kParts, debug.only) == kParts.end())
    throw Error("RONDO_DEBUG: there is no pass '" + ir::excerpt(debug.only) +
                "'; rondo-opt --list-passes names all");
  return debug;
}

const Debug& Debug::get() {
  static const Debug debug = [] {
    const auto variable = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string_view(value != nullptr ? value : "");
    };
    return parse(variable("RONDO_DEBUG"), variable("RONDO_DUMP"), variable("RONDO_VERIFY"));
  }();
  return debug;
}

}  // namespace rondo::passes
