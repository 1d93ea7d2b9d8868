// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/onednn/matmul.h"

#include <algorithm>
#include <new>

#include "backends/onednn/libdnnl.h"

namespace rondo::onednn {

void Release::operator()(dnnl_memory* memory) const noexcept { libdnnl().memory_destroy(memory); }
void Release::operator()(dnnl_post_ops* post_ops) const noexcept { libdnnl().post_ops_destroy(post_ops); }
void Release::operator()(dnnl_primitive* made) const noexcept { libdnnl().primitive_destroy(made); }
void Release::operator()(dnnl_primitive_attr* attr) const noexcept { libdnnl().primitive_attr_destroy(attr); }
void Release::operator()(dnnl_primitive_desc* desc) const noexcept { libdnnl().primitive_desc_destroy(desc); }
void Release::operator()(dnnl_stream* stream) const noexcept { libdnnl().stream_destroy(stream); }

namespace {

dnnl_engine_t engine() {
  static const dnnl_engine_t engine = [] {
    dnnl_engine_t made = nullptr;
    require(libdnnl().engine_create(&made, dnnl_cpu, 0), "when an engine was created");
    return made;
  }();
  return engine;
}

// [batch, rows, columns]. A dim of size 1 may have any stride, and gets one that oneDNN's fast kernels take.
// What is the same for the whole batch has size 1 there.
MemoryDesc describe(std::int64_t batch, std::int64_t rows, std::int64_t columns, std::int64_t batch_stride,
                    std::int64_t row_stride, std::int64_t column_stride) {
  if (columns == 1) column_stride = 1;
  if (rows == 1) row_stride = column_stride == 1 ? columns : 1;
  if (batch == 1 || batch_stride == 0) {
    batch = 1;
    batch_stride = std::max(rows * row_stride, columns * column_stride);
  }
  const dnnl_dims_t dims = {batch, rows, columns}, strides = {batch_stride, row_stride, column_stride};
  return MemoryDesc(3, dims, strides);
}

Owned<dnnl_primitive_attr> attributes(bool accumulate) {
  const LibDnnl& dnnl = libdnnl();
  const char* what = "when attributes were made";
  dnnl_primitive_attr_t made = nullptr;
  require(dnnl.primitive_attr_create(&made), what);
  Owned<dnnl_primitive_attr> attr(made);
  require(dnnl.primitive_attr_set_scratchpad_mode(made, dnnl_scratchpad_mode_user), what);
  if (!accumulate) return attr;
  dnnl_post_ops_t list = nullptr;
  require(dnnl.post_ops_create(&list), what);
  const Owned<dnnl_post_ops> post_ops(list);
  append_sum(list);
  require(dnnl.primitive_attr_set_post_ops(made, list), what);
  return attr;
}

// The primitive's own descriptions of its arguments.
Owned<dnnl_memory> memory_for(const dnnl_primitive* primitive, dnnl_query_t query) {
  const_dnnl_primitive_desc_t desc = nullptr;
  require(libdnnl().primitive_get_primitive_desc(primitive, &desc),
          "when a matmul was asked for its arguments");
  dnnl_memory_t made = nullptr;
  require(libdnnl().memory_create(&made, libdnnl().primitive_desc_query_md(desc, query, 0), engine(),
                                  DNNL_MEMORY_NONE),
          "when arguments were made");
  return Owned<dnnl_memory>(made);
}

}  // namespace

Matmul::Matmul(const MatmulShape& shape) : shape_(shape) {
  const OneThread one_thread;  // a primitive is made for so many threads
  const MatmulShape& s = shape;
  const Owned<dnnl_primitive_attr> attr = attributes(s.accumulate);
  const Owned<dnnl_primitive_desc> desc(
      create_matmul_desc(engine(), describe(s.batch, s.M, s.K, s.a_batch, s.a_row, s.a_k),
                         describe(s.batch, s.K, s.N, s.b_batch, s.b_k, s.b_column),
                         describe(s.batch, s.M, s.N, s.c_batch, s.c_row, 1), attr.get()));
  dnnl_primitive_t made = nullptr;
  require(libdnnl().primitive_create(&made, desc.get()), "when a matmul was created");
  primitive_.reset(made);
  scratchpad_bytes_ = static_cast<std::int64_t>(libdnnl().memory_desc_get_size(
      libdnnl().primitive_desc_query_md(desc.get(), dnnl_query_scratchpad_md, 0)));
}

void multiply_plainly(const MatmulShape& s, const float* a, const float* b, float* c) noexcept {
  for (std::int64_t i = 0; i < s.batch; ++i, a += s.a_batch, b += s.b_batch, c += s.c_batch)
    for (std::int64_t m = 0; m < s.M; ++m)
      for (std::int64_t n = 0; n < s.N; ++n) {
        float& sum = c[m * s.c_row + n];
        if (!s.accumulate) sum = 0;
        for (std::int64_t k = 0; k < s.K; ++k)
          sum += a[m * s.a_row + k * s.a_k] * b[k * s.b_k + n * s.b_column];
      }
}

MatmulCall::MatmulCall(const Matmul& matmul)
    : matmul_(&matmul),
      a_(memory_for(matmul.primitive_.get(), dnnl_query_src_md)),
      b_(memory_for(matmul.primitive_.get(), dnnl_query_weights_md)),
      c_(memory_for(matmul.primitive_.get(), dnnl_query_dst_md)),
      scratchpad_(memory_for(matmul.primitive_.get(), dnnl_query_scratchpad_md)) {
  dnnl_stream_t stream = nullptr;
  require(libdnnl().stream_create(&stream, engine(), dnnl_stream_default_flags), "when a stream was created");
  stream_.reset(stream);
}

bool MatmulCall::run(const float* a, const float* b, float* c, void* scratchpad) noexcept {
  const LibDnnl& dnnl = libdnnl();
  const auto set = [&](const Owned<dnnl_memory>& memory, const void* data) {
    return dnnl.memory_set_data_handle(memory.get(), const_cast<void*>(data)) == dnnl_success;
  };
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, a_.get()},
                                       {DNNL_ARG_WEIGHTS, b_.get()},
                                       {DNNL_ARG_DST, c_.get()},
                                       {DNNL_ARG_SCRATCHPAD, scratchpad_.get()}};
  try {
    return set(a_, a) && set(b_, b) && set(c_, c) && set(scratchpad_, scratchpad) &&
           dnnl.primitive_execute(matmul_->primitive_.get(), stream_.get(), 4, arguments) == dnnl_success &&
           dnnl.stream_wait(stream_.get()) == dnnl_success;
  } catch (const std::bad_alloc&) {  // comes out of oneDNN's C functions too
    return false;
  }
}

OneThread::OneThread() : threads_(libdnnl().omp_get_max_threads()) { libdnnl().omp_set_num_threads(1); }
OneThread::~OneThread() { libdnnl().omp_set_num_threads(threads_); }

}  // namespace rondo::onednn
