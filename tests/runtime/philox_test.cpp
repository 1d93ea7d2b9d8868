// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/philox.h"

#include <doctest/doctest.h>

using rondo::runtime::philox4x32;
using Words = std::array<std::uint32_t, 4>;

// Known answers that the authors publish with their library (kat_vectors, philox4x32 10).
TEST_CASE("philox: the published known answers") {
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox: it can be evaluated at compile time") {
  constexpr Words words = philox4x32({0, 0, 0, 0}, {0, 0});
  static_assert(words[0] == 0x6627e8d5);
  CHECK(words[3] == 0x9b00dbd8);
}

TEST_CASE("philox: every bit of counter and key matters") {
  const Words base = philox4x32({1, 2, 3, 4}, {5, 6});
  for (int bit = 0; bit < 128; ++bit) {
    Words counter{1, 2, 3, 4};
    counter[bit / 32] ^= 1u << (bit % 32);
    CHECK(philox4x32(counter, {5, 6}) != base);
  }
  for (int bit = 0; bit < 64; ++bit) {
    std::array<std::uint32_t, 2> key{5, 6};
    key[bit / 32] ^= 1u << (bit % 32);
    CHECK(philox4x32({1, 2, 3, 4}, key) != base);
  }
}
