// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "tests/frontend/helpers.h"

namespace rondo::testing {

/// Draws numbers, the same ones from one seed.
struct Draws {
  explicit Draws(uint64_t seed) : random(seed) {}
  int64_t up_to(int64_t most) { return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1)); }
  int64_t between(int64_t least, int64_t most) { return least + up_to(most - least); }
  bool one_in(int64_t n) { return up_to(n - 1) == 0; }
  std::mt19937_64 random;
};

/// A recurrent model that can be trained.
struct DrawnModel {
  /// The loss, and what a call gives besides.
  struct Outputs {
    Tensor loss, seen;
  };
  std::string text;  // all that was drawn, to be read
  int64_t inputs;
  std::function<Outputs(Tensor x, Tensor length)> outputs;  // x [T,B,inputs], length [B]
};

/// One to three layers, each of any cell, in any direction, and what may be before, between and behind them.
DrawnModel draw_model(Draws& draws);

}  // namespace rondo::testing
