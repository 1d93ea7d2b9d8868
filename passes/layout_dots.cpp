// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// layout-dots: transposes the operand of a dot that gives the result its columns, if it does not hold them
// next to each other. That operand is the right one, or the left one where the right has no free dim.
//
// Before:  %s = scan T .. use(%u = %U) {            %u: f32[128,512]
//            %dh = dot %dz, %u contract([1],[1])
// After:   %0 = transpose %U perm([1,0]) : f32[512,128]
//          %s = scan T .. use(%u = %U, %1 = %0) {
//            %dh = dot %dz, %1 contract([1],[0])
//
// Legal:   always, and exact: the contracted dims keep their listed order. A dot with `lanes` has no columns
//          and stays.
// A loss:  if the dot has so few rows that reading the operand once more costs more than computing by whole
//          vectors saves; code for columns apart from each other is so slow that this is hardly ever so. What
//          a scan gets by `use` is transposed outside of it, once instead of in every time step: for weights
//          the cost is nothing.
// Needs:   nothing; wants hoist before it, so that more comes by `use`, and remove-dead-code after it, since
//          a binding may be used no more. Feeds code generation, whose dot kernel loads columns as vectors.
#include <algorithm>
#include <array>

#include "ir/ops/support.h"
#include "passes/passes.h"
#include "passes/relayout.h"

namespace rondo::passes {

namespace {

using Dims = std::vector<int64_t>;

Dims batch_dims(const ir::Op& dot, int operand) {
  return dot.has_attr("batch") ? dot.ints_attr("batch", operand) : Dims{};
}

// In the order of the dims; those of size 1 don't count.
Dims free_dims(const ir::Op& dot, int operand) {
  const Dims contracted = dot.ints_attr("contract", operand), batch = batch_dims(dot, operand);
  const std::vector<Dim>& dims = dot.operands[operand]->type.dims;
  Dims free;
  for (int64_t i = 0; i < static_cast<int64_t>(dims.size()); ++i)
    if (!ir::contains(contracted, i) && !ir::contains(batch, i) && dims[i] != 1) free.push_back(i);
  return free;
}

// The operand that gives the columns, or -1.
int column_operand(const ir::Op& dot) {
  if (dot.has_attr("lanes")) return -1;
  for (int operand : {1, 0})
    if (!free_dims(dot, operand).empty()) return operand;
  return -1;
}

bool has_columns_apart(const ir::Op& dot, int operand) {
  const std::vector<Dim>& dims = dot.operands[operand]->type.dims;
  return !std::all_of(dims.begin() + free_dims(dot, operand).back() + 1, dims.end(),
                      [](Dim dim) { return dim == 1; });
}

// Batch dims, contracted dims, free dims.
Dims wanted_order(const ir::Op& dot, int operand) {
  Dims order = batch_dims(dot, operand);
  const Dims contracted = dot.ints_attr("contract", operand);
  order.insert(order.end(), contracted.begin(), contracted.end());
  for (int64_t i = 0; i < dot.operands[operand]->type.rank(); ++i)
    if (!ir::contains(order, i)) order.push_back(i);
  return order;
}

bool lay_out(Relayout& layout, ir::Builder& b, ir::Op& dot) {
  const int operand = column_operand(dot);
  if (operand < 0 || !has_columns_apart(dot, operand)) return false;
  const Dims order = wanted_order(dot, operand);
  b.loc = dot.loc;
  dot.loc = dot.loc.via("layout-dots");
  dot.operands[operand] =
      layout.laid_out(b, dot.operands[operand], ir::join(order), [order](ir::Builder& b, ir::Value* value) {
        b.loc = b.loc.via("layout-dots");
        return b.transpose(value, order);
      });
  for (const char* attr : {"contract", "batch"}) {
    if (!dot.has_attr(attr)) continue;
    std::array<Dims, 2> dims = {dot.ints_attr(attr, 0), dot.ints_attr(attr, 1)};
    for (int64_t& dim : dims[operand]) dim = std::find(order.begin(), order.end(), dim) - order.begin();
    dot.set_attr(attr, {ir::ints(dims[0]), ir::ints(dims[1])});
  }
  return true;
}

}  // namespace

bool layout_dots(ir::Function& function) { return change_dots(function, lay_out); }

}  // namespace rondo::passes
