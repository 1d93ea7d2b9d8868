// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/prebuilt.h"

// What make_kernels wrote, under prebuilt_kernels_name.
extern "C" {
extern const rondo::codegen::PrebuiltKernels rondo_kernels_base, rondo_kernels_avx2, rondo_kernels_avx512,
    rondo_kernels_avx512bf16;
}

namespace rondo::codegen {

const PrebuiltKernels& prebuilt_kernels(Isa isa) {
  static constexpr const PrebuiltKernels* tables[] = {&rondo_kernels_base, &rondo_kernels_avx2,
                                                      &rondo_kernels_avx512, &rondo_kernels_avx512bf16};
  return *tables[static_cast<int>(isa)];
}

}  // namespace rondo::codegen
