// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/bound.h"

#include <algorithm>
#include <cmath>

#include "backends/arena_layout.h"
#include "ir/error.h"
#include "passes/row_cuts.h"

namespace rondo::codegen {

void BindTable::add_buffers(const ir::Function& function) {
  buffers = passes::planned_buffers(function);
  std::vector<bool> taken(function.body.params.size(), false);
  for (size_t i = 0; i < function.body.results.size(); ++i) {
    const ir::Value& value = *function.body.results[i];
    const int64_t number = value.op == nullptr ? value.index : passes::buffer_of(value);
    const passes::Buffer& buffer = buffers[number];
    ResultSource::Kind kind = buffer.result == static_cast<int>(i) ? ResultSource::kOwn : ResultSource::kCopy;
    if (buffer.param >= 0 && function.param_infos[buffer.param].donate && !taken[buffer.param] &&
        function.body.param(buffer.param)->type == value.type) {
      taken[buffer.param] = true;
      kind = ResultSource::kDonated;
    }
    results.push_back({kind, number});
  }
}

Bound::Bound(const BindTable& table, const backends::Signature& signature,
             std::span<runtime::Array* const> args, const Sizes& chosen) {
  const Sizes symbols = signature.bind(args, chosen);
  for (const runtime::Array* array : args) arguments_.push_back({array->type(), array->shape()});
  share(table, symbols);
  for (const Sizes& worker : symbols_) {
    std::vector<std::int64_t>& values = sizes.emplace_back();
    for (Dim size : table.sizes) values.push_back(size.evaluate(worker));
  }
  bind_dots(table, symbols_[0]);
  lay_out_arena(table);
  total_bytes = static_cast<std::uint64_t>(arena_bytes);
  for (size_t i = 0; i < table.results.size(); ++i) {
    const Type& type = signature.results[i];
    result_shapes.push_back(backends::shape_of(type, symbols));
    if (table.results[i].kind == ResultSource::kDonated) continue;
    if (__builtin_add_overflow(total_bytes, static_cast<std::uint64_t>(type.bytes().evaluate(symbols)),
                               &total_bytes))
      throw Error("results take too much memory");
  }
}

namespace {

// How many pay for a dot that one worker is at.
int wanted_workers(const ColumnShare& columns, const BindTable& table, const Sizes& symbols) {
  const double work = product_at(columns.flops, symbols) / static_cast<double>(table.work_per_worker);
  const std::int64_t pieces = columns.total.evaluate(symbols) / columns.together;
  const std::int64_t most = std::clamp<std::int64_t>(pieces, 1, table.workers);
  return static_cast<int>(std::clamp(work, 1.0, static_cast<double>(most)));
}

// With fewer rows a dot takes no less time: it reads all of y.
constexpr double kFewRows = 6;

// True if one worker alone, whom the others help with the columns of dots, is done sooner than `workers` who share rows.
bool prefers_columns(const RowShares& rows, double workers, const std::vector<int>& columns_workers,
                     const Sizes& symbols) {
  double by_rows = 0, by_columns = 0;
  for (const RowWork& work : rows.work) {
    const double steps = product_at(work.steps, symbols);
    const double sharers =
        std::min(workers, std::max(1.0, static_cast<double>(work.total.evaluate(symbols))));
    const double dot_rows = std::max(1.0, product_at(work.dot_rows, symbols));
    const double few = work.dot_rows.empty() ? 0 : kFewRows;
    const double helpers = work.columns < 0 ? 1 : columns_workers[static_cast<size_t>(work.columns)];
    by_rows += steps / dot_rows * std::max(dot_rows / sharers, few);
    by_columns += steps / dot_rows * std::max(dot_rows, few) / helpers;
  }
  return by_columns < by_rows;
}

int wanted_workers(const RowShares& rows, const BindTable& table, const std::vector<int>& columns_workers,
                   const Sizes& symbols) {
  double work = 0;
  for (const RowWork& each : rows.work) work += product_at(each.steps, symbols);
  std::int64_t most_rows = 1;
  for (const RowShare& share : rows.shares) most_rows = std::max(most_rows, share.total.evaluate(symbols));
  const double most = static_cast<double>(std::min<std::int64_t>(table.workers, most_rows));
  const double wanted = std::floor(std::clamp(work / static_cast<double>(table.work_per_worker), 1.0, most));
  return prefers_columns(rows, wanted, columns_workers, symbols) ? 1 : static_cast<int>(wanted);
}

// How many pay for jobs that one worker is at. Who shares columns waits for the others in each time step.
int wanted_workers(const JobGroup& group, const BindTable& table, const std::vector<int>& columns_workers,
                   const Sizes& symbols) {
  double work = 0;
  for (const std::vector<Dim>& flops : group.flops) work += product_at(flops, symbols);
  const double most = std::min(static_cast<double>(group.jobs.size()), static_cast<double>(table.workers));
  const auto wanted =
      static_cast<int>(std::clamp(work / static_cast<double>(table.work_per_worker), 1.0, most));
  int helpers = 1;
  for (const size_t dot : group.columns) helpers = std::max(helpers, columns_workers[dot]);
  return helpers > 2 * wanted ? 1 : wanted;
}

}  // namespace

// Shares of rows differ by one row at most; the first are the larger ones. Where one worker has all rows, the others may
// help with columns: they have all rows, too.
void Bound::set_rows(const BindTable& table, std::int64_t worker, Sizes& symbols) const {
  for (size_t i = 0; i < table.rows.size(); ++i)
    for (const RowShare& share : table.rows[i].shares) {
      const std::int64_t total = share.total.evaluate(symbols), part = total / rows_workers[i],
                         rest = total % rows_workers[i];
      const std::int64_t number = rows_workers[i] == 1 ? 0 : worker;
      const bool has_part = number < rows_workers[i];
      symbols[share.count] = has_part ? part + (number < rest ? 1 : 0) : 0;
      symbols[share.first] = has_part ? part * number + std::min(number, rest) : 0;
    }
}

// In whole pieces; the last share has what is left. A dot that one worker computes, any of those may who share rows.
void Bound::set_columns(const BindTable& table, std::int64_t worker, Sizes& symbols) const {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnShare& share = table.columns[i];
    const std::int64_t total = share.total.evaluate(symbols), workers = columns_workers[i];
    const auto begin = [&](std::int64_t part) {
      return part == workers ? total : total / share.together * part / workers * share.together;
    };
    const std::int64_t part = std::min(worker, workers - 1);
    symbols[share.first] = begin(part);
    symbols[share.count] = begin(part + 1) - begin(part);
  }
}

