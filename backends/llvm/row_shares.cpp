// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/row_shares.h"

#include <algorithm>
#include <map>

#include "backends/dot_loops.h"
#include "ir/builder.h"
#include "ir/row_dims.h"
#include "ir/scan.h"
#include "passes/memory_plan.h"

namespace rondo::codegen {

namespace {

// Of a step that is no multiplication or addition: loads, stores, calls of functions weigh about so many of those.
constexpr int64_t kElementWeight = 8;

void add_work(const ir::Graph& graph, std::vector<Dim>& repeats, std::vector<std::vector<Dim>>& work) {
  for (const auto& op : graph.ops) {
    if (op->row == &ir::ops::scan) {
      repeats.push_back(op->dim_attr("length"));
      add_work(*op->regions[0], repeats, work);
      repeats.pop_back();
      continue;
    }
    if (!op->regions.empty()) {
      for (const ir::Graph* block : passes::running_blocks(*op)) add_work(*block, repeats, work);
      if (op->row != &ir::ops::fusion) continue;
    }
    std::vector<Dim> factors = repeats;
    if (op->row == &ir::ops::dot) {
      for (Dim factor : backends::dot_flops(*op)) factors.push_back(factor);
    } else {
      const Type& result = op->result()->type;
      factors.insert(factors.end(), result.dims.begin(), result.dims.end());
      const int64_t inside = op->regions.empty() ? 0 : static_cast<int64_t>(op->regions[0]->ops.size());
      factors.push_back(std::max(kElementWeight, inside));
    }
    work.push_back(std::move(factors));
  }
}

class Sharer {
 public:
  explicit Sharer(ir::Function& function) : function_(function) {
    for (const auto& param : function.body.params)
      for (Dim dim : param->type.dims)
        for (const std::string& symbol : dim.symbols())
          while (symbol.starts_with(prefix_)) prefix_ += "_";
  }

  RowShares share(ir::Op& rows) {
    RowShares shares;
    std::vector<Dim> repeats;
    add_work(*rows.regions[0], repeats, shares.work);
    const ir::RowDims dims = ir::find_row_dims(rows);
    for (const auto& [value, dim] : dims.dims)
      totals_.emplace(value->type.dims[dim].text(), value->type.dims[dim]);
    for (const auto& [text, total] : totals_) {
      const std::string name = prefix_ + std::to_string(count_++);
      shares.shares.push_back({total, name, name + "_first"});
    }
    totals_.clear();
    annotate_readers(rows);
    replace(*rows.regions[0], dims, shares.shares);
    return shares;
  }

 private:
  // Of rows that are read where they are: how many lie there, of all workers. A loop knows its slots without.
  static void annotate_readers(ir::Op& rows) {
    const ir::RowLink dims = passes::rows_dims(rows);
    const passes::RowsAccess access = passes::rows_access(rows);
    for (const auto& op : rows.regions[0]->ops) {
      std::vector<int64_t> cut(op->operands.size(), -1);
      std::vector<Dim> all(op->operands.size(), 0);
      for (size_t j = 0; j < cut.size(); ++j) {
        const ir::Value* operand = op->operands[j];
        if (operand->op != nullptr || dims.operands[operand->index] <= 0 || !access.operands[operand->index])
          continue;
        cut[j] = dims.operands[operand->index];
        all[j] = operand->type.dims[cut[j]];
      }
      const bool any = std::ranges::any_of(cut, [](int64_t dim) { return dim >= 0; });
      if (any && op->row != &ir::ops::scan) op->set_attr("among", {ir::ints(cut), all});
    }
  }

  static void replace(ir::Graph& graph, const ir::RowDims& dims, const std::vector<RowShare>& shares) {
    const auto replace_in = [&](ir::Value& value) {
      const int dim = dims.of(&value);
      if (dim < 0) return;
      const auto share = std::find_if(shares.begin(), shares.end(),
                                      [&](const RowShare& s) { return s.total == value.type.dims[dim]; });
      value.type.dims[dim] = Dim(share->count);
      if (value.op != nullptr && value.op->row == &ir::ops::iota && value.op->int_attr("dim") == dim)
        value.op->set_attr("first", {Dim(share->first)});
    };
    for (const auto& param : graph.params) replace_in(*param);
    for (const auto& op : graph.ops) {
      for (const auto& result : op->results) replace_in(*result);
      for (const auto& region : op->regions) replace(*region, dims, shares);
    }
  }

  ir::Function& function_;
  std::string prefix_ = "rows";
  std::map<std::string, Dim> totals_;
  int count_ = 0;
};

}  // namespace

std::vector<RowShares> share_rows(ir::Function& function) {
  Sharer sharer(function);
  std::vector<RowShares> all;
  for (const auto& op : function.body.ops)
    if (op->row == &ir::ops::rows) all.push_back(sharer.share(*op));
  return all;
}

}  // namespace rondo::codegen
