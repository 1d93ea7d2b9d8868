// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/signals.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/failure.h"

using rondo::runtime::Failure;
using rondo::runtime::StopSignals;

namespace {

// What a child process that runs `body` ends with: its exit code, or minus the signal that killed it.
template <class Body>
int end_of_child(Body body) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("signals: the first one is a flag") {
  for (int signal : {SIGINT, SIGTERM}) {
    StopSignals signals;
    CHECK(signals.stop_requested() == 0);
    raise(signal);
    CHECK(signals.stop_requested() == signal);
  }
  CHECK(StopSignals().stop_requested() == 0);
}

TEST_CASE("signals: the second one ends the process with the shell's code") {
  auto twice = [](int first, int second) {
    return end_of_child([=] {
      StopSignals signals;
      raise(first);
      raise(second);
    });
  };
  CHECK(twice(SIGINT, SIGINT) == 130);
  CHECK(twice(SIGTERM, SIGTERM) == 143);
  CHECK(twice(SIGINT, SIGTERM) == 143);
}

TEST_CASE("signals: afterwards they act as before") {
  for (int signal_number : {SIGINT, SIGTERM})
    CHECK(end_of_child([=] {
            signal(signal_number, [](int) { _exit(9); });
            {
              StopSignals signals;
            }
            raise(signal_number);
          }) == 9);
}

TEST_CASE("signals: what was ignored stays ignored") {
  CHECK(end_of_child([] {
          signal(SIGINT, SIG_IGN);
          StopSignals signals;
          raise(SIGINT);
          raise(SIGINT);
          _exit(signals.stop_requested() == 0 ? 7 : 1);
        }) == 7);
}

TEST_CASE("signals: one watcher at a time") {
  StopSignals signals;
  CHECK_THROWS_AS(StopSignals(), Failure);
  raise(SIGINT);
  CHECK(signals.stop_requested() == SIGINT);
}
