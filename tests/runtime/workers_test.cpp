// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/workers.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "runtime/failure.h"

namespace rondo::runtime {

namespace {

struct Calls {
  std::array<std::atomic<int>, Workers::kMost> of = {};

  static void count(void* work, int worker) noexcept { ++static_cast<Calls*>(work)->of[worker]; }

  bool each_worker_came(int workers, int times) const {
    for (int w = 0; w < Workers::kMost; ++w)
      if (of[w] != (w < workers ? times : 0)) return false;
    return true;
  }
};

}  // namespace

TEST_CASE("each worker does its part once a run, whatever the number before") {
  for (int workers : {1, 2, 5, 3, 16, 2, 64, 1}) {
    Calls calls;
    for (int run = 0; run < 100; ++run) Workers::shared().run(workers, Calls::count, &calls);
    CHECK(calls.each_worker_came(workers, 100));
  }
}

TEST_CASE("all parts are done when run returns, and what the caller wrote before is seen") {
  struct Sums {
    std::vector<int> in, out = std::vector<int>(4);
  } sums;
  for (int round = 0; round < 2000; ++round) {
    sums.in.assign(1000, round);
    Workers::shared().run(
        4,
        [](void* work, int worker) noexcept {
          auto& sums = *static_cast<Sums*>(work);
          sums.out[worker] = 0;
          for (int i = worker * 250; i < (worker + 1) * 250; ++i) sums.out[worker] += sums.in[i];
        },
        &sums);
    REQUIRE(sums.out == std::vector<int>(4, 250 * round));
  }
}

TEST_CASE("who finds them at work does it all alone") {
  std::vector<std::thread> callers;
  std::array<Calls, 4> calls;
  for (Calls& own : calls)
    callers.emplace_back([&own] {
      for (int run = 0; run < 500; ++run) Workers::shared().run(3, Calls::count, &own);
    });
  for (std::thread& caller : callers) caller.join();
  for (const Calls& own : calls) CHECK(own.each_worker_came(3, 500));
}

TEST_CASE("a task may call them: the workers are busy, so it does that alone") {
  Calls inner;
  Workers::shared().run(
      2, [](void* work, int) noexcept { Workers::shared().run(2, Calls::count, work); }, &inner);
  CHECK(inner.each_worker_came(2, 2));
}

TEST_CASE("after a fork, in which there are no threads, the child works alone") {
  Calls calls;
  Workers::shared().run(2, Calls::count, &calls);
  const pid_t child = fork();
  if (child == 0) {
    Workers::shared().run(2, Calls::count, &calls);
    _exit(calls.each_worker_came(2, 2) ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("RONDO_THREADS is a number from 1 to 64, or nothing") {
  const char* before = std::getenv("RONDO_THREADS");
  const std::string kept = before == nullptr ? "" : before;
  setenv("RONDO_THREADS", "7", 1);
  CHECK(Workers::default_count() == 7);
  for (const char* wrong : {"0", "65", "-1", "two", "2x", "99999999999"}) {
    setenv("RONDO_THREADS", wrong, 1);
    CHECK_THROWS_WITH_AS(
        Workers::default_count(),
        ("RONDO_THREADS is '" + std::string(wrong) + "', expected a number from 1 to 64").c_str(), Failure);
  }
  unsetenv("RONDO_THREADS");
  CHECK(Workers::default_count() >= 1);
  setenv("RONDO_THREADS", kept.c_str(), 1);
}

}  // namespace rondo::runtime
