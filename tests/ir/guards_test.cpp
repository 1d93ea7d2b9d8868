// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a function's guards prove: never too much, and within bounds of time.
#include <doctest/doctest.h>

#include <chrono>
#include <random>

#include "ir/error.h"
#include "ir/graph.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

using Random = std::mt19937_64;

Dim draw(Random& random) {
  static const std::vector<Dim> monomials = {
      1, Dim("T"), Dim("S"), Dim("B"), Dim("Q"), Dim("T") * Dim("S"), Dim("B") * Dim("B")};
  Dim sum = 0;
  for (uint64_t n = 1 + random() % 3; n > 0; --n)
    sum = sum + (static_cast<int64_t>(random() % 7) - 3) * monomials[random() % monomials.size()];
  return sum;
}

bool holds(const Guard& guard, const Sizes& sizes) {
  const int64_t left = guard.left.evaluate(sizes), right = guard.right.evaluate(sizes);
  return guard.equal ? left == right : left <= right;
}

// The first sizes that satisfy the guards and not the fact; empty if there are none below 5.
Sizes counterexample(const Function& function, const Guard& fact) {
  for (int64_t t = 0; t < 5; ++t)
    for (int64_t s = 0; s < 5; ++s)
      for (int64_t b = 0; b < 5; ++b) {
        Sizes sizes = {{"T", t}, {"S", s}, {"B", b}};
        derive(sizes, function.derived);
        bool allowed = true;
        for (const Guard& guard : function.guards) allowed = allowed && holds(guard, sizes);
        if (allowed && !holds(fact, sizes)) return sizes;
      }
  return {};
}

}  // namespace

TEST_CASE("what guards imply holds for all sizes that they allow") {
  Random random(1);
  int implied = 0;
  for (int round = 0; round < 4000; ++round) {
    Function function("f");
    function.derived = {{"Q", Dim("S") + static_cast<int64_t>(random() % 2) * Dim("T"),
                         static_cast<int64_t>(random() % 2) * Dim("B") + 2}};
    for (uint64_t n = random() % 4; n > 0; --n)
      function.guards.push_back({draw(random), random() % 3 == 0, draw(random), Loc::unknown()});
    const Guard fact{draw(random), random() % 4 == 0, draw(random), Loc::unknown()};
    if (!function.implies(fact.left, fact.equal, fact.right)) continue;
    ++implied;
    CAPTURE(fact.left.text());
    CAPTURE(fact.right.text());
    REQUIRE(counterexample(function, fact).empty());
  }
  CHECK(implied > 300);
}

TEST_CASE("a guard implies itself among many that could lead somewhere") {
  Function function("f");
  const std::vector<Dim> symbols = {Dim("A"), Dim("B"), Dim("C"), Dim("D"), Dim("E"), Dim("F")};
  for (int64_t least = 1; least <= 3; ++least)
    for (Dim symbol : symbols) function.require(1, false, symbol - (least - 1), Loc::unknown());
  for (Dim symbol : symbols) CHECK(function.implies(1, false, symbol - 2));
}

TEST_CASE("a guard implies itself, and what asks less") {
  Function function("f");
  const Dim T("T"), S("S");
  CHECK_FALSE(function.implies(1, false, T));
  function.require(2, false, T, Loc("mine.cpp", 3));
  CHECK(function.implies(1, false, T));
  CHECK(function.implies(0, false, T - 2));
  CHECK_FALSE(function.implies(3, false, T));
  CHECK_FALSE(function.implies(S, true, T));
  function.require(S, true, T, Loc("mine.cpp", 4));
  CHECK(function.implies(T, true, S));
  CHECK(function.implies(S, false, T));
  CHECK(function.implies(2, false, S));
}

TEST_CASE("guards together imply sums of what they say, times sizes") {
  Function function("f");
  const Dim T("T"), S("S"), B("B");
  function.require(1, false, T, Loc("mine.cpp", 3));
  function.require(S, false, T, Loc("mine.cpp", 4));
  CHECK(function.implies(2, false, 2 * T));
  CHECK(function.implies(2 * T - 2, false, 3 * T - 3));
  CHECK(function.implies(B, false, B * T));
  CHECK(function.implies(S + 1, false, 2 * T));
  CHECK_FALSE(function.implies(S + 2, false, 2 * T));
  CHECK_FALSE(function.implies(T, false, B * T));
  function.require(S, true, T, Loc("mine.cpp", 5));
  CHECK(function.implies(B * S, true, B * T));
  CHECK_FALSE(function.implies(B * S, true, 2 * B * T));
}

TEST_CASE("a guard that is implied is not kept, one that can never hold is an error") {
  Function function("f");
  const Dim T("T"), S("S");
  function.require(0, false, T, Loc("mine.cpp", 1));
  function.require(T, true, T, Loc("mine.cpp", 2));
  CHECK(function.guards.empty());
  function.require(S, false, T, Loc("mine.cpp", 3));
  function.require(S, false, T + 1, Loc("mine.cpp", 4));
  CHECK(function.guards.size() == 1);
  CHECK_THROWS_WITH_AS(function.require(3, false, 2, Loc("mine.cpp", 5)), "mine.cpp:5: 3 <= 2 can never hold",
                       Error);
  CHECK_THROWS_WITH_AS(function.require(T + 1, true, T, Loc("mine.cpp", 6)),
                       "mine.cpp:6: T+1 == T can never hold", Error);
}

TEST_CASE("a function takes 256 guards, and asking them stays cheap") {
  Function function("f");
  const auto symbol = [](int i) { return Dim("s" + std::to_string(i)); };
  // Each of 16 sizes is at most each of the others plus what differs: many ways to go on, none that ends.
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 16; ++k)
      function.require(symbol(i) + 16 * i + k + 1, false, 2 * symbol(k), Loc("mine.cpp", 7));
  REQUIRE(function.guards.size() == 256);
  CHECK_THROWS_WITH_AS(function.require(symbol(0), false, symbol(99), Loc("mine.cpp", 8)),
                       "mine.cpp:8: a function has more than 256 guards", Error);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 16; ++i) CHECK_FALSE(function.implies(symbol(i), false, Dim("T")));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("a proof that would leave 64 bits is no proof, and no error") {
  Function function("f");
  const Dim T("T"), S("S");
  const int64_t large = int64_t{1} << 62;
  function.require(large * T, false, S, Loc("mine.cpp", 9));
  function.require(3, false, large * S, Loc("mine.cpp", 10));
  CHECK_FALSE(function.implies(large * T + 1, false, large * S));
  CHECK(function.implies(large * T, false, 2 * S));
}
