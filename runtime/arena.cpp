// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/arena.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "runtime/failure.h"

namespace rondo::runtime {

std::uint64_t Arena::machine_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void Arena::reserve(std::uint64_t bytes) {
  if (bytes <= capacity_) return;
  if (bytes > limit_)
    throw Failure("the buffers of these sizes take " + std::to_string(bytes) + " bytes, the limit is " +
                  std::to_string(limit_));
  AlignedBytes larger = allocate_aligned(bytes);
  if (!larger)
    throw Failure("out of memory: the buffers of these sizes take " + std::to_string(bytes) + " bytes");
  block_ = std::move(larger);
  capacity_ = bytes;
}

}  // namespace rondo::runtime
