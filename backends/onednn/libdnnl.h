// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// oneDNN's C interface, and what hides where oneDNN 3 spells it otherwise than 2.6. libdnnl is loaded
// when it is first asked for: it would cost every process two milliseconds, OpenMP and OpenCL.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <cstdint>

#if DNNL_CPU_RUNTIME != DNNL_RUNTIME_OMP
#error "Primitives are kept to one thread by OpenMP's own means: use a oneDNN that is built with OpenMP"
#endif

namespace rondo::onednn {

/// The functions that are the same in 2.6 and 3: `F(engine_create)` is dnnl_engine_create.
#define RONDO_DNNL_FUNCTIONS(F)         \
  F(version)                            \
  F(engine_create)                      \
  F(stream_create)                      \
  F(stream_destroy)                     \
  F(stream_wait)                        \
  F(memory_create)                      \
  F(memory_set_data_handle)             \
  F(memory_destroy)                     \
  F(memory_desc_get_size)               \
  F(post_ops_create)                    \
  F(post_ops_append_sum)                \
  F(post_ops_destroy)                   \
  F(primitive_attr_create)              \
  F(primitive_attr_set_scratchpad_mode) \
  F(primitive_attr_set_post_ops)        \
  F(primitive_attr_destroy)             \
  F(primitive_desc_query_md)            \
  F(primitive_desc_destroy)             \
  F(primitive_get_primitive_desc)       \
  F(primitive_create)                   \
  F(primitive_execute)                  \
  F(primitive_destroy)

#if DNNL_VERSION_MAJOR < 3
#define RONDO_DNNL_FUNCTIONS_OF_VERSION(F) \
  F(memory_desc_init_by_strides) F(matmul_desc_init) F(primitive_desc_create)
using MemoryDescRef = const dnnl_memory_desc_t*;
#else
#define RONDO_DNNL_FUNCTIONS_OF_VERSION(F) \
  F(memory_desc_create_with_strides) F(memory_desc_destroy) F(matmul_primitive_desc_create)
using MemoryDescRef = const_dnnl_memory_desc_t;
#endif

struct LibDnnl {
#define RONDO_DECLARE(name) decltype(&::dnnl_##name) name;
  RONDO_DNNL_FUNCTIONS(RONDO_DECLARE)
  RONDO_DNNL_FUNCTIONS_OF_VERSION(RONDO_DECLARE)
#undef RONDO_DECLARE
  // Of the OpenMP that libdnnl runs on.
  void (*omp_set_num_threads)(int);
  int (*omp_get_max_threads)();
};

/// Loads libdnnl if it is not yet. Throws Error if there is none, or none as new as the headers.
const LibDnnl& libdnnl();

/// Throws, unless all went well: Error if memory does not do, else InternalError with what was tried.
void require(dnnl_status_t status, const char* what);

/// A description of f32 elements in memory.
class MemoryDesc {
 public:
  MemoryDesc(int rank, const dnnl_dims_t dims, const dnnl_dims_t strides);
  MemoryDesc(const MemoryDesc&) = delete;
  MemoryDesc& operator=(const MemoryDesc&) = delete;
#if DNNL_VERSION_MAJOR < 3
  MemoryDescRef get() const { return &desc_; }

 private:
  dnnl_memory_desc_t desc_ = {};
#else
  ~MemoryDesc() { libdnnl().memory_desc_destroy(desc_); }
  MemoryDescRef get() const { return desc_; }

 private:
  dnnl_memory_desc_t desc_ = nullptr;
#endif
};

/// Lets a primitive add to what its result holds.
void append_sum(dnnl_post_ops_t post_ops);

/// What describes the matmul c = a . b, to be destroyed by the caller.
dnnl_primitive_desc_t create_matmul_desc(dnnl_engine_t engine, const MemoryDesc& a, const MemoryDesc& b,
                                         const MemoryDesc& c, const_dnnl_primitive_attr_t attr);

}  // namespace rondo::onednn
