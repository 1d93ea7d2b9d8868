// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/dot_library.h"
#include "backends/llvm/column_shares.h"
#include "backends/llvm/job_groups.h"
#include "backends/llvm/row_blocks.h"
#include "backends/signature.h"
#include "passes/memory_plan.h"
#include "runtime/array.h"

// What is worked out when a compiled function meets new sizes, from a flat table: no op is looked at.
namespace rondo::codegen {

/// Where a result's array comes from.
struct ResultSource {
  enum Kind {
    kOwn,      // made for the run, which writes straight into it
    kDonated,  // the argument in whose buffer the result is
    kCopy,     // made after the run, a copy of the buffer: a result given twice, or an argument given back
  };
  Kind kind;
  std::int64_t buffer;
};

/// What binding reads.
struct BindTable {
  std::vector<Dim> sizes;               // that code reads
  std::vector<passes::Buffer> buffers;  // by number: the parameters' first
  std::vector<ResultSource> results;
  std::int64_t scratch_bytes = 0;                 // of the code itself
  const backends::DotLibrary* library = nullptr;  // computes what follows; null if it is nothing
  std::vector<backends::DotLoops<Dim>> dots = {};
  std::vector<RowShares> rows = {};       // of each `rows` op
  std::vector<ColumnShare> columns = {};  // of each dot whose columns may be shared
  std::vector<JobGroup> jobs = {};
  int workers = 1;  // that may share rows or columns
  std::int64_t work_per_worker = 1;
  std::int64_t rows_of_block = 0;  // wherever there can be blocks; 0: where they pay

  /// Fills in buffers and results from a planned function.
  void add_buffers(const ir::Function& function);
};

/// A function bound to the sizes of its arguments. Immutable.
struct Bound {
  /// Matches the arguments, checks the guards, evaluates sizes, has the library make what kernels it lacks, and
  /// lays out the arena. Throws Error if the arguments don't fit; nothing is allocated for arena and results here.
  Bound(const BindTable& table, const backends::Signature& signature, std::span<runtime::Array* const> args,
        const Sizes& chosen);

  /// True if the arguments have the element types and shapes that this was made for.
  bool fits(std::span<runtime::Array* const> args) const;

  /// How many share each `rows` op.
  std::vector<int> rows_workers;
  /// How each of these does its rows.
  std::vector<RowBlocks> blocks;
  /// How many share the columns of each dot that has such shares.
  std::vector<int> columns_workers;
  /// How many run the jobs of each group.
  std::vector<int> jobs_workers;
  /// The most of them, at least 1: what follows is there for so many.
  int workers() const { return static_cast<int>(sizes.size()); }

  std::vector<std::vector<std::int64_t>> sizes;     // for each worker
  std::unique_ptr<const backends::BoundDots> dots;  // null if there are none
  std::vector<std::int64_t>
      offsets;  // of buffers in the arena, of the first worker's; 0 for what lies elsewhere
  std::vector<std::int64_t>
      rows_bytes;  // how far the next worker's buffers are from there, for each `rows` op
  std::int64_t scratch_offset = 0, scratch_bytes = 0;
  std::int64_t arena_bytes = 0, live_bytes = 0;
  std::uint64_t total_bytes = 0;  // of arena and results
  std::vector<std::vector<std::int64_t>> result_shapes;

 private:
  struct Argument {
    runtime::ElementType type;
    std::vector<std::int64_t> shape;
  };
  void share(const BindTable& table, const Sizes& symbols);
  // What a worker's symbols say of its shares.
  void set_rows(const BindTable& table, std::int64_t worker, Sizes& symbols) const;
  void set_columns(const BindTable& table, std::int64_t worker, Sizes& symbols) const;
  // Where workers do rows in blocks; their symbols are those of a block afterwards.
  void set_blocks(const BindTable& table);
  bool fits_blocks(const BindTable& table, std::size_t rows) const;
  void bind_dots(const BindTable& table, const Sizes& symbols);
  void lay_out_arena(const BindTable& table);

  std::vector<Sizes> symbols_;  // for each worker

  std::vector<Argument> arguments_;
};

/// Binds a function. Sizes that may be chosen all get one number, about the least with which arena and results take no more
/// than `memory_limit` bytes. Throws Error if the arguments don't fit, or if there is no such number: it names the least bytes
/// that were found to do.
std::shared_ptr<const Bound> bind(const BindTable& table, const backends::Signature& signature,
                                  std::span<runtime::Array* const> args, std::uint64_t memory_limit);

/// The sizes met last: training meets the same few lengths again and again.
class BoundCache {
 public:
  std::shared_ptr<const Bound> find(std::span<runtime::Array* const> args);
  void add(std::shared_ptr<const Bound> bound);

 private:
  static constexpr std::size_t kMost = 256;
  std::vector<std::shared_ptr<const Bound>> bounds_;  // the one used last stands last
};

}  // namespace rondo::codegen
