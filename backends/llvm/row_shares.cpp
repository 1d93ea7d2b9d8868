// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/row_shares.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "backends/dot_loops.h"
#include "ir/builder.h"
#include "ir/row_dims.h"
#include "ir/scan.h"
#include "passes/fusion_rules.h"
#include "passes/memory_plan.h"

namespace rondo::codegen {

namespace {

// Of a step that is no multiplication or addition: loads, stores, calls of functions weigh about so many of those.
constexpr int64_t kElementWeight = 8;

void add_work(const ir::Graph& graph, const ir::RowDims& dims, std::vector<Dim>& repeats,
              std::vector<RowWork>& work) {
  for (const auto& op : graph.ops) {
    if (op->row == &ir::ops::scan) {
      repeats.push_back(op->dim_attr("length"));
      add_work(*op->regions[0], dims, repeats, work);
      repeats.pop_back();
      continue;
    }
    if (!op->regions.empty()) {
      // Of the blocks of a cond one runs; which one is not known.
      for (const ir::Graph* block : passes::running_blocks(*op)) add_work(*block, dims, repeats, work);
      if (op->row != &ir::ops::fusion) continue;
    }
    const Type& result = op->result()->type;
    const int cut = dims.of(op->result());
    RowWork item = {op.get(), repeats, cut < 0 ? Dim(1) : result.dims[cut]};
    if (op->row == &ir::ops::dot) {
      for (Dim factor : backends::dot_flops(*op)) item.steps.push_back(factor);
      // The result's last dims are the free ones of y.
      const size_t others = op->ints_attr("contract", 1).size() +
                            (op->has_attr("batch") ? op->ints_attr("batch", 1).size() : 0);
      const size_t columns = op->operands[1]->type.dims.size() - others;
      item.dot_rows.assign(result.dims.begin(), result.dims.end() - static_cast<int64_t>(columns));
    } else {
      const bool is_loop = op->row == &ir::ops::fusion;
      const std::vector<Dim>& elements =
          passes::iteration_dims(is_loop ? *op->regions[0]->results[0] : *op->result());
      item.steps.insert(item.steps.end(), elements.begin(), elements.end());
      const int64_t inside = op->regions.empty() ? 0 : static_cast<int64_t>(op->regions[0]->ops.size());
      item.steps.push_back(std::max(kElementWeight, inside));
    }
    work.push_back(std::move(item));
  }
}

// Blocks are for ops that run once: a loop reads its weights in each step, for as many rows as it can have.
bool can_have_blocks(const ir::Graph& body) {
  return std::ranges::all_of(
      body.ops, [](const auto& op) { return op->regions.empty() || op->row == &ir::ops::fusion; });
}

std::vector<Dim> passed_bytes(const ir::Graph& body, Dim row_count) {
  std::unordered_set<const ir::Value*> read;
  for (const auto& op : body.ops) read.insert(op->operands.begin(), op->operands.end());
  std::vector<Dim> bytes;
  for (const auto& op : body.ops)
    for (const auto& result : op->results) {
      const bool has_rows = std::ranges::find(result->type.dims, row_count) != result->type.dims.end();
      if (has_rows && read.contains(result.get())) bytes.push_back(result->type.bytes());
    }
  return bytes;
}

std::vector<Dim> copied_bytes(const ir::Op& rows) {
  const ir::Graph& body = *rows.regions[0];
  const ir::RowLink dims = passes::rows_dims(rows);
  const auto inside = rows.ints_attr("inside");
  std::vector<Dim> bytes;
  for (size_t i = 0; i < inside.size(); ++i)
    if (inside[i] >= 0) bytes.push_back(body.param(static_cast<int>(i))->type.bytes());
  for (size_t k = 0; k < body.results.size(); ++k)
    if (dims.results[k] > 0) bytes.push_back(body.results[k]->type.bytes());
  return bytes;
}

class Sharer {
 public:
  explicit Sharer(const ir::Function& function) : prefix_(unused_prefix(function, "rows")) {}

  RowShares share(ir::Op& rows) {
    RowShares shares;
    const ir::RowDims dims = ir::find_row_dims(rows);
    std::vector<Dim> repeats;
    add_work(*rows.regions[0], dims, repeats, shares.work);
    for (const auto& [value, dim] : dims.dims)
      totals_.emplace(value->type.dims[dim].text(), value->type.dims[dim]);
    for (const auto& [text, total] : totals_) {
      const std::string name = prefix_ + std::to_string(count_++);
      shares.shares.push_back({total, name, name + "_first"});
    }
    totals_.clear();
    annotate_readers(rows);
    replace(*rows.regions[0], dims, shares.shares);
    if (shares.shares.size() == 1 && can_have_blocks(*rows.regions[0])) {
      shares.passed = passed_bytes(*rows.regions[0], Dim(shares.shares[0].count));
      shares.copied = copied_bytes(rows);
    }
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
      if (any && op->row != &ir::ops::scan && op->row != &ir::ops::cond)
        op->set_attr("among", {ir::ints(cut), all});
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

  const std::string prefix_;
  std::map<std::string, Dim> totals_;
  int count_ = 0;
};

}  // namespace

double product_at(const std::vector<Dim>& factors, const Sizes& symbols) {
  double product = 1;
  for (Dim factor : factors) product *= static_cast<double>(factor.evaluate(symbols));
  return product;
}

std::string unused_prefix(const ir::Function& function, std::string prefix) {
  for (const auto& param : function.body.params)
    for (Dim dim : param->type.dims)
      for (const std::string& symbol : dim.symbols())
        while (symbol.starts_with(prefix)) prefix += "_";
  for (const ir::DerivedSize& size : function.derived)
    while (size.name.starts_with(prefix)) prefix += "_";
  return prefix;
}

std::vector<RowShares> share_rows(ir::Function& function) {
  Sharer sharer(function);
  std::vector<RowShares> all;
  ir::for_each_op(function.body, [&](ir::Op& op) {
    if (op.row == &ir::ops::rows) all.push_back(sharer.share(op));
  });
  return all;
}

}  // namespace rondo::codegen
