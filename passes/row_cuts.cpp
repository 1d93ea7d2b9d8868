// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/row_cuts.h"

#include <algorithm>
#include <set>
#include <string>

#include "passes/memory_plan.h"

namespace rondo::passes {

using namespace ir;

bool mentions(Dim dim, Dim symbol) {
  const auto symbols = dim.symbols();
  return std::find(symbols.begin(), symbols.end(), symbol.text()) != symbols.end();
}

namespace {

constexpr int kNone = -1, kMixed = -2;

bool has(const std::vector<int>& dims, int dim) {
  return std::find(dims.begin(), dims.end(), dim) != dims.end();
}

bool any_rows(const std::vector<int>& dims) {
  return std::ranges::any_of(dims, [](int dim) { return dim >= 0; });
}

}  // namespace

std::optional<Cut> SymbolCuts::cut(const Op& op) const {
  if (can_record_error(op)) return std::nullopt;
  Cut cut = dims_of(op);
  if (has(cut.results, -1) || !fits(op, depth_ + 1)) return std::nullopt;
  return cut;
}

int SymbolCuts::dim_of(const Type& type) const {
  int found = kNone;
  for (size_t i = 0; i < type.dims.size(); ++i) {
    if (!mentions(type.dims[i], symbol_)) continue;
    if (found != kNone || type.dims[i] != symbol_) return kMixed;
    found = static_cast<int>(i);
  }
  return found;
}

Cut SymbolCuts::dims_of(const Op& op) const {
  Cut cut;
  for (const Value* operand : op.operands) cut.operands.push_back(dim_of(operand->type));
  for (const auto& result : op.results) cut.results.push_back(dim_of(result->type));
  return cut;
}

bool SymbolCuts::fits(const Op& op, int depth) const {
  if (op.row == &ops::rows) return false;
  const Cut cut = dims_of(op);
  if (has(cut.operands, kMixed) || has(cut.results, kMixed)) return false;
  if (!op.regions.empty()) return depth < kMaxNesting && fits_region_op(op, cut, depth);
  if (std::ranges::all_of(cut.operands, [](int dim) { return dim < 0; }) && !any_rows(cut.results))
    return true;
  const std::vector<RowLink> links = row_links(op);
  return std::ranges::any_of(links, [&](const RowLink& link) {
    return link.operands == cut.operands && link.results == cut.results;
  });
}

bool SymbolCuts::fits_region_op(const Op& op, const Cut& cut, int depth) const {
  if (op.row == &ops::scan && mentions(op.dim_attr("length"), symbol_)) return false;
  for (size_t i = op.operands.size() - op.row->operands.size(); i < op.operands.size(); ++i)
    if (cut.operands[i] >= 0) return false;
  for (size_t k = 0; k < op.regions.size(); ++k) {
    const Graph& block = *op.regions[k];
    if (op.row->region.blocks[k].gives == BlockSpec::Gives::kCotangents) return false;
    if (op.row->region.blocks[k].gives == BlockSpec::Gives::kDecision && dim_of(block.results[0]->type) >= 0)
      return false;
    for (const auto& inner : block.ops)
      if (!fits(*inner, depth + 1)) return false;
  }
  return true;
}

bool is_made(const Op& op) { return op.row->family == Family::kMake && op.operands.empty(); }
bool is_anchor(const Op& op) { return op.row == &ops::scan || op.row == &ops::dot || chooses_loops(op); }

bool chooses_loops(const Op& op) {
  return op.row == &ops::cond && std::ranges::any_of(op.regions, [](const auto& block) {
           return std::ranges::any_of(block->ops, [](const auto& inner) { return inner->row == &ops::scan; });
         });
}

bool holds_loops(const Op& op) {
  const auto is_loop = [](const auto& inner) { return inner->row == &ops::scan || chooses_loops(*inner); };
  return op.row == &ops::scan && std::ranges::any_of(op.regions[0]->ops, is_loop);
}

namespace {

// How much of its time a graph may spend where rows are those of a symbol: dots, in loops above all.
int64_t worth_of(const Graph& graph, Dim symbol, int depth) {
  const SymbolCuts cuts(symbol, depth);
  int64_t worth = 0;
  for (const auto& op : graph.ops) {
    if (!is_anchor(*op)) continue;
    if (!cuts.cut(*op)) {
      if (holds_loops(*op)) worth += worth_of(*op->regions[0], symbol, depth + 1);
      continue;
    }
    ++worth;
    for (const auto& region : op->regions)
      for_each_op(*region, [&](const Op& inner) { worth += inner.row == &ops::dot ? 100 : 1; });
  }
  return worth;
}

}  // namespace

std::optional<Dim> best_symbol(const Function& function) {
  std::set<std::string> symbols;
  for (const auto& param : function.body.params)
    for (Dim dim : param->type.dims)
      if (dim.is_symbol()) symbols.insert(dim.text());
  std::optional<Dim> best;
  int64_t most = 0;
  for (const std::string& symbol : symbols)
    if (const int64_t value = worth_of(function.body, Dim(symbol), 0); value > most)
      best = Dim(symbol), most = value;
  return best;
}

namespace {

constexpr int64_t kFewRows = 16;        // of a known number, not worth a worker
constexpr int64_t kFewElements = 4096;  // written by an op without dots or sums
constexpr int64_t kMoved = 1 << 18;     // written by one that computes nothing

// Whether cutting an op that fits nowhere else may pay. What depends on sizes may.
bool is_worth_cutting(const Op& op) {
  const Type& result = op.result()->type;
  if (result.dims[0].is_constant() && result.dims[0].constant() < kFewRows) return false;
  if (op.row == &ops::dot) return true;
  const Dim elements = op.row->family == Family::kReduce ? op.operands[0]->type.size() : result.size();
  return !elements.is_constant() || elements.constant() >= (op.row->is_elementwise() ? kFewElements : kMoved);
}

}  // namespace

std::optional<Cut> cut_first_dim(const Op& op) {
  if (!op.regions.empty() || can_record_error(op) || is_made(op) || op.row->keeps_elements)
    return std::nullopt;
  for (const auto& result : op.results)
    if (result->type.rank() == 0) return std::nullopt;
  if (!is_worth_cutting(op)) return std::nullopt;
  for (const RowLink& link : row_links(op))
    if (std::ranges::all_of(link.results, [](int dim) { return dim == 0; })) return link;
  return std::nullopt;
}

}  // namespace rondo::passes
