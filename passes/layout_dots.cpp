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
#include <map>

#include "ir/ops/support.h"
#include "ir/scan.h"
#include "passes/applications.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

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

// One graph. Scans within are done by a Layout of their own before the scan itself is reached, so that what
// they want transposed outside can still be written in front of them.
class Layout {
 public:
  explicit Layout(ir::Graph& graph) : graph_(graph) {}

  bool run() {
    if (is_rows_body(graph_)) return false;
    rewrite_ops(graph_, [&](ir::Builder& builder, ir::Op& op) -> Replacement {
      if (op.row == &ir::ops::dot)
        visit_dot(builder, op);
      else if (op.row == &ir::ops::scan)
        visit_scan(builder, op);
      else
        for (const auto& region : op.regions) changed_ |= Layout(*region).run();
      return {};
    });
    return changed_;
  }

 private:
  // What the body wants of the scan's operands: a new parameter for each.
  struct Wish {
    ir::Value* use_param;
    Dims order;
  };

  void visit_dot(ir::Builder& builder, ir::Op& dot) {
    const int operand = column_operand(dot);
    if (operand < 0 || !has_columns_apart(dot, operand)) return;
    const Dims order = wanted_order(dot, operand);
    dot.loc = dot.loc.via("layout-dots");
    builder.loc = dot.loc;
    dot.operands[operand] = transposed(builder, dot.operands[operand], order);
    for (const char* attr : {"contract", "batch"}) {
      if (!dot.has_attr(attr)) continue;
      std::array<Dims, 2> dims = {dot.ints_attr(attr, 0), dot.ints_attr(attr, 1)};
      for (int64_t& dim : dims[operand]) dim = std::find(order.begin(), order.end(), dim) - order.begin();
      dot.set_attr(attr, {ir::ints(dims[0]), ir::ints(dims[1])});
    }
    Applications::done();
    changed_ = true;
  }

  void visit_scan(ir::Builder& builder, ir::Op& scan) {
    Layout body(*scan.regions[0]);
    changed_ |= body.run();
    builder.loc = scan.loc.via("layout-dots");
    for (const Wish& wish : body.wishes_) {
      ir::Value* operand = scan.operands[wish.use_param->index - 1];  // the scan's index has none
      scan.operands.push_back(transposed(builder, operand, wish.order));
      ++scan.groups[2];
    }
  }

  // A value with its dims in this order, made once: outside, if it comes from there.
  ir::Value* transposed(ir::Builder& builder, ir::Value* value, const Dims& order) {
    ir::Value*& result = transposed_[{value, order}];
    if (result != nullptr) return result;
    if (is_use_param(*value)) {
      wishes_.push_back({value, order});
      std::vector<Dim> dims;
      for (int64_t dim : order) dims.push_back(value->type.dims[dim]);
      result = graph_.add_param({value->type.dtype, dims});
    } else {
      result = builder.transpose(value, order);
    }
    return result;
  }

  // Uses are the last parameters; those that were wished for stand behind.
  bool is_use_param(const ir::Value& value) const {
    const ir::Op* scan = graph_.owner;
    if (value.op != nullptr || scan == nullptr || scan->row != &ir::ops::scan) return false;
    return value.index > scan->groups[0] + scan->groups[1];
  }

  ir::Graph& graph_;
  std::map<std::pair<ir::Value*, Dims>, ir::Value*> transposed_;
  std::vector<Wish> wishes_;
  bool changed_ = false;
};

}  // namespace

bool layout_dots(ir::Function& function) { return Layout(function.body).run(); }

}  // namespace rondo::passes
