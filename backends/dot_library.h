// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/dot_loops.h"
#include "ir/graph.h"

// How a library computes dots in place of code that a backend makes. Three lifetimes: the library is there
// once, BoundDots once for each sizes of a function, DotRun once for each run at a time.
namespace rondo::backends {

/// What one run needs of the dots of a function. For one thread at a time, any thread.
class DotRun {
 public:
  virtual ~DotRun() = default;
  /// Computes dot number `dot`: the arrays are dense, aligned to their elements, and the result overlaps none.
  /// `scratch` has BoundDots::scratch_bytes bytes, 64-byte aligned, undefined between calls.
  virtual void run(std::int64_t dot, const void* x, const void* y, void* result, void* scratch) noexcept = 0;
};

/// The dots of a function, numbered, at certain sizes. Immutable; must outlive what it starts.
class BoundDots {
 public:
  virtual ~BoundDots() = default;
  virtual std::unique_ptr<DotRun> start() const = 0;
  virtual std::int64_t scratch_bytes() const = 0;
  /// How many kernels were made for it; others were there already.
  virtual int kernels_made() const = 0;
};

/// A library of kernels for dots. Several threads may use it at once.
class DotLibrary {
 public:
  virtual ~DotLibrary() = default;
  /// True if the library has kernels for this dot's element types.
  virtual bool takes(const ir::Op& dot) const = 0;
  /// Makes what kernels these dots need and are not there. Throws Error if the library refuses.
  virtual std::unique_ptr<const BoundDots> bind(const std::vector<DotLoops<std::int64_t>>& dots) const = 0;
};

}  // namespace rondo::backends

/// What compiled code calls: run->run(..).
extern "C" void rondo_run_dot(rondo::backends::DotRun* run, std::int64_t dot, const void* x, const void* y,
                              void* result, void* scratch) noexcept;
