// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/array.h"
#include "tools/fuzz/random.h"

namespace rondo::fuzz {

/// Arguments for one run of a function.
struct Inputs {
  Sizes sizes;
  std::vector<runtime::Array> arrays;

  /// As Executable::run takes them.
  std::vector<runtime::Array*> pointers();
};

/// Which numbers float arguments hold.
enum class Values {
  kNormal,  // N(0, 1)
  kMixed,   // besides: large, ties and zeros, denormals, infinities and NaN
};

/// What a run may take, in the units of work_of: for checks of a few runs, and of many.
inline constexpr double kMuchWork = 1e6, kLittleWork = 2e5;

/// An array of such elements.
runtime::Array draw_array(runtime::ElementType type, const std::vector<int64_t>& shape, Random& random,
                          Values values);

/// Draws sizes for T and B that satisfy the function's guards, 0 and 1 among them; now and then a large one, if
/// a run takes at most `most_work` then. Empty if none were found.
std::optional<Sizes> draw_sizes(const ir::Function& function, Random& random, double most_work = kMuchWork);

/// Arguments of sizes so drawn.
std::optional<Inputs> draw_inputs(const ir::Function& function, Random& random, Values values,
                                  double most_work = kMuchWork);

/// " at B=1 T=17".
std::string at_sizes(const Sizes& sizes);

/// True if both hold the same bits, where any NaN equals any NaN; `zeros_equal`: and +0 equals -0.
bool same_bits(const runtime::Array& x, const runtime::Array& y, bool zeros_equal = false);

/// True if no float element is infinite or NaN.
bool all_finite(const runtime::Array& x);

}  // namespace rondo::fuzz
