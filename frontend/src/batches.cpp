// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <rondo/batches.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "ir/error.h"
#include "runtime/philox.h"

namespace rondo {
namespace {

enum class Stream : std::uint32_t { order = 0x6F726472, batches = 0x62617463 };

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// Fisher and Yates's shuffle; std::shuffle may differ from library to library. An index below n is the upper
// half of n times 64 random bits, which favours none by more than n / 2^64.
template <class T>
void shuffle(std::vector<T>& items, std::uint64_t seed, std::uint32_t epoch, Stream stream) {
  for (std::uint64_t n = items.size(); n > 1; --n) {
    auto bits = runtime::philox4x32({low(n), high(n), epoch, static_cast<std::uint32_t>(stream)},
                                    {low(seed), high(seed)});
    std::uint64_t random = static_cast<std::uint64_t>(bits[1]) << 32 | bits[0];
    auto chosen = static_cast<std::uint64_t>(static_cast<unsigned __int128>(random) * n >> 64);
    std::swap(items[n - 1], items[chosen]);
  }
}

}  // namespace

std::vector<std::vector<std::size_t>> batches_by_length(std::span<const std::int32_t> lengths,
                                                        std::size_t batch_size, std::uint64_t seed,
                                                        std::uint32_t epoch) {
  if (batch_size == 0) throw Error("batches_by_length: batch_size must be at least 1, found 0");
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(order, seed, epoch, Stream::order);
  std::map<std::int32_t, std::vector<std::size_t>> by_length;
  for (std::size_t index : order) by_length[lengths[index]].push_back(index);
  order.clear();
  for (auto& [length, equal] : by_length) order.insert(order.end(), equal.begin(), equal.end());

  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t first = 0; first < order.size(); first += batch_size) {
    auto begin = order.begin() + static_cast<std::ptrdiff_t>(first);
    batches.emplace_back(begin,
                         begin + static_cast<std::ptrdiff_t>(std::min(batch_size, order.size() - first)));
  }
  shuffle(batches, seed, epoch, Stream::batches);
  return batches;
}

}  // namespace rondo
