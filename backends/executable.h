// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/signature.h"
#include "ir/error.h"
#include "ir/graph.h"
#include "runtime/array.h"

namespace rondo::backends {

/// How often and how long an executable did its costly things.
struct Counters {
  int compiles = 0;       // code generations: 1 for its whole life
  int binds = 0;          // new sizes seen
  double compile_ms = 0;  // all of it; by stage:
  double passes_ms = 0;   // IR to final IR
  double emit_ms = 0;     // final IR to LLVM's IR
  double llvm_ms = 0;     // LLVM's passes
  double codegen_ms = 0;  // instruction selection to object code
  double link_ms = 0;
  double bind_ms = 0;            // of the last bind
  std::int64_t arena_bytes = 0;  // what the last bind planned, results and arguments not counted
};

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
