// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/counters.h"
#include "backends/signature.h"
#include "ir/error.h"
#include "ir/graph.h"
#include "runtime/array.h"

namespace rondo::backends {

/// A function made ready to run by a backend. Immutable; run() may be called from several threads at once.
class Executable {
 public:
  virtual ~Executable() = default;

  virtual const Signature& signature() const = 0;
  virtual Counters counters() const = 0;

  /// Runs on one array a parameter, in order, and returns the results. A donated argument may be moved from:
  /// its buffer then lives on in a result. Throws RecordedError if an op recorded an error, and another
  /// rondo::Error if shapes do not fit or memory does not do; then every argument is as it was.
  virtual std::vector<runtime::Array> run(std::span<runtime::Array* const> args) const = 0;
};

/// What an op recorded while it ran: its text begins with the op's place, where that is known.
class RecordedError : public Error {
 public:
  using Error::Error;
};

/// The error that op number `op` of the function recorded at `position`: the op's place, what and where. Ops
/// are numbered in program order, an op before the ops of its regions.
RecordedError recorded_error(const ir::Function& function, int64_t op, int64_t position);

}  // namespace rondo::backends
