// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/column_shares.h"

#include <unordered_map>

#include "backends/dot_loops.h"
#include "ir/op_row.h"

namespace rondo::codegen {

namespace {

class ColumnSharer {
 public:
  ColumnSharer(const ir::Function& function, std::vector<RowShares>& rows, std::int64_t panel_bytes)
      : panel_bytes_(panel_bytes), prefix_(unused_prefix(function, "columns")) {
    for (RowShares& each : rows)
      for (RowWork& work : each.work) work_.emplace(work.op, &work);
  }

  void share(ir::Graph& graph, int rows) {
    for (const auto& op : graph.ops) {
      if (op->row == &ir::ops::dot) share(*op, rows);
      if (op->row == &ir::ops::rows) ++last_rows_;
      for (const auto& region : op->regions) share(*region, op->row == &ir::ops::rows ? last_rows_ : rows);
    }
  }

  std::vector<ColumnShare> shares;

 private:
  void share(ir::Op& dot, int rows) {
    const int64_t dim = backends::first_free_dim(dot, 1);
    // A start would be copied by all of them; dots by lanes have no columns.
    if (dot.has_attr("lanes") || ir::start_of_sums(dot) != nullptr || dim < 0) return;
    const Type& y = dot.operands[1]->type;
    const Dim total = y.dims[static_cast<size_t>(dim)];
    const std::int64_t together = dim == y.rank() - 1 ? panel_bytes_ / y.dtype.bytes() : 1;
    if (total.is_constant() && total.constant() < 2 * together) return;
    const std::string name = prefix_ + std::to_string(shares.size());
    shares.push_back({&dot, total, together, name + "_first", name, backends::dot_flops(dot), rows});
    if (const auto work = work_.find(&dot); work != work_.end())
      work->second->columns = static_cast<int>(shares.size()) - 1;
    dot.set_attr("columns", {std::vector<Dim>{Dim(shares.back().first), Dim(name)}});
  }

  const std::int64_t panel_bytes_;
  const std::string prefix_;
  std::unordered_map<const ir::Op*, RowWork*> work_;
  int last_rows_ = -1;
};

}  // namespace

std::vector<ColumnShare> share_columns(ir::Function& function, std::vector<RowShares>& rows,
                                       std::int64_t panel_bytes) {
  ColumnSharer sharer(function, rows, panel_bytes);
  sharer.share(function.body, -1);
  return std::move(sharer.shares);
}

}  // namespace rondo::codegen
