// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>

namespace rondo::runtime {

/// The threads that share work with whoever calls: one set for the whole process, each bound to a CPU of its own as far
/// as there are enough. They are started when first needed and wait in between, a short time busily.
class Workers {
 public:
  static Workers& shared();
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// How many take part unless something else is asked for: RONDO_THREADS, or the number of CPUs that this process may
  /// use. Throws Failure if the variable is no number from 1 to kMost.
  static int default_count();
  static constexpr int kMost = 64;

  /// What worker number `worker` does; it throws nothing.
  using Task = void(void* work, int worker) noexcept;

  /// Runs task(work, w) for every w < count, the caller as worker 0, and returns when all are done. If they work for
  /// somebody else at that moment, or the system gives no threads, the caller does it all, one after another.
  void run(int count, Task* task, void* work) noexcept;

 private:
  struct State;

  Workers();
  std::unique_ptr<State> state_;
};

}  // namespace rondo::runtime
