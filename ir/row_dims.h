// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/op_row.h"
#include "ir/scan.h"

// Which dim of a value holds rows: where a graph works row by row, parts of it may run on shares of the rows.
namespace rondo::ir {

/// The links of a plain op: those of its row, or of an element-wise op one for each dim.
std::vector<RowLink> row_links(const Op& op);

/// The dim of each value that holds rows.
struct RowDims {
  std::unordered_map<const Value*, int> dims;  // of values with rows, in regions too
  std::string flaw;                            // why the graph does not work row by row; else empty

  /// -1 if the value is the same for all rows.
  int of(const Value* value) const {
    const auto found = dims.find(value);
    return found == dims.end() ? -1 : found->second;
  }
};

/// Follows rows through the body of a `rows` op, from the parameters and the yields that it says are cut. Linear in the
/// size of the body.
RowDims find_row_dims(const Op& rows);

/// The same of the body of a scan, from values in it of which the dim that holds rows is known.
RowDims find_row_dims(const Scan& scan, const std::vector<std::pair<const Value*, int>>& known);

}  // namespace rondo::ir
