// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <pthread.h>

#include <functional>

namespace rondo::test {

#ifdef __SANITIZE_ADDRESS__
inline constexpr int kLongChain = 100'000;  // as deep for the stack, and a tenth of the time
#else
inline constexpr int kLongChain = 1'000'000;
#endif

/// Runs `body` on a thread with a stack of 1 MiB.
inline void on_small_stack(const std::function<void()>& body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_t thread;
  const auto run = [](void* function) -> void* {
    (*static_cast<std::function<void()>*>(function))();
    return nullptr;
  };
  std::function<void()> copy = body;
  REQUIRE(pthread_create(&thread, &attributes, run, &copy) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace rondo::test
