// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/onednn/libdnnl.h"

#include <dlfcn.h>

#include <string>

#include "ir/error.h"

namespace rondo::onednn {

namespace {

#define RONDO_TEXT_OF(number) #number
#define RONDO_TEXT(number) RONDO_TEXT_OF(number)

[[noreturn]] void fail(const std::string& why) {
  throw Error("oneDNN can't compute dots: " + why + "; install libdnnl, or let dots be 'llvm'");
}

template <class Function>
void find(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) fail(dlerror());
}

LibDnnl load() {
  void* library = dlopen("libdnnl.so." RONDO_TEXT(DNNL_VERSION_MAJOR), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(dlerror());
  LibDnnl functions;
#define RONDO_FIND(name) find(library, functions.name, "dnnl_" #name);
  RONDO_DNNL_FUNCTIONS(RONDO_FIND)
  RONDO_DNNL_FUNCTIONS_OF_VERSION(RONDO_FIND)
#undef RONDO_FIND
  find(library, functions.omp_set_num_threads, "omp_set_num_threads");
  find(library, functions.omp_get_max_threads, "omp_get_max_threads");
  const dnnl_version_t& version = *functions.version();
  if (version.major != DNNL_VERSION_MAJOR || version.minor < DNNL_VERSION_MINOR)
    fail("libdnnl " + std::to_string(version.major) + "." + std::to_string(version.minor) +
         " was found, at least " RONDO_TEXT(DNNL_VERSION_MAJOR) "." RONDO_TEXT(
             DNNL_VERSION_MINOR) " is needed");
  return functions;
}

}  // namespace

const LibDnnl& libdnnl() {
  static const LibDnnl functions = load();
  return functions;
}

void require(dnnl_status_t status, const char* what) {
  if (status == dnnl_success) return;
  if (status == dnnl_out_of_memory) throw Error(std::string("oneDNN: out of memory ") + what);
  throw InternalError("onednn: status " + std::to_string(status) + " " + what);
}

#if DNNL_VERSION_MAJOR < 3

void append_sum(dnnl_post_ops_t post_ops) {
  require(libdnnl().post_ops_append_sum(post_ops, 1), "when a sum was described");
}

MemoryDesc::MemoryDesc(int rank, const dnnl_dims_t dims, const dnnl_dims_t strides) {
  require(libdnnl().memory_desc_init_by_strides(&desc_, rank, dims, dnnl_f32, strides),
          "when memory was described");
}

dnnl_primitive_desc_t create_matmul_desc(dnnl_engine_t engine, const MemoryDesc& a, const MemoryDesc& b,
                                         const MemoryDesc& c, const_dnnl_primitive_attr_t attr) {
  dnnl_matmul_desc_t matmul;
  require(libdnnl().matmul_desc_init(&matmul, a.get(), b.get(), nullptr, c.get()),
          "when a matmul was described");
  dnnl_primitive_desc_t desc = nullptr;
  require(libdnnl().primitive_desc_create(&desc, &matmul, attr, engine, nullptr),
          "when a matmul was described");
  return desc;
}

#else

void append_sum(dnnl_post_ops_t post_ops) {
  require(libdnnl().post_ops_append_sum(post_ops, 1, 0, dnnl_f32), "when a sum was described");
}

MemoryDesc::MemoryDesc(int rank, const dnnl_dims_t dims, const dnnl_dims_t strides) {
  require(libdnnl().memory_desc_create_with_strides(&desc_, rank, dims, dnnl_f32, strides),
          "when memory was described");
}

dnnl_primitive_desc_t create_matmul_desc(dnnl_engine_t engine, const MemoryDesc& a, const MemoryDesc& b,
                                         const MemoryDesc& c, const_dnnl_primitive_attr_t attr) {
  dnnl_primitive_desc_t desc = nullptr;
  require(libdnnl().matmul_primitive_desc_create(&desc, engine, a.get(), b.get(), nullptr, c.get(), attr),
          "when a matmul was described");
  return desc;
}

#endif

}  // namespace rondo::onednn
