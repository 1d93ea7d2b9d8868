// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>
#include <rondo/batches.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "ir/error.h"

using rondo::batches_by_length;
using Batches = std::vector<std::vector<std::size_t>>;

namespace {

std::vector<std::int32_t> some_lengths(std::size_t count) {
  std::vector<std::int32_t> lengths;
  for (std::size_t i = 0; i < count; ++i) lengths.push_back(static_cast<std::int32_t>(i * 7919 % 41));
  return lengths;
}

}  // namespace

TEST_CASE("batches: every sequence stands in exactly one batch") {
  for (std::size_t count : {0, 1, 63, 64, 65, 1000}) {
    auto lengths = some_lengths(count);
    std::vector<std::size_t> seen;
    std::size_t short_batches = 0;
    for (auto& batch : batches_by_length(lengths, 64, 1, 0)) {
      REQUIRE(!batch.empty());
      REQUIRE(batch.size() <= 64);
      short_batches += batch.size() < 64;
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    CHECK(short_batches == (count % 64 != 0));
    std::ranges::sort(seen);
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), std::size_t{0});
    CHECK(seen == all);
  }
}

TEST_CASE("batches: lengths of different batches overlap at most at their ends") {
  auto lengths = some_lengths(1000);
  std::vector<std::pair<std::int32_t, std::int32_t>> limits;
  for (auto& batch : batches_by_length(lengths, 32, 5, 2)) {
    auto by_length = [&](std::size_t a, std::size_t b) { return lengths[a] < lengths[b]; };
    auto [least, greatest] = std::ranges::minmax_element(batch, by_length);
    limits.emplace_back(lengths[*least], lengths[*greatest]);
  }
  CHECK(!std::ranges::is_sorted(limits));
  std::ranges::sort(limits);
  for (std::size_t i = 1; i < limits.size(); ++i) CHECK(limits[i - 1].second <= limits[i].first);
}

// Worked out by hand from the definition would take long: these were printed once, and hold the order fast on
// every machine and library.
TEST_CASE("batches: the order is part of the contract") {
  const std::vector<std::int32_t> lengths{3, 1, 2, 3, 1, 2, 3, 1, 2, 9};
  CHECK(batches_by_length(lengths, 3, 1, 0) == Batches{{7, 4, 1}, {0, 6, 3}, {8, 2, 5}, {9}});
  CHECK(batches_by_length(lengths, 3, 0x123456789ABCDEF0, 7) ==
        Batches{{7, 4, 1}, {2, 8, 5}, {9}, {3, 0, 6}});
}

TEST_CASE("batches: seed and epoch change the company and the order, nothing else does") {
  auto lengths = some_lengths(500);
  auto first = batches_by_length(lengths, 16, 1, 0);
  CHECK(batches_by_length(lengths, 16, 1, 0) == first);
  for (auto& other : {batches_by_length(lengths, 16, 2, 0), batches_by_length(lengths, 16, 1, 1),
                      batches_by_length(lengths, 16, std::uint64_t{1} << 32 | 1, 0)}) {
    CHECK(other != first);
    std::set<std::set<std::size_t>> companies, first_companies;
    for (auto& batch : other) companies.insert({batch.begin(), batch.end()});
    for (auto& batch : first) first_companies.insert({batch.begin(), batch.end()});
    CHECK(companies != first_companies);
  }
}

// With all lengths equal it is a plain shuffle: over many epochs each index comes first about equally often.
TEST_CASE("batches: the shuffle favours no place") {
  const std::vector<std::int32_t> lengths(8, 5);
  std::vector<int> first(8);
  constexpr std::uint32_t kEpochs = 8000;
  for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch)
    ++first[batches_by_length(lengths, 8, 3, epoch)[0][0]];
  double chi_squared = 0;
  for (int count : first) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  CHECK(chi_squared < 24.3);  // exceeded by chance once in a thousand, 7 degrees of freedom
}

TEST_CASE("batches: a batch of nothing is an error") {
  CHECK_THROWS_WITH_AS(batches_by_length(some_lengths(3), 0, 1, 0),
                       "batches_by_length: batch_size must be at least 1, found 0", rondo::Error);
}
