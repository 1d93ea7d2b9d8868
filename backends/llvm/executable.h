// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "backends/dot_library.h"
#include "backends/executable.h"
#include "backends/llvm/codegen/target.h"
#include "passes/pass_runner.h"
#include "passes/pipeline.h"
#include "runtime/arena.h"

namespace rondo::codegen {

struct CompileOptions {
  Target target = target_from_environment();
  /// Bytes that a run may take, arguments not counted.
  std::uint64_t memory_limit = runtime::Arena::machine_memory();
  /// Before each run all memory that it works in and all results are filled with NaN (-1 in integers): a test
  /// that nothing is read before it is written.
  bool poison = false;
  /// What makes the function one that code can be made for.
  std::span<const passes::Pass> pipeline = passes::lowering_pipeline();
  /// What computes the dots that it takes; null: code of our own computes all.
  const backends::DotLibrary* dots = nullptr;
  /// How many workers may share the rows of a `rows` op, or the columns of a dot; 0: runtime::Workers::default_count(). How
  /// many do is decided when sizes are known. The bits do not depend on it. A library's dots are computed by one.
  int threads = 0;
  /// For so many steps of work, about as many multiplications, one more worker takes part.
  std::int64_t work_per_worker = 50'000;
  /// Wherever a worker can do its rows in blocks, blocks have so many; 0: it does where that pays.
  std::int64_t rows_of_block = 0;
  /// How the passes are watched over. The LLVM IR and the assembly are shown as a part called `llvm`.
  passes::PassRunner::Options passes = {};
};

/// Machine code for a function, made once for all sizes. Whatever the sizes, its results have the bits of the
/// interpreter's, but for what follows from dots that a library computes. Needs no LLVM afterwards, and is
/// freed with the executable.
std::unique_ptr<backends::Executable> compile(const ir::Function& function,
                                              const CompileOptions& options = {});

}  // namespace rondo::codegen
