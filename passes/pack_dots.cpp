// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// pack-dots: lays a weight that a loop's dot reads in every step out in panels of columns, each in one piece of memory.
//
// Before:  %s = scan T .. use(%u = %U) {            %u: f32[128,512]
//            %hu = dot %h, %u contract([1],[0])     : f32[B,512]
// After:   %0 = reshape %U : f32[128,32,16]
//          %1 = transpose %0 perm([1,0,2])          : f32[32,128,16]
//          %s = scan T .. use(%u = %U, %p = %1) {
//            %z = dot %h, %p contract([1],[1])      : f32[B,32,16]
//            %hu = reshape %z : f32[B,512]
//
// Legal:   if the columns are one dim of a known number of whole panels, and there are no batch dims. Exact: each column's
//          sum stays as it is. A panel is as wide as the kernel works on at a time (DotPanel).
// A loss:  if there are few time steps: the weight is copied once. A small one, which lies in the first cache whatever
//          its layout, stays; so does one for rows of several dims, since the kernel then packs it in passing.
// Needs:   layout-dots, which brings columns next to each other, and hoist, so that weights come by `use`. Feeds
//          parallelise and code generation: rows of a wide weight lie pages apart, and at a power of two in the same
//          lines of the cache.
#include <algorithm>

#include "ir/ops/support.h"
#include "passes/applications.h"
#include "passes/dot_panel.h"
#include "passes/passes.h"
#include "passes/relayout.h"

namespace rondo::passes {

using namespace ir;

namespace {

constexpr int64_t kInFirstCache = 16 << 10;  // bytes

// The only free dim of an operand, if that is all it has but contracted dims; -1 otherwise.
int64_t free_dim(const Op& dot, int operand) {
  const auto contracted = dot.ints_attr("contract", operand);
  const Type& type = dot.operands[operand]->type;
  if (dot.has_attr("batch") || type.rank() != static_cast<int64_t>(contracted.size()) + 1) return -1;
  for (int64_t dim = 0; dim < type.rank(); ++dim)
    if (!contains(contracted, dim)) return dim;
  return -1;
}

bool can_pack(const Op& dot, int64_t columns, int64_t width) {
  const Type& type = dot.operands[1]->type;
  if (dot.has_attr("lanes") || columns < 0 || columns != type.rank() - 1 || width <= 0) return false;
  const Dim size = type.dims[static_cast<size_t>(columns)];
  return size.is_constant() && size.constant() % width == 0 && size.constant() > width;
}

bool should_pack(const Op& dot) {
  const int64_t rows = dot.operands[0]->type.rank() - std::ssize(dot.ints_attr("contract", 0));
  if (rows > 1) return false;
  const Dim bytes = dot.operands[1]->type.bytes();
  return !bytes.is_constant() || bytes.constant() > kInFirstCache;
}

// Contracted dims keep their places, behind the number of the panel.
Value* panels(Builder& b, Value* weight, int64_t width) {
  b.loc = b.loc.via("pack-dots");
  std::vector<Dim> split = weight->type.dims;
  const int64_t contracted = static_cast<int64_t>(split.size()) - 1;
  split.back() = split.back().constant() / width;
  split.push_back(width);
  std::vector<int64_t> perm = {contracted};
  for (int64_t dim = 0; dim < contracted; ++dim) perm.push_back(dim);
  perm.push_back(contracted + 1);
  return b.transpose(b.reshape(weight, split), perm);
}

Replacement pack(Relayout& layout, Builder& b, Op& dot) {
  Value* weight = dot.operands[1];
  const int64_t width = DotPanel::bytes() / weight->type.dtype.bytes();
  if (!layout.comes_by_use(*weight) || weight->type.dtype == bf16) return {};
  if (!can_pack(dot, free_dim(dot, 1), width) || !should_pack(dot)) return {};
  b.loc = dot.loc.via("pack-dots");
  Value* packed = layout.laid_out(b, weight, std::to_string(width),
                                  [width](Builder& b, Value* value) { return panels(b, value, width); });
  Values operands = {dot.operands[0], packed};
  if (Value* start = start_of_sums(dot)) {
    std::vector<Dim> dims = start->type.dims;
    dims.pop_back();
    dims.insert(dims.end(), {packed->type.dims.front(), width});
    operands.push_back(b.reshape(start, dims));
  }
  std::vector<Attr> attrs = dot.attrs;
  for (Attr& attr : attrs)
    if (attr.spec->name == "contract") attr.args[1] = ints(shifted(dot.ints_attr("contract", 1)));
  Value* product = b.emit(ops::dot, std::move(operands), std::move(attrs))->result();
  return Values{b.reshape(product, dot.result()->type.dims)};
}

}  // namespace

bool pack_dots(Function& function) {
  const Relayout::Visit visit = [](Relayout& layout, Builder& b, Op& dot, bool&) {
    return pack(layout, b, dot);
  };
  return Relayout(function.body, visit).run();
}

}  // namespace rondo::passes
