// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/signals.h"

#include <unistd.h>

#include <atomic>

#include "runtime/failure.h"

namespace rondo::runtime {
namespace {

std::atomic<bool> alive{false};
std::atomic<int> requested{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not wait for a lock");

void on_signal(int signal) {
  int none = 0;
  if (!requested.compare_exchange_strong(none, signal)) _exit(128 + signal);
}

void install(int signal, struct sigaction& before) {
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;  // the saving that follows must not see its writes interrupted
  sigaction(signal, &action, &before);
  if (before.sa_handler == SIG_IGN) sigaction(signal, &before, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  if (alive.exchange(true)) throw Failure("signals are being watched already");
  requested = 0;
  install(SIGINT, interrupt_before_);
  install(SIGTERM, terminate_before_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
  alive = false;
}

int StopSignals::stop_requested() const { return requested; }

}  // namespace rondo::runtime
