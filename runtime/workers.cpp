// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/workers.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "runtime/failure.h"

namespace rondo::runtime {

namespace {

// Longer than the serial work between two joins of a small step, shorter than a turn of the scheduler. By the clock, as a
// pause takes from 5 to 140 cycles.
constexpr std::chrono::microseconds kBusily(100);
constexpr int kSpins = 32;  // between two looks at the clock

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

void bind_to(std::thread& thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set,
                         &set);  // where it is refused, the system decides
}

// Until the number is no longer `old`: busily at first, if nobody else needs the CPU.
std::uint32_t await_change(const std::atomic<std::uint32_t>& number, std::uint32_t old, bool busily) {
  if (busily) {
    const auto end = std::chrono::steady_clock::now() + kBusily;
    do {
      for (int spin = 0; spin < kSpins; ++spin) {
        if (const std::uint32_t now = number.load(std::memory_order_acquire); now != old) return now;
        _mm_pause();
      }
    } while (std::chrono::steady_clock::now() < end);
  }
  number.wait(old, std::memory_order_acquire);
  return number.load(std::memory_order_acquire);
}

}  // namespace

struct Workers::State {
  // A thread, which is worker number `index in threads` + 1.
  struct Thread {
    alignas(64) std::atomic<std::uint32_t> begun = 0;  // rounds that it was called to
    int cpu = -1;                                      // where it is bound; -1 if it is not
    std::thread thread;
  };

  const pid_t process = getpid();  // a fork has no threads
  const std::vector<int> cpus = allowed_cpus();
  std::atomic_flag busy;
  std::vector<std::unique_ptr<Thread>> threads;

  // The round: written before the threads are called.
  Task* task = nullptr;
  void* work = nullptr;
  bool stop = false;
  alignas(64) std::atomic<std::uint32_t> left = 0;  // threads that are not done

  void serve(Thread& self, int worker) {
    for (std::uint32_t seen = 0;;) {
      seen = await_change(self.begun, seen, waits_busily.load(std::memory_order_relaxed));
      if (stop) return;
      task(work, worker);
      if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) left.notify_one();
    }
  }
  std::atomic<bool> waits_busily = true;

  void call(Thread& thread) {
    thread.begun.fetch_add(1, std::memory_order_release);
    thread.begun.notify_one();
  }

  // False if the system gives no more threads. Signals are for the threads of the program.
  bool have(int wanted) {
    if (static_cast<int>(threads.size()) >= wanted) return true;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const bool enough = start(wanted);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return enough;
  }

  bool start(int wanted) {
    try {
      while (static_cast<int>(threads.size()) < wanted) {
        auto thread = std::make_unique<Thread>();
        threads.reserve(threads.size() + 1);
        thread->thread =
            std::thread([this, self = thread.get(), worker = static_cast<int>(threads.size()) + 1] {
              serve(*self, worker);
            });
        threads.push_back(std::move(thread));
      }
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  // Each on a CPU of its own, none on the caller's.
  void spread(int wanted) {
    const int caller = sched_getcpu();
    const auto is_free = [&](int cpu) {
      return cpu != caller && std::none_of(threads.begin(), threads.begin() + wanted,
                                           [&](const auto& thread) { return thread->cpu == cpu; });
    };
    for (int i = 0; i < wanted; ++i) {
      Thread& thread = *threads[i];
      if (thread.cpu >= 0 && thread.cpu != caller) continue;
      const auto cpu = std::find_if(cpus.begin(), cpus.end(), is_free);
      if (cpu == cpus.end()) return;
      bind_to(thread.thread, *cpu);
      thread.cpu = *cpu;
    }
  }
};

Workers::Workers() : state_(std::make_unique<State>()) {}

Workers::~Workers() {
  if (getpid() != state_->process) {  // nobody is there to be awaited
    for (auto& thread : state_->threads) thread->thread.detach();
    return;
  }
  state_->stop = true;
  for (auto& thread : state_->threads) state_->call(*thread);
  for (auto& thread : state_->threads) thread->thread.join();
}

Workers& Workers::shared() {
  static Workers workers;
  return workers;
}

int Workers::default_count() {
  const char* text = std::getenv("RONDO_THREADS");
  if (text == nullptr || *text == 0) return std::clamp(static_cast<int>(allowed_cpus().size()), 1, kMost);
  int count = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), count);
  if (error != std::errc() || *end != 0 || count < 1 || count > kMost)
    throw Failure("RONDO_THREADS is '" + std::string(text) + "', expected a number from 1 to " +
                  std::to_string(kMost));
  return count;
}

void Workers::run(int count, Task* task, void* work) noexcept {
  State& state = *state_;
  const bool free = !state.busy.test_and_set(std::memory_order_acquire);
  if (!free || getpid() != state.process || !state.have(count - 1)) {
    for (int worker = 0; worker < count; ++worker) task(work, worker);
    if (free) state.busy.clear(std::memory_order_release);
    return;
  }
  const bool busily = count <= static_cast<int>(state.cpus.size());
  if (busily) state.spread(count - 1);
  state.waits_busily.store(busily, std::memory_order_relaxed);
  state.task = task;
  state.work = work;
  state.left.store(static_cast<std::uint32_t>(count - 1), std::memory_order_relaxed);
  for (int i = 0; i + 1 < count; ++i) state.call(*state.threads[i]);
  task(work, 0);
  for (std::uint32_t left = state.left.load(std::memory_order_acquire); left != 0;)
    left = await_change(state.left, left, busily);
  state.busy.clear(std::memory_order_release);
}

}  // namespace rondo::runtime
