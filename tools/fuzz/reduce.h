// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "ir/graph.h"

namespace rondo::fuzz {

/// A smaller program that still fails.
struct Reduced {
  std::unique_ptr<ir::Function> function;
  int64_t ops_before, ops_after;  // those in regions counted, and constants not
  int64_t tries;                  // how often `fails` was asked
};

/// Shrinks a function as long as `fails` says that it still fails: takes ops, results, parts of scans, guards and
/// parameters out, runs bodies of scans once, makes sizes constant and small, and forgets names and places. Every
/// function that is tried verifies. Asks at most `most_tries` times.
Reduced reduce(const ir::Function& function, const std::function<bool(const ir::Function&)>& fails,
               int64_t most_tries = 3000);

/// What kind of failure a message tells of: the same for messages that differ in numbers, names and sizes.
std::string failure_kind(const std::string& detail);

}  // namespace rondo::fuzz
