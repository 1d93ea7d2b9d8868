// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/vocabulary.h"

#include <doctest/doctest.h>

using namespace classify;

TEST_CASE("vocabulary: words are runs of letters, digits and plus, at most 100") {
  CHECK(words_of("gnu c++ compiler (4.9), \xc3\xbc"
                 "ber-fast") ==
        std::vector<std::string_view>{"gnu", "c++", "compiler", "4", "9", "ber", "fast"});
  CHECK(words_of("").empty());
  CHECK(words_of("-- !").empty());
  CHECK(words_of("ABC d").size() == 1);
  std::string many;
  for (int i = 0; i < 200; ++i) many += std::to_string(i) + " ";
  CHECK(words_of(many).size() == 100);
  CHECK(words_of(many).back() == "99");
}

TEST_CASE("vocabulary: it holds words seen twice, the frequent first") {
  const std::vector<Title> train{{"b a b rare", 0}, {"c a b", 1}, {"c z", 2}};
  Vocabulary vocabulary = Vocabulary::of(train);
  CHECK(vocabulary.words() == std::vector<std::string>{"b", "a", "c"});
  CHECK(vocabulary.size() == 5);
  CHECK(vocabulary.ids("c, b: unheard rare a") == std::vector<std::int32_t>{4, 2, 1, 1, 3});
  CHECK(vocabulary.ids("").empty());
  CHECK(Vocabulary(vocabulary.words()).ids("a b") == vocabulary.ids("a b"));
  CHECK(Vocabulary::of({}).size() == 2);
}