void Bound::share(const BindTable& table, const Sizes& symbols) {
  rows_workers.assign(table.rows.size(), 1);
  Sizes alone = symbols;
  set_rows(table, 0, alone);
  for (const ColumnShare& columns : table.columns)
    columns_workers.push_back(wanted_workers(columns, table, alone));
  for (size_t i = 0; i < table.rows.size(); ++i)
    rows_workers[i] = wanted_workers(table.rows[i], table, columns_workers, symbols);
  for (const JobGroup& group : table.jobs) {
    const bool in_shares = group.rows >= 0 && rows_workers[static_cast<size_t>(group.rows)] > 1;
    jobs_workers.push_back(in_shares ? 1 : wanted_workers(group, table, columns_workers, alone));
    if (jobs_workers.back() > 1)
      for (const size_t dot : group.columns) columns_workers[dot] = 1;
  }
  // A dot in what workers share already is one worker's.
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (const int rows = table.columns[i].rows; rows >= 0 && rows_workers[static_cast<size_t>(rows)] > 1)
      columns_workers[i] = 1;
  int workers = 1;
  for (const auto* all : {&rows_workers, &columns_workers, &jobs_workers})
    for (const int wanted : *all) workers = std::max(workers, wanted);
  symbols_.assign(workers, symbols);
  for (int w = 0; w < workers; ++w) {
    set_rows(table, w, symbols_[w]);
    set_columns(table, w, symbols_[w]);
  }
  set_blocks(table);
}

// Who helps with columns does not know of blocks; and where columns are rows, shares of them are not made for a block.
bool Bound::fits_blocks(const BindTable& table, size_t rows) const {
  const Dim row_count(table.rows[rows].shares[0].count);
  for (size_t dot = 0; dot < table.columns.size(); ++dot) {
    const ColumnShare& columns = table.columns[dot];
    if (columns.rows != static_cast<int>(rows)) continue;
    if (columns_workers[dot] > 1 || passes::mentions(columns.total, row_count)) return false;
  }
  return true;
}

void Bound::set_blocks(const BindTable& table) {
  blocks.resize(table.rows.size());
  if (!table.dots.empty()) return;  // a library's dots are made for sizes that are known
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::int64_t rows = rows_of_block(table.rows[i], symbols_[0], table.rows_of_block);
    if (rows == 0 || !fits_blocks(table, i)) continue;
    const RowShare& share = table.rows[i].shares[0];
    blocks[i] = {rows, sizes_of_blocks(table.sizes, share, symbols_[0]), {}};
    for (Sizes& symbols : symbols_) {
      blocks[i].shares.push_back({symbols[share.first], symbols[share.count]});
      symbols[share.count] = std::min(symbols[share.count], rows);
    }
  }
}

