// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/arena_layout.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <queue>

#include "ir/error.h"
#include "runtime/aligned.h"

namespace rondo::backends {

namespace {

// Free memory up to the highest byte in use so far: gaps by offset, none next to another.
class Gaps {
 public:
  std::int64_t take(std::int64_t bytes) {
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
      const auto [offset, size] = *gap;
      if (size < bytes) continue;
      gaps_.erase(gap);
      if (size > bytes) gaps_.emplace(offset + bytes, size - bytes);
      return offset;
    }
    std::int64_t offset = end_;
    if (!gaps_.empty() && gaps_.rbegin()->first + gaps_.rbegin()->second == end_) {
      offset = gaps_.rbegin()->first;  // a gap at the end grows
      gaps_.erase(offset);
    }
    if (__builtin_add_overflow(offset, bytes, &end_)) throw Error("buffers take too much memory");
    return offset;
  }

  void give_back(std::int64_t offset, std::int64_t bytes) {
    auto after = gaps_.lower_bound(offset);
    if (after != gaps_.end() && after->first == offset + bytes) {
      bytes += after->second;
      after = gaps_.erase(after);
    }
    if (after != gaps_.begin()) {
      auto before = std::prev(after);
      if (before->first + before->second == offset) {
        before->second += bytes;
        return;
      }
    }
    gaps_.emplace(offset, bytes);
  }

  std::int64_t end() const { return end_; }

 private:
  std::map<std::int64_t, std::int64_t> gaps_;  // offset -> bytes
  std::int64_t end_ = 0;
};

constexpr std::int64_t kUnit = runtime::kAlignment;

std::int64_t whole_units(std::int64_t bytes) {
  if (__builtin_add_overflow(bytes, kUnit - 1, &bytes)) throw Error("buffers take too much memory");
  return bytes / kUnit * kUnit;
}

// One after another by the time of their begin, each in the first gap where it fits. Takes hardly more than linear time.
ArenaLayout by_time(const std::vector<Demand>& demands, const std::vector<std::int64_t>& sizes) {
  std::vector<size_t> order(demands.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return demands[a].first < demands[b].first; });

  const auto later = [&](size_t a, size_t b) { return demands[a].last > demands[b].last; };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> in_use(later);
  ArenaLayout layout{std::vector<std::int64_t>(demands.size(), 0), 0};
  Gaps gaps;
  for (size_t i : order) {
    for (; !in_use.empty() && demands[in_use.top()].last < demands[i].first; in_use.pop())
      gaps.give_back(layout.offsets[in_use.top()], sizes[in_use.top()]);
    if (sizes[i] == 0) continue;
    layout.offsets[i] = gaps.take(sizes[i]);
    in_use.push(i);
  }
  layout.bytes = gaps.end();
  return layout;
}

bool meet(const Demand& a, const Demand& b) { return a.first <= b.last && b.first <= a.last; }

// In the order given, each as low as those that are there allow. Takes quadratic time. The sum of all sizes fits 63 bits.
ArenaLayout in_order(const std::vector<Demand>& demands, const std::vector<std::int64_t>& sizes,
                     const std::vector<size_t>& order) {
  ArenaLayout layout{std::vector<std::int64_t>(demands.size(), 0), 0};
  std::vector<size_t> placed;  // by offset
  for (size_t i : order) {
    if (sizes[i] == 0) continue;
    std::int64_t offset = 0;
    for (size_t other : placed)
      if (meet(demands[i], demands[other]) && layout.offsets[other] < offset + sizes[i])
        offset = std::max(offset, layout.offsets[other] + sizes[other]);
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + sizes[i]);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [&](std::int64_t at, size_t p) { return at < layout.offsets[p]; }),
                  i);
  }
  return layout;
}

}  // namespace

ArenaLayout lay_out(const std::vector<Demand>& demands) {
  constexpr size_t kFew = 128;  // of which more than one order is tried: that takes quadratic time
  constexpr int kRounds = 4;
  std::vector<std::int64_t> sizes;
  for (const Demand& demand : demands) sizes.push_back(whole_units(demand.bytes));
  ArenaLayout layout = by_time(demands, sizes);
  std::int64_t sum = 0;
  for (const std::int64_t size : sizes)
    if (__builtin_add_overflow(sum, size, &sum)) return layout;
  if (demands.size() > kFew) return layout;
  const std::int64_t least = largest_live_set(demands);
  const auto enough = [&] { return layout.bytes - least <= layout.bytes / 20; };
  const auto time = [&](size_t i) { return static_cast<double>(demands[i].last - demands[i].first + 1); };
  const auto size = [&](size_t i) { return static_cast<double>(sizes[i]); };
  const auto both = [&](size_t i) { return time(i) * size(i); };
  for (const std::function<double(size_t)>& weight : {std::function<double(size_t)>(size), {time}, {both}}) {
    std::vector<size_t> order(demands.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, std::greater(), weight);
    // What ends up highest comes first the next time.
    for (int round = 0; round < kRounds && !enough(); ++round) {
      ArenaLayout other = in_order(demands, sizes, order);
      const auto top =
          std::ranges::max_element(order, {}, [&](size_t i) { return other.offsets[i] + sizes[i]; });
      std::rotate(order.begin(), top, top + 1);
      if (other.bytes < layout.bytes) layout = std::move(other);
    }
  }
  return layout;
}

std::int64_t largest_live_set(const std::vector<Demand>& demands) {
  std::map<std::int64_t, std::int64_t> changes;  // of what is wanted, by time
  for (const Demand& demand : demands) {
    if (demand.last < demand.first) continue;
    const std::int64_t bytes = whole_units(demand.bytes);
    changes[demand.first] += bytes;
    changes[demand.last + 1] -= bytes;
  }
  std::int64_t live = 0, most = 0;
  for (const auto& [time, change] : changes) most = std::max(most, live += change);
  return most;
}

}  // namespace rondo::backends
