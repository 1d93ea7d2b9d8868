// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/codegen/target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "ir/bfloat16.h"
#include "ir/error.h"

namespace rondo::codegen {
namespace {

struct Level {
  Target target;
  std::string_view name;
  std::vector<std::string_view> needs;  // beyond the level below
};

// LLVM prefers 256-bit vectors on early AVX-512 machines because of their clock; our vectors are explicit.
const std::vector<Level>& levels() {
  static const std::vector<Level> all = {
      {{Isa::base, 16, 16, "x86-64", ""}, "base", {}},
      {{Isa::avx2, 32, 16, "x86-64-v3", ""},
       "avx2",
       {"avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe", "popcnt", "sse4.2"}},
      {{Isa::avx512, 64, 32, "x86-64-v4", "-prefer-256-bit"},
       "avx512",
       {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}},
      {{Isa::avx512bf16, 64, 32, "x86-64-v4", "-prefer-256-bit,+avx512bf16"}, "avx512bf16", {"avx512bf16"}},
  };
  return all;
}

const Level& level(Isa isa) { return levels()[static_cast<std::size_t>(isa)]; }

// Runs the instruction on pairs that tell implementations apart: by which element comes first, what is rounded in
// between, and what is flushed when. Manuals promise less than that.
__attribute__((target("avx512f,avx512bf16"))) bool bf16_instruction_is_exact() {
  struct Case {
    float odd_x, odd_y, even_x, even_y, sum;
  };
  constexpr float kLeast = 0x1p-126f;  // of the normal numbers
  constexpr Case cases[] = {
      {0x1p24f, 1, -0x1p24f, 1, 1},              // the odd product swallows the sum
      {-0x1p24f, 1, 0x1p24f, 1, 1},              // it does not
      {1.0078125f, 1.0078125f, 1, 1, 0x1p-20f},  // both sums are rounded
      {kLeast / 2, 1, 0, 0, 0},                  // an operand is too small
      {0, 0, 0, 0, kLeast / 2},                  // the sum is
      {-0x1p-64f, 0x1p-64f, 0, 1, 0},            // the product is
      {1.5f * kLeast, 1, -kLeast, 1, 0},         // the difference is
      {0x1p-102f, -0x1p-48f, 0, 0, kLeast},      // it is after rounding, too
      {0x1p-102f, -0x1p-49f, 0, 0, kLeast},      // only before
  };
  for (const Case& c : cases) {
    const auto pair = [](float even, float odd) {
      return static_cast<int>(std::uint32_t{ir::Bfloat16(odd).bits} << 16 | ir::Bfloat16(even).bits);
    };
    const __m512i x = _mm512_set1_epi32(pair(c.even_x, c.odd_x)),
                  y = _mm512_set1_epi32(pair(c.even_y, c.odd_y));
    const float found = _mm512_cvtss_f32(_mm512_dpbf16_ps(_mm512_set1_ps(c.sum), (__m512bh)x, (__m512bh)y));
    const float expected = ir::flushed_fma(c.even_x, c.even_y, ir::flushed_fma(c.odd_x, c.odd_y, c.sum));
    if (std::bit_cast<std::uint32_t>(found) != std::bit_cast<std::uint32_t>(expected)) return false;
  }
  return true;
}

}  // namespace

std::string_view name(Isa isa) { return level(isa).name; }

Isa host_isa() {
  static const Isa best = [] {
    auto features = llvm::sys::getHostCPUFeatures();
    Isa found = Isa::base;
    for (const Level& level : levels()) {
      if (!std::ranges::all_of(level.needs, [&](std::string_view need) { return features.lookup(need); }))
        break;
      if (level.target.isa == Isa::avx512bf16 && !bf16_instruction_is_exact()) break;
      found = level.target.isa;
    }
    return found;
  }();
  return best;
}

Target select_target(std::string_view requested) {
  if (requested.empty() || requested == "native") return level(host_isa()).target;
  for (const Level& level : levels()) {
    if (level.name != requested) continue;
    if (level.target.isa > host_isa())
      throw Error("RONDO_ISA=" + std::string(requested) + ": this CPU has no more than " +
                  std::string(name(host_isa())));
    return level.target;
  }
  throw Error("RONDO_ISA=" + std::string(requested) +
              ": no such instruction set; known are base, avx2, avx512, avx512bf16, native");
}

Target target_from_environment() {
  const char* requested = std::getenv("RONDO_ISA");
  return select_target(requested ? requested : "");
}

std::vector<Target> all_targets() {
  std::vector<Target> all;
  for (const Level& level : levels()) all.push_back(level.target);
  return all;
}

std::vector<Target> supported_targets() {
  std::vector<Target> found;
  for (const Level& level : levels())
    if (level.target.isa <= host_isa()) found.insert(found.begin(), level.target);
  return found;
}

}  // namespace rondo::codegen
