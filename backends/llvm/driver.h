// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "backends/llvm/column_shares.h"
#include "backends/llvm/context.h"
#include "backends/llvm/jit.h"
#include "backends/llvm/job_groups.h"
#include "backends/llvm/kernels.h"
#include "backends/llvm/live_loops.h"
#include "backends/llvm/row_shares.h"
#include "ir/graph.h"

namespace rondo::codegen {

/// What a run did. Compiled code adds to the fields by number (WorkField): keep both in step.
struct Work {
  std::int64_t dots = 0;
  std::int64_t dot_flops = 0;
  std::int64_t copied_bytes = 0;
};

/// Numbers of Work's fields.
enum WorkField : unsigned { kDotsField, kDotFlopsField, kCopiedBytesField };

static_assert(sizeof(Work) == 3 * sizeof(std::int64_t), "compiled code takes it for an array of numbers");

}  // namespace rondo::codegen

// Of an array whose pieces of `whole` bytes hold the rows of all workers, those of one: `part` bytes of each piece, one
// after another in `own`. Both return where that worker is to read or write: nothing is copied where all rows are its own.
extern "C" {
/// For what is read.
void* rondo_gather_rows(rondo::codegen::Work* work, void* own, void* shared, std::int64_t pieces,
                        std::int64_t part, std::int64_t whole) noexcept;
/// Afterwards, for what was written, at `own` or already where it belongs.
void rondo_scatter_rows(rondo::codegen::Work* work, void* own, void* shared, std::int64_t pieces,
                        std::int64_t part, std::int64_t whole) noexcept;
/// How many rows there are up to the last one that is alive; `alive` are truth values.
std::int64_t rondo_rows_alive(const void* alive, std::int64_t rows) noexcept;
}

namespace rondo::codegen {

/// What a driver runs on. Compiled code reads the fields by number (FrameField): keep both in step.
struct Frame {
  RunContext context;
  std::byte* const* buffers;  ///< where each buffer of the plan is
  std::int64_t* sizes;        ///< what emit_driver returned, evaluated for the worker whose frame it is
  Work* work;                 ///< counts what is done
  /// Runs a `rows` op by its number, on as many workers as it pays for, and waits for them.
  /// `values` are its operands and results.
  void (*run_rows)(Frame* frame, std::int64_t rows, void* const* values) noexcept;
  void* workers;  ///< for run_rows, run_columns and run_jobs
  decltype(&rondo_gather_rows) gather_rows = rondo_gather_rows;
  decltype(&rondo_scatter_rows) scatter_rows = rondo_scatter_rows;
  /// Computes a dot by its number among those whose columns are shared, likewise; `values` are its operands and its result.
  void (*run_columns)(Frame* frame, std::int64_t dot, void* const* values) noexcept;
  decltype(&rondo_rows_alive) rows_alive = rondo_rows_alive;
  /// Runs the jobs of a group, by its number, likewise; `values` are the operands and results of the first one, then those
  /// of the next one, and so on.
  void (*run_jobs)(Frame* frame, std::int64_t group, void* const* values) noexcept;
};

/// Numbers of Frame's fields behind the context, each of which is a pointer.
enum FrameField : unsigned {
  kBuffersField = sizeof(RunContext) / sizeof(void*),
  kSizesField,
  kWorkField,
  kRunRowsField,
  kWorkersField,
  kGatherRowsField,
  kScatterRowsField,
  kRunColumnsField,
  kRowsAliveField,
  kRunJobsField
};

static_assert(sizeof(Frame) == (kRunJobsField + 1) * sizeof(void*),
              "compiled code takes it for an array of pointers");

/// Runs a whole function. It stops before the first write into a parameter's array if an error was recorded.
using Driver = void(Frame* frame);

/// Runs a worker's share of a `rows` op, computes its columns of a dot, or runs a job; `values` are as for Frame::run_rows,
/// run_columns and run_jobs.
using ShareDriver = void(Frame* frame, void* const* values);

/// What a driver reads and calls by number.
struct DriverTables {
  std::vector<Dim> sizes;                     ///< what Frame::sizes must hold
  std::vector<backends::DotLoops<Dim>> dots;  ///< what RunContext::dot_run must compute
};

/// Adds the Driver called `name` of a planned function (memory_plan.h) to the module, with the kernels of its
/// ops: straight calls, and a loop for each scan. So it does for each `rows` op, called `name.rows0` and so on; `rows`
/// is what share_rows made of the function. For each of `columns`, of share_columns, it adds the ShareDriver `name.columns0`
/// and so on, for each job of `jobs` `name.job0` and so on. `live` are the function's live loops. Ops are numbered for error records as in recorded_error. What `library` takes is left to it; it may be null.
DriverTables emit_driver(const CodeModule& code, KernelLibrary& kernels, const backends::DotLibrary* library,
                         const ir::Function& function, const std::vector<RowShares>& rows,
                         const std::vector<ColumnShare>& columns, const std::vector<JobGroup>& jobs,
                         const LiveLoops& live, std::string_view name);

}  // namespace rondo::codegen
