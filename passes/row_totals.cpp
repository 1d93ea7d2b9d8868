// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/row_totals.h"

#include <algorithm>

#include "ir/fusion.h"
#include "ir/op_row.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

bool is_split(const Op& op, Dim symbol) {
  if (!is_reduction(op)) return false;
  const Type& x = op.operands[0]->type;
  const auto dims = op.ints_attr("dims");
  const bool whole = start_of_sums(op) == nullptr && x.dtype != bf16;  // which would be rounded twice
  return whole && !dims.empty() && dims.back() == x.rank() - 1 && !x.dims.back().is_constant(1) &&
         std::any_of(dims.begin(), dims.end() - 1, [&](int64_t dim) { return x.dims[dim] == symbol; });
}

}  // namespace

bool split_totals(Graph& graph, Dim symbol) {
  return rewrite_ops(graph, [&](Builder& b, Op& op) -> Replacement {
    if (!is_split(op, symbol)) return {};
    const int64_t last = op.operands[0]->type.rank() - 1;
    Value* rows = b.emit(*op.row, {op.operands[0]}, {make_attr(*op.row, "dims", {ints({last})})})->result();
    // A dim of one element behind them, so that they are no lanes of a row but links of a chain.
    std::vector<Dim> links = rows->type.dims;
    links.push_back(1);
    std::vector<Attr> attrs = op.attrs;
    std::vector<int64_t> chained = op.ints_attr("dims");
    chained.pop_back();
    for (Attr& attr : attrs)
      if (attr.spec->name == "dims") attr = make_attr(*op.row, "dims", {ints(chained)});
    Value* total = b.emit(*op.row, {b.reshape(rows, links)}, std::move(attrs))->result();
    return Values{b.reshape(total, op.result()->type.dims)};
  });
}

}  // namespace rondo::passes
