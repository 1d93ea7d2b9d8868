// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/dot_library.h"

extern "C" void rondo_run_dot(rondo::backends::DotRun* run, std::int64_t dot, const void* x, const void* y,
                              void* result, void* scratch) noexcept {
  run->run(dot, x, y, result, scratch);
}
