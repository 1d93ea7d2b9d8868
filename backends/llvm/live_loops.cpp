// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/live_loops.h"

#include <algorithm>

#include "backends/llvm/row_shares.h"
#include "ir/live_rows.h"

namespace rondo::codegen {

namespace {

template <class Visit>
void for_each_value(const ir::Graph& graph, Visit&& visit) {
  for (const auto& param : graph.params) visit(*param);
  for (const auto& op : graph.ops) {
    for (const auto& result : op->results) visit(*result);
    for (const auto& region : op->regions) for_each_value(*region, visit);
  }
}

}  // namespace

LiveLoops::LiveLoops(ir::Function& function) {
  const std::string prefix = unused_prefix(function, "live");
  ir::for_each_op(function.body, [&](ir::Op& op) {
    if (op.has_attr("live")) give_symbol(op, prefix + std::to_string(loops_.size()));
  });
}

LiveLoops::~LiveLoops() {
  for (const auto& [dim, before] : before_) *dim = before;
}

void LiveLoops::give_symbol(ir::Op& op, std::string symbol) {
  const ir::Scan scan(op);
  const ir::LiveRows live = ir::find_live_rows(scan);
  if (!live.flaw.empty()) throw InternalError("llvm: a scan is not as live as it says: " + live.flaw);
  symbols_.insert(symbol);
  loops_.emplace(&op, LiveLoop{live.over, scan.over_param(live.over)->type.dims[0], symbol});
  for_each_value(*scan.body, [&](ir::Value& value) {
    const int dim = live.dims.of(&value);
    if (dim < 0) return;
    before_.emplace_back(&value.type.dims[static_cast<size_t>(dim)],
                         value.type.dims[static_cast<size_t>(dim)]);
    *before_.back().first = Dim(symbol);
  });
}

const LiveLoop* LiveLoops::find(const ir::Op& op) const {
  const auto found = loops_.find(&op);
  return found == loops_.end() ? nullptr : &found->second;
}

std::vector<std::string> LiveLoops::symbols_of(const ir::Op& op) const {
  std::vector<std::string> symbols;
  for (const Dim dim : op.result()->type.dims)
    if (symbols_.contains(dim.text())) symbols.push_back(dim.text());
  return symbols;
}

}  // namespace rondo::codegen
