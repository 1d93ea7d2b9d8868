// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <cstdlib>

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
  };
  return all;
}

const Level& level(Isa isa) { return levels()[static_cast<std::size_t>(isa)]; }

}  // namespace

std::string_view name(Isa isa) { return level(isa).name; }

Isa host_isa() {
  static const Isa best = [] {
    auto features = llvm::sys::getHostCPUFeatures();
    Isa found = Isa::base;
    for (const Level& level : levels()) {
      if (!std::ranges::all_of(level.needs, [&](std::string_view need) { return features.lookup(need); }))
        break;
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
              ": no such instruction set; known are base, avx2, avx512, native");
}

Target target_from_environment() {
  const char* requested = std::getenv("RONDO_ISA");
  return select_target(requested ? requested : "");
}

std::vector<Target> supported_targets() {
  std::vector<Target> found;
  for (const Level& level : levels())
    if (level.target.isa <= host_isa()) found.insert(found.begin(), level.target);
  return found;
}

}  // namespace rondo::codegen
