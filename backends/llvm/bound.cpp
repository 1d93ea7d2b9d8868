// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/bound.h"

#include <algorithm>

#include "backends/arena_layout.h"
#include "ir/error.h"

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

namespace {

std::string text(const Sizes& sizes) {
  std::string text;
  for (const auto& [symbol, value] : sizes)
    text += (text.empty() ? "" : ", ") + symbol + "=" + std::to_string(value);
  return text.empty() ? "it" : "with " + text + " it";
}

}  // namespace

Bound::Bound(const BindTable& table, const backends::Signature& signature,
             std::span<runtime::Array* const> args, std::uint64_t memory_limit) {
  const Sizes symbols = signature.bind(args);
  for (const runtime::Array* array : args) arguments_.push_back({array->type(), array->shape()});
  for (Dim size : table.sizes) sizes.push_back(size.evaluate(symbols));
  bind_dots(table, symbols);
  lay_out_arena(table, symbols);
  std::uint64_t total = static_cast<std::uint64_t>(arena_bytes);
  for (size_t i = 0; i < table.results.size() && total <= memory_limit; ++i) {
    const Type& type = signature.results[i];
    result_shapes.push_back(backends::shape_of(type, symbols));
    if (table.results[i].kind != ResultSource::kDonated)
      total += static_cast<std::uint64_t>(type.bytes().evaluate(symbols));
  }
  if (total > memory_limit)
    throw Error("@" + signature.function + ": " + text(symbols) + " would take " + std::to_string(total) +
                " bytes of memory or more, the limit is " + std::to_string(memory_limit));
}

void Bound::bind_dots(const BindTable& table, const Sizes& symbols) {
  if (table.dots.empty()) return;
  std::vector<backends::DotLoops<std::int64_t>> loops;
  for (const auto& dot : table.dots) loops.push_back(backends::evaluate(dot, symbols));
  dots = table.library->bind(loops);
}

void Bound::lay_out_arena(const BindTable& table, const Sizes& symbols) {
  std::vector<backends::Demand> demands;
  std::vector<size_t> numbers;
  std::int64_t end = 0;
  for (size_t i = 0; i < table.buffers.size(); ++i) {
    const passes::Buffer& buffer = table.buffers[i];
    if (buffer.param >= 0 || buffer.result >= 0 || buffer.first < 0) continue;
    demands.push_back({buffer.bytes.evaluate(symbols), buffer.first, buffer.last});
    numbers.push_back(i);
    end = std::max(end, buffer.last);
  }
  demands.push_back({std::max(table.scratch_bytes, dots == nullptr ? 0 : dots->scratch_bytes()), 0, end});
  const backends::ArenaLayout layout = backends::lay_out(demands);
  offsets.assign(table.buffers.size(), 0);
  for (size_t i = 0; i < numbers.size(); ++i) offsets[numbers[i]] = layout.offsets[i];
  scratch_offset = layout.offsets.back();
  arena_bytes = layout.bytes;
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
