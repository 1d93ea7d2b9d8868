// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>

#include "tools/fuzz/checks.h"

namespace rondo::fuzz {

/// The verdict of a check that runs in a process of its own: one that crashes fails, `crashed: Segmentation fault`,
/// and so does one that takes more than `seconds`, `took more than 60 seconds`. What the check throws is a failure.
Verdict in_own_process(const std::function<Verdict()>& check, int seconds = 60);

/// The verdict of a check in this process; what it throws is a failure.
Verdict in_this_process(const std::function<Verdict()>& check);

}  // namespace rondo::fuzz
