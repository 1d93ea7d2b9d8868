// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/dot_loops.h"

#include "backends/operand_strides.h"
#include "ir/ops/support.h"
#include "ir/strides.h"

namespace rondo::backends {

namespace {

// Drops dims of size 1 and joins those that run on.
template <class Size>
DotDims<Size> merged(const DotDims<Size>& dims) {
  DotDims<Size> result;
  for (const DotDim<Size>& dim : dims) {
    if (dim.size == 1) continue;
    const bool runs_on = !result.empty() && result.back().descending == dim.descending &&
                         result.back().in_x == dim.in_x * dim.size &&
                         result.back().in_y == dim.in_y * dim.size && result.back().out == dim.out * dim.size;
    const Size size = runs_on ? result.back().size * dim.size : dim.size;
    if (runs_on) result.pop_back();
    result.push_back({size, dim.in_x, dim.in_y, dim.out, dim.descending});
  }
  return result;
}

// Pairs of bf16 don't reach beyond the last dim.
DotDims<Dim> merged_but_last(DotDims<Dim> dims) {
  if (dims.empty()) return dims;
  const DotDim<Dim> last = dims.back();
  dims.pop_back();
  dims = merged(dims);
  dims.push_back(last);
  return dims;
}

DotDims<std::int64_t> evaluate(const DotDims<Dim>& dims, const Sizes& sizes) {
  DotDims<std::int64_t> result;
  for (const DotDim<Dim>& dim : dims)
    result.push_back({dim.size.evaluate(sizes), dim.in_x.evaluate(sizes), dim.in_y.evaluate(sizes),
                      dim.out.evaluate(sizes), dim.descending});
  return merged(result);
}

}  // namespace

int64_t first_free_dim(const ir::Op& dot, int operand) {
  for (int64_t i = 0; i < dot.operands[operand]->type.rank(); ++i)
    if (!ir::contains(dot.ints_attr("contract", operand), i) &&
        !(dot.has_attr("batch") && ir::contains(dot.ints_attr("batch", operand), i)))
      return i;
  return -1;
}

std::vector<Dim> dot_flops(const ir::Op& dot) {
  std::vector<Dim> factors = {2, dot.result()->type.size()};
  for (const int64_t i : dot.ints_attr("contract", 0)) factors.push_back(dot.operands[0]->type.dims[i]);
  return factors;
}

DotLoops<Dim> dot_loops(const ir::Op& dot) {
  const Type &x = dot.operands[0]->type, &y = dot.operands[1]->type;
  const auto in_x = operand_strides(dot, 0), in_y = operand_strides(dot, 1),
             out = ir::strides_of(dot.result()->type.dims);
  const auto contract_x = dot.ints_attr("contract", 0), contract_y = dot.ints_attr("contract", 1);
  std::vector<int64_t> batch_x, batch_y;
  if (dot.has_attr("batch")) batch_x = dot.ints_attr("batch", 0), batch_y = dot.ints_attr("batch", 1);
  DotLoops<Dim> loops;
  size_t next = 0;  // dim of the result
  const auto descending = static_cast<size_t>(ir::descending_dims(dot));
  for (size_t i = 0; i < contract_x.size(); ++i)
    loops.contracted.push_back(
        {x.dims[contract_x[i]], in_x[contract_x[i]], in_y[contract_y[i]], 0, i < descending});
  for (size_t i = 0; i < batch_x.size(); ++i)
    loops.batch.push_back({x.dims[batch_x[i]], in_x[batch_x[i]], in_y[batch_y[i]], out[next++]});
  for (int64_t i = 0; i < x.rank(); ++i)
    if (!ir::contains(contract_x, i) && !ir::contains(batch_x, i))
      loops.rows.push_back({x.dims[i], in_x[i], 0, out[next++]});
  for (int64_t i = 0; i < y.rank(); ++i)
    if (!ir::contains(contract_y, i) && !ir::contains(batch_y, i))
      loops.columns.push_back({y.dims[i], 0, in_y[i], out[next++]});
  if (dot.has_attr("columns")) {
    DotDim<Dim>& shared = loops.columns.front();
    const Dim first = dot.dims_attr("columns")[0];
    loops.first_in_y = first * shared.in_y;
    loops.first_out = first * shared.out;
    shared.size = dot.dims_attr("columns")[1];
  }
  loops.batch = merged(loops.batch);
  loops.rows = merged(loops.rows);
  loops.columns = merged(loops.columns);
  loops.contracted = x.dtype == bf16 ? merged_but_last(loops.contracted) : merged(loops.contracted);
  return loops;
}

DotLoops<std::int64_t> evaluate(const DotLoops<Dim>& loops, const Sizes& sizes) {
  return {evaluate(loops.batch, sizes),     evaluate(loops.rows, sizes),
          evaluate(loops.columns, sizes),   evaluate(loops.contracted, sizes),
          loops.first_in_y.evaluate(sizes), loops.first_out.evaluate(sizes)};
}

}  // namespace rondo::backends
