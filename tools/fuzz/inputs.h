// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <optional>
#include <vector>

#include "backends/signature.h"
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

/// Draws sizes for T and B (0 and 1 among them) that satisfy the function's guards, and arguments of these
/// sizes. Empty if no such sizes were found.
std::optional<Inputs> draw_inputs(const backends::Signature& signature, Random& random, Values values);

/// True if both hold the same bits, where any NaN equals any NaN; `zeros_equal`: and +0 equals -0.
bool same_bits(const runtime::Array& x, const runtime::Array& y, bool zeros_equal = false);

/// True if no float element is infinite or NaN.
bool all_finite(const runtime::Array& x);

}  // namespace rondo::fuzz
