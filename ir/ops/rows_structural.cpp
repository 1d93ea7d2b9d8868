// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Defines the rows that are not element-wise.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "ir/builder.h"
#include "ir/fusion.h"
#include "ir/live_rows.h"
#include "ir/ops/scalar_math.h"
#include "ir/ops/support.h"
#include "ir/reduction_order.h"
#include "ir/row_dims.h"
#include "ir/scan.h"
#include "ir/text.h"

namespace rondo::ir::ops {

namespace {
OpRow named(const char* name, OpRow row) {
  row.name = text_name(name);
  return row;
}
}  // namespace

#define OP(name, ...) const OpRow name = named(#name, OpRow{__VA_ARGS__});
#define RONDO_DEFINE_ROWS
#include "ir/ops/structural.def"

}  // namespace rondo::ir::ops
