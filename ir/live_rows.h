// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "ir/row_dims.h"
#include "ir/scan.h"

// Rows that have ended: a scan marked `live` says, of each time step, which rows are alive. It passes the carries of the
// others, and stacks +0 for them, or a carry as it came.
namespace rondo::ir {

/// What the condition of a select is a broadcast of along its first dim, or the condition. Looks through fusions.
const Value* without_broadcast(const Value* condition);

/// What a scan marked `live` has to be.
struct LiveRows {
  size_t over = 0;   // the number of the over, i1[T,B], that is true for rows that are alive
  RowDims dims;      // the dims of values in the body that hold rows
  std::string flaw;  // why the scan is no such one; else empty
};

/// Each carry that is yielded must be select(alive, .., the carry), or just that; each stack select(alive, .., +0), or just
/// that, or a parameter that is a carry. `alive` is the same over for all, and the body works row by row along their first
/// dim. There are no regions in it but those of fusions, through which this looks. Linear in the size of the body.
LiveRows find_live_rows(const Scan& scan);

/// For passes that rewrite the bodies of scans: what is no longer so is no longer marked so.
void drop_stale_live(Op& scan);

}  // namespace rondo::ir
