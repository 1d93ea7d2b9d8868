// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/time_parts.h"

namespace rondo::passes {

using namespace ir;

Value* times(Builder& b, Value* whole, Dim lo, Dim hi) {
  std::vector<Dim> from(whole->type.dims.size(), 0), to = whole->type.dims;
  from[0] = lo;
  to[0] = hi;
  return b.slice(whole, from, to);
}

Value* at_time(Builder& b, Value* whole, int64_t time) {
  const std::vector<Dim>& dims = whole->type.dims;
  return b.reshape(times(b, whole, time, time + 1), {dims.begin() + 1, dims.end()});
}

Value* stacked(Builder& b, const Values& steps) {
  Values rows;
  for (Value* step : steps) {
    std::vector<Dim> dims = step->type.dims;
    dims.insert(dims.begin(), 1);
    rows.push_back(b.reshape(step, dims));
  }
  return b.concat(rows, 0);
}

Value* size_as_index(Builder& b, Dim size) { return b.convert(b.dim(size), i32); }

}  // namespace rondo::passes
