// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/error_word.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

using rondo::runtime::ErrorWord;

TEST_CASE("error word: empty until something is recorded, empty again after reset") {
  ErrorWord word;
  CHECK_FALSE(word.set());
  rondo_record_error(&word, 0, 0);
  CHECK(word.set());
  word.reset();
  CHECK_FALSE(word.set());
}

TEST_CASE("error word: the least (op, position) wins in any order of recording") {
  std::vector<std::pair<std::int64_t, std::int64_t>> errors{{3, 0}, {2, 900}, {2, 5}, {7, 1}};
  std::ranges::sort(errors);
  do {
    ErrorWord word;
    for (auto [op, position] : errors) word.record(op, position);
    CHECK(word.op == 2);
    CHECK(word.position == 5);
  } while (std::ranges::next_permutation(errors).found);
}

TEST_CASE("error word: compiled code finds two 64-bit words") {
  static_assert(sizeof(ErrorWord) == 16);
  static_assert(offsetof(ErrorWord, position) == 8);
  ErrorWord word;
  CHECK(word.op == INT64_MAX);
}
