// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "backends/dot_library.h"
#include "backends/executable.h"
#include "passes/pass_runner.h"

namespace rondo::backends {

/// What computes the dots of a function.
struct Dots {
  std::string_view name;
  std::string_view summary;
  /// Loads the library, or throws Error if that fails; nullptr: the backend computes them itself.
  const DotLibrary& (*library)();
};

/// A way to run functions.
struct Backend {
  std::string_view name;
  std::string_view summary;
  bool takes_library;  // for dots
  bool takes_limit;    // of memory
  /// `passes` says how passes are watched over, if the backend runs any. `dots` may have a library only if the
  /// backend takes it. `threads` may work at once, from 1 to runtime::Workers::kMost; 0: as many as the machine has CPUs
  /// for. A run takes no more than `memory` bytes, arguments not counted, if the backend takes a limit; 0: what the machine
  /// has. Throws Error if a library is to be loaded and can't be.
  std::unique_ptr<Executable> (*make)(const ir::Function& function, const Dots& dots, int threads,
                                      std::int64_t memory, const passes::PassRunner::Options& passes);
};

/// All backends; the first is the one to take unless there is a reason.
std::span<const Backend> all_backends();
/// nullptr if there is none of that name.
const Backend* find_backend(std::string_view name);

/// All that computes dots; the first is a backend's own way.
std::span<const Dots> all_dots();
/// nullptr if there is nothing of that name.
const Dots* find_dots(std::string_view name);

}  // namespace rondo::backends
