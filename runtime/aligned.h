// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace rondo::runtime {

/// A cache line, and the widest vector: what arrays and the arena are aligned to.
inline constexpr std::size_t kAlignment = 64;

struct FreeAligned {
  void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{kAlignment}); }
};

using AlignedBytes = std::unique_ptr<std::byte, FreeAligned>;

/// Memory that is not initialised, or null if there is not enough. 0 bytes have an address too.
inline AlignedBytes allocate_aligned(std::uint64_t bytes) {
  return AlignedBytes(
      static_cast<std::byte*>(::operator new(bytes, std::align_val_t{kAlignment}, std::nothrow)));
}

}  // namespace rondo::runtime
