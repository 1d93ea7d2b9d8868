// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/op_row.h"
#include "passes/rewrite.h"

// The rules of canonicalise. Each is exact: what it writes has the bits of what it takes away.
namespace rondo::passes {

struct Rule {
  std::string name;  // what it says: "mul(x, 1) = x"
  const ir::OpRow* row;
  std::function<Replacement(ir::Builder&, const ir::Op&)> apply;
};

/// Equations between element-wise expressions, one line each.
std::span<const char* const> equations();

std::vector<Rule> arithmetic_rules();  // of element-wise ops and sums
std::vector<Rule> shape_rules();       // of ops that move elements

/// True if `value` is a constant.
bool is_constant(const ir::Value* value);
/// The number of which every element of a constant is made.
const ir::Number& splat_of(const ir::Value* constant);

/// Rewrites the bindings of the graph's scans so that dead code elimination finds more; see scan_rules.cpp.
bool tidy_scans(ir::Graph& graph);
/// Makes equal ops one. An identity is equal to no other op.
bool merge_equal_ops(ir::Graph& graph);

}  // namespace rondo::passes
