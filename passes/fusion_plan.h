// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <vector>

#include "ir/graph.h"

// What a fusion does, element by element, with all views (slices, broadcasts, ..) turned into places: the
// form that a code generator reads. A lone op counts as a fusion that holds just it.
namespace rondo::passes {

/// A place in a row-major array: element `offset + sum of strides[l] * i[l]` for the indices i of a loop
/// nest.
struct Place {
  Dim offset;
  std::vector<Dim> strides;  // one a loop, outermost first
  friend bool operator==(const Place&, const Place&) = default;
};

/// One value that is computed for each element of a nest.
struct Step {
  const ir::Op* op = nullptr;  // element-wise, constant, pad (its value), iota or dim; nullptr: a read
  int input = -1;              // the fusion's operand that is read
  Place at = {};               // of what is read; the value itself of an iota
  std::vector<int> args = {};  // the steps that are the op's operands
};

/// What is written for each element of a nest, after all its steps.
struct Write {
  int step;
  int result;
  Place at;
  const ir::Op* total = nullptr;  // the reduction that adds the step up; its place stays along reduced dims
  bool runs_along() const { return total != nullptr && at.strides.back() == 0; }  // over the innermost loop?
};

/// A loop nest. Loops that can run as one (in every place) do, and those of size 1 are gone. The innermost one is as it
/// was where a total runs along it, which is summed in lanes.
struct Nest {
  std::vector<Dim> dims;  // sizes of the loops, outermost first
  std::vector<Step> steps;
  std::vector<Write> writes;
  bool has_rows() const;  // does a total run along the innermost loop?
};

/// The nests of a fusion or of a lone op, to be run in this order: one for each shape that is written. Takes
/// a fusion of ops that can_fuse holds for (fusion_rules.h), or any lone element-wise op, constant, iota,
/// dim, view, pad or concat; else InternalError.
std::vector<Nest> plan_fusion(const ir::Op& op);

}  // namespace rondo::passes
