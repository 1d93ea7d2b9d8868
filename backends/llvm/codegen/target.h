// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rondo::codegen {

/// The instruction sets that we make code for, each with all of those before it. All but the last are levels of the
/// x86-64 psABI. Code made for one is the same on every machine, and runs on every machine that has it.
enum class Isa {
  base,        ///< x86-64: 128-bit vectors; fma is a call, right but slow
  avx2,        ///< x86-64-v3: 256-bit vectors, fma
  avx512,      ///< x86-64-v4: 512-bit vectors, mask registers
  avx512bf16,  ///< and vdpbf16ps, if it has the bits of a dot of bf16
};

/// "base", "avx2", "avx512" or "avx512bf16".
std::string_view name(Isa isa);

/// What code generation has to know about the machine.
struct Target {
  Isa isa;
  int vector_bytes;      ///< of one vector register
  int vector_registers;  ///< how many there are
  std::string cpu;       ///< as LLVM spells it
  std::string features;  ///< on top of what `cpu` has, as LLVM spells it

  /// Elements of `element_bytes` bytes in one vector register.
  int lanes(int element_bytes) const { return vector_bytes / element_bytes; }
};

/// The best instruction set of this machine's CPU.
Isa host_isa();

/// The target that is asked for by name ("base", "avx2", ..; "native" or nothing is host_isa()). Throws
/// Error if there is no such name or the CPU can't run it.
Target select_target(std::string_view requested = {});

/// select_target of the environment variable RONDO_ISA.
Target target_from_environment();

/// Every target that we make code for, base first.
std::vector<Target> all_targets();

/// Every target that this machine's CPU can run, the best one first.
std::vector<Target> supported_targets();

}  // namespace rondo::codegen