void Bound::bind_dots(const BindTable& table, const Sizes& symbols) {
  if (table.dots.empty()) return;
  std::vector<backends::DotLoops<std::int64_t>> loops;
  for (const auto& dot : table.dots) loops.push_back(backends::evaluate(dot, symbols));
  dots = table.library->bind(loops);
}

namespace {

std::int64_t times(std::int64_t bytes, int workers) {
  std::int64_t all;
  if (__builtin_mul_overflow(bytes, static_cast<std::int64_t>(workers), &all))
    throw Error("the memory of " + std::to_string(workers) + " workers leaves 64 bits");
  return all;
}

}  // namespace

// What lies in the arena. Of a `rows` op that several workers share each has a part of its own, laid out first: they need
// not be at the same op.
void Bound::lay_out_arena(const BindTable& table) {
  std::vector<std::vector<backends::Demand>> demands(table.rows.size() + 1);
  std::vector<std::vector<size_t>> numbers(demands.size());
  std::int64_t end = 0;
  for (size_t i = 0; i < table.buffers.size(); ++i) {
    const passes::Buffer& buffer = table.buffers[i];
    if (buffer.param >= 0 || buffer.result >= 0 || buffer.first < 0) continue;
    const auto rows = static_cast<size_t>(buffer.rows);
    const size_t part = buffer.rows >= 0 && rows_workers[rows] > 1 ? rows : table.rows.size();
    demands[part].push_back({buffer.bytes.evaluate(symbols_[0]), buffer.first, buffer.last});
    numbers[part].push_back(i);
    end = std::max(end, buffer.last);
  }
  std::vector<backends::ArenaLayout> parts;
  std::vector<backends::Demand> least = demands.back();
  for (size_t r = 0; r < table.rows.size(); ++r) {
    parts.push_back(backends::lay_out(demands[r]));
    rows_bytes.push_back(parts.back().bytes);
    if (demands[r].empty()) continue;
    backends::Demand whole = {times(rows_bytes[r], rows_workers[r]), end, 0};
    for (const backends::Demand& demand : demands[r]) {
      whole.first = std::min(whole.first, demand.first);
      whole.last = std::max(whole.last, demand.last);
    }
    demands.back().push_back(whole);
    least.push_back(
        {times(backends::largest_live_set(demands[r]), rows_workers[r]), whole.first, whole.last});
  }
  scratch_bytes = std::max(table.scratch_bytes, dots == nullptr ? 0 : dots->scratch_bytes());
  scratch_bytes = (scratch_bytes + 63) / 64 * 64;
  demands.back().push_back({times(scratch_bytes, workers()), 0, end});
  least.push_back(demands.back().back());
  const backends::ArenaLayout layout = backends::lay_out(demands.back());
  offsets.assign(table.buffers.size(), 0);
  for (size_t i = 0; i < numbers.back().size(); ++i) offsets[numbers.back()[i]] = layout.offsets[i];
  size_t next = numbers.back().size();
  for (size_t r = 0; r < table.rows.size(); ++r) {
    if (demands[r].empty()) continue;
    for (size_t i = 0; i < numbers[r].size(); ++i)
      offsets[numbers[r][i]] = layout.offsets[next] + parts[r].offsets[i];
    ++next;
  }
  scratch_offset = layout.offsets.back();
  arena_bytes = layout.bytes;
  live_bytes = backends::largest_live_set(least);
}

bool Bound::fits(std::span<runtime::Array* const> args) const {
  return std::equal(args.begin(), args.end(), arguments_.begin(), arguments_.end(),
                    [](const runtime::Array* array, const Argument& argument) {
                      return array->type() == argument.type && array->shape() == argument.shape;
                    });
}

std::shared_ptr<const Bound> BoundCache::find(std::span<runtime::Array* const> args) {
  for (auto bound = bounds_.rbegin(); bound != bounds_.rend(); ++bound) {
    if (!(*bound)->fits(args)) continue;
    std::rotate(bound.base() - 1, bound.base(), bounds_.end());
    return bounds_.back();
  }
  return nullptr;
}

void BoundCache::add(std::shared_ptr<const Bound> bound) {
  if (bounds_.size() == kMost) bounds_.erase(bounds_.begin());
  bounds_.push_back(std::move(bound));
}

}  // namespace rondo::codegen
