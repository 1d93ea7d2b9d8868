// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <limits>

#include "backends/arena_layout.h"
#include "ir/error.h"
#include "tools/fuzz/random.h"

using namespace rondo;
using namespace rondo::backends;

TEST_CASE("memory is used again once nothing wants it") {
  const ArenaLayout layout = lay_out({{100, 0, 1}, {64, 1, 2}, {128, 2, 3}, {0, 0, 9}});
  CHECK(layout.offsets == std::vector<std::int64_t>{0, 128, 0, 0});
  CHECK(layout.bytes == 192);
}

TEST_CASE("gaps next to each other are one, and the last one grows") {
  const ArenaLayout layout =
      lay_out({{64, 0, 0}, {64, 0, 0}, {64, 0, 5}, {128, 1, 5}, {64, 0, 0}, {640, 2, 3}});
  CHECK(layout.offsets == std::vector<std::int64_t>{0, 64, 128, 0, 192, 192});
  CHECK(layout.bytes == 192 + 640);
}

TEST_CASE("the largest come first where that takes less") {
  // By time the last one finds the gap of the first too small.
  const ArenaLayout layout = lay_out({{64, 0, 1}, {64, 0, 9}, {128, 2, 9}});
  CHECK(layout.bytes == 192);
  CHECK(layout.offsets == std::vector<std::int64_t>{0, 128, 0});
}

TEST_CASE("no two demands of one time overlap, in random layouts") {
  fuzz::Random random(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<Demand> demands;
    std::int64_t sum = 0;
    for (int i = 0; i < 60; ++i) {
      const std::int64_t first = random.below(40);
      demands.push_back({random.below(1000), first, first + random.below(10)});
      sum += demands.back().bytes + 63;
    }
    const ArenaLayout layout = lay_out(demands);
    CHECK(layout.bytes < sum);
    CHECK(largest_live_set(demands) <= layout.bytes);
    bool sound = true;
    for (size_t a = 0; a < demands.size(); ++a) {
      sound = sound && layout.offsets[a] % 64 == 0 && layout.offsets[a] + demands[a].bytes <= layout.bytes;
      for (size_t b = 0; b < a; ++b) {
        const bool meet = demands[a].first <= demands[b].last && demands[b].first <= demands[a].last;
        const bool overlap = layout.offsets[a] < layout.offsets[b] + demands[b].bytes &&
                             layout.offsets[b] < layout.offsets[a] + demands[a].bytes;
        sound = sound && !(meet && overlap && demands[a].bytes > 0 && demands[b].bytes > 0);
      }
    }
    CHECK(sound);
  }
}

TEST_CASE("the largest live set is what is wanted at one time, in whole units") {
  CHECK(largest_live_set({}) == 0);
  CHECK(largest_live_set({{100, 0, 1}, {64, 1, 2}, {128, 2, 3}, {0, 0, 9}}) == 192);
  CHECK(largest_live_set({{64, 0, 4}, {1, 0, 0}, {640, 5, 5}, {65, 3, 4}}) == 640);
}

TEST_CASE("sizes whose sum does not fit 63 bits may fit one after another") {
  const std::int64_t huge = std::int64_t{1} << 62;
  CHECK(lay_out({{huge, 0, 1}, {huge, 2, 3}, {huge, 4, 5}}).bytes == huge);
}

TEST_CASE("sizes that don't fit 63 bits are an error") {
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max() - 100;
  CHECK_THROWS_AS(lay_out({{huge, 0, 1}, {huge, 0, 1}}), Error);
  CHECK_THROWS_AS(lay_out({{std::numeric_limits<std::int64_t>::max(), 0, 1}}), Error);
}
