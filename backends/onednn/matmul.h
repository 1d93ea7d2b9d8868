// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <compare>
#include <cstdint>
#include <memory>

struct dnnl_memory;
struct dnnl_post_ops;
struct dnnl_primitive;
struct dnnl_primitive_attr;
struct dnnl_primitive_desc;
struct dnnl_stream;

namespace rondo::onednn {

/// c[i,m,n] = sum over k of a[i,m,k] * b[i,k,n], for i < batch; `accumulate`: added to the present c[i,m,n].
/// All sizes are at least 1. Strides count elements; columns of c lie next to each other; a or b, but not both,
/// may be the same for each i: its batch stride is 0 then. Of m and k in a, and of k and n in b, one has stride 1
/// or size 1.
struct MatmulShape {
  std::int64_t batch = 1, M = 1, N = 1, K = 1;
  std::int64_t a_batch = 0, a_row = 1, a_k = 1;
  std::int64_t b_batch = 0, b_k = 1, b_column = 1;
  std::int64_t c_batch = 0, c_row = 1;
  bool accumulate = false;

  auto operator<=>(const MatmulShape&) const = default;
};

/// Frees what belongs to oneDNN.
struct Release {
  void operator()(dnnl_memory* memory) const noexcept;
  void operator()(dnnl_post_ops* post_ops) const noexcept;
  void operator()(dnnl_primitive* primitive) const noexcept;
  void operator()(dnnl_primitive_attr* attr) const noexcept;
  void operator()(dnnl_primitive_desc* desc) const noexcept;
  void operator()(dnnl_stream* stream) const noexcept;
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

/// A primitive, made for a shape: immutable, and run by any thread. Its memory comes from outside
/// (scratchpad_mode::user); by default it would be of the thread that made it.
class Matmul {
 public:
  /// Throws Error if memory does not do.
  explicit Matmul(const MatmulShape& shape);

  const MatmulShape& shape() const { return shape_; }
  std::int64_t scratchpad_bytes() const { return scratchpad_bytes_; }

 private:
  friend class MatmulCall;

  MatmulShape shape_;
  std::int64_t scratchpad_bytes_;
  Owned<dnnl_primitive> primitive_;
};

/// What a Matmul computes, by loops over the definition.
void multiply_plainly(const MatmulShape& shape, const float* a, const float* b, float* c) noexcept;

/// The arguments of a primitive, which one thread at a time fills in.
class MatmulCall {
 public:
  /// Throws Error if memory does not do.
  explicit MatmulCall(const Matmul& matmul);
  /// False if it failed, since memory did not do: c may hold anything then.
  bool run(const float* a, const float* b, float* c, void* scratchpad) noexcept;

 private:
  const Matmul* matmul_;
  Owned<dnnl_stream> stream_;
  Owned<dnnl_memory> a_, b_, c_, scratchpad_;
};

/// While it lives, OpenMP starts no other threads for the thread that made it.
class OneThread {
 public:
  OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread();

 private:
  int threads_;
};

}  // namespace rondo::onednn
