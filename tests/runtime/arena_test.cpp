// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/arena.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>

#include "runtime/failure.h"

using rondo::runtime::Arena;
using rondo::runtime::Failure;

TEST_CASE("arena: grows, never shrinks, is aligned and writable") {
  Arena arena(1 << 20);
  CHECK(arena.base() == nullptr);
  for (std::uint64_t bytes : {1, 100, 4096, 50, 1 << 20}) {
    arena.reserve(bytes);
    REQUIRE(arena.capacity() >= bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(arena.base()) % 64 == 0);
    std::memset(arena.base(), 0xAB, arena.capacity());
  }
  CHECK(arena.capacity() == 1 << 20);
}

TEST_CASE("arena: what fits already costs nothing") {
  Arena arena(4096);
  arena.reserve(1000);
  const std::byte* base = arena.base();
  arena.reserve(0);
  arena.reserve(1000);
  CHECK(arena.base() == base);
}

TEST_CASE("arena: the limit holds and a refusal changes nothing") {
  Arena arena(1000);
  arena.reserve(1000);
  const std::byte* base = arena.base();
  CHECK_THROWS_WITH_AS(arena.reserve(1001), "the buffers of these sizes take 1001 bytes, the limit is 1000",
                       Failure);
  CHECK_THROWS_AS(arena.reserve(std::numeric_limits<std::uint64_t>::max()), Failure);
  CHECK(arena.base() == base);
  CHECK(arena.capacity() == 1000);
}

TEST_CASE("arena: by default the limit is the machine's memory") {
  Arena arena;
  CHECK(arena.limit() > (std::uint64_t{1} << 28));
  CHECK_THROWS_AS(arena.reserve(std::uint64_t{1} << 62), Failure);
}
