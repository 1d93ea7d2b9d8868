// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "backends/executable.h"
#include "passes/pass_runner.h"

namespace rondo::backends {

/// A way to run functions.
struct Backend {
  std::string_view name;
  std::string_view summary;
  /// `passes` says how passes are watched over, if the backend runs any.
  std::unique_ptr<Executable> (*make)(const ir::Function& function,
                                      const passes::PassRunner::Options& passes);
};

/// All backends; the first is the one to take unless there is a reason.
std::span<const Backend> all_backends();
/// nullptr if there is none of that name.
const Backend* find_backend(std::string_view name);

}  // namespace rondo::backends
