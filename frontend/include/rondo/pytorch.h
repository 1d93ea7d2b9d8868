// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rondo/tensor.h"

// How parameters stand in a file that PyTorch reads or wrote (docs/pytorch-exchange.md).
namespace rondo {

/// Rows first (in) to end (out) of a tensor.
struct Rows {
  int64_t first, end;
};

/// A tensor of a PyTorch state_dict, or rows of it.
struct PytorchPart {
  std::string name;
  bool transposed = false;        // a matrix whose rows are the parameter's columns
  std::optional<Rows> rows = {};  // of a tensor that several parts make up; all of it if none are named
};

/// A parameter is the sum of its parts. The first has all its elements; another may have only its first rows.
/// When a parameter is written, the first part gets its value and the others get 0.
using PytorchForm = std::vector<PytorchPart>;

/// Says how a parameter stands in PyTorch's layout; one of which nothing is said stands there as it is, under
/// its own name. Part names are behind the scopes open now. Throws Error if the form can't be that of the
/// parameter. The layers of nn call this, and so may a layer of the user's.
void pytorch_form(const Tensor& parameter, const PytorchForm& form, Loc loc = {});

}  // namespace rondo
