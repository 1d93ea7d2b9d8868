// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace rondo {

/// Elements that end right before, or begin right after, a page that must not be touched.
template <class T>
class Guarded {
 public:
  Guarded(std::int64_t size, bool at_end) : size_(size) {
    std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), bytes = size * sizeof(T);
    std::size_t inside = std::max<std::size_t>(1, (bytes + page - 1) / page) * page;
    length_ = inside + 2 * page;
    base_ = static_cast<char*>(mmap(nullptr, length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_ + page, inside, PROT_READ | PROT_WRITE) == 0);
    data_ = reinterpret_cast<T*>(base_ + page + (at_end ? inside - bytes : 0));
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(base_, length_); }

  T* data() { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  T& operator[](std::int64_t i) { return data_[i]; }

 private:
  std::int64_t size_;
  std::size_t length_;
  char* base_;
  T* data_;
};

}  // namespace rondo
