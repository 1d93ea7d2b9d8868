// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace rondo::passes {

/// From which sizes on fuse-scans has loops run as one. A test may take small ones.
class ScanSizes {
 public:
  /// While it lives (one at a time on a thread), passes of this thread take these.
  ScanSizes(int64_t rows, int64_t bytes) {
    rows_ = rows;
    bytes_ = bytes;
  }
  ~ScanSizes() {
    rows_ = kFewRows;
    bytes_ = kSecondCache;
  }
  ScanSizes(const ScanSizes&) = delete;
  ScanSizes& operator=(const ScanSizes&) = delete;

  /// In a time step: with fewer, a dot of all times reads its weights less often.
  static int64_t rows() { return rows_; }
  /// That each loop but the first would read back: less is still in the cache.
  static int64_t bytes() { return bytes_; }

 private:
  static constexpr int64_t kFewRows = 12;
  static constexpr int64_t kSecondCache = 2 << 20;
  static inline constinit thread_local int64_t rows_ = kFewRows, bytes_ = kSecondCache;
};

}  // namespace rondo::passes
