// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/row_dims.h"

#include <algorithm>
#include <unordered_set>

#include "ir/dataflow.h"

namespace rondo::ir {

std::vector<RowLink> row_links(const Op& op) {
  if (op.row->rows != nullptr) return op.row->rows(op);
  std::vector<RowLink> links;
  if (!op.row->is_elementwise()) return links;
  for (int d = 0; d < op.result()->type.rank(); ++d)
    links.push_back({std::vector<int>(op.operands.size(), d), {d}});
  return links;
}

namespace {

class Tracer {
 public:
  explicit Tracer(const Graph& graph) { add_users(graph); }

  RowDims run(const Op& rows) {
    const Graph& graph = *rows.regions[0];
    const auto cut = rows.ints_attr("dims", 0), yielded = rows.ints_attr("dims", 1);
    for (size_t i = 0; i < cut.size(); ++i)
      assign(graph.param(static_cast<int>(i)), static_cast<int>(cut[i]));
    for (size_t i = 0; i < yielded.size(); ++i) assign(graph.results[i], static_cast<int>(yielded[i]));
    follow(graph);
    for (size_t i = cut.size(); i < graph.params.size(); ++i)
      if (rows_.of(graph.params[i].get()) >= 0 && rows_.flaw.empty())
        rows_.flaw = "'" + graph.params[i]->name + "' is cut inside and whole outside";
    return check(graph);
  }

  RowDims run(const Graph& body, const std::vector<std::pair<const Value*, int>>& known) {
    for (const auto& [value, dim] : known) assign(value, dim);
    follow(body);
    return check(body);
  }

 private:
  void follow(const Graph& graph) {
    while (!pending_.empty() && rows_.flaw.empty()) {
      const Value* value = pending_.back();
      pending_.pop_back();
      spread(*value, &graph);
    }
  }

  RowDims check(const Graph& graph) {
    if (rows_.flaw.empty()) for_each_op(graph, [&](const Op& op) { check(op); });
    return std::move(rows_);
  }

  void add_users(const Graph& graph) {
    for (const auto& op : graph.ops) {
      for (size_t i = 0; i < op->operands.size(); ++i)
        users_[op->operands[i]].push_back({op.get(), static_cast<int>(i)});
      for (const auto& region : op->regions) add_users(*region);
    }
    for (size_t i = 0; i < graph.results.size() && graph.owner != nullptr; ++i)
      yields_[graph.results[i]].push_back({graph.owner, static_cast<int>(i)});
  }

  void fail(const Op& op, const std::string& what) {
    if (rows_.flaw.empty()) rows_.flaw = op.row->name + " " + what;
  }

  // -1 leaves open what the value is.
  void assign(const Value* value, int dim) {
    if (dim < 0) return;
    const auto [entry, fresh] = rows_.dims.emplace(value, dim);
    if (fresh)
      pending_.push_back(value);
    else if (entry->second != dim && rows_.flaw.empty())
      rows_.flaw = "a value of type " + value->type.text() + " holds rows along two dims";
  }

  // What runs over time has a dim more outside than inside.
  static int time_dims(const Op& op, int operand) {
    return op.row == &ops::scan && operand < op.groups[0] ? 1 : 0;
  }
  static int stacked_dims(const Op& op, int result) {
    return op.row == &ops::scan && result >= op.groups[1] ? 1 : 0;
  }

  void enter(const Op& op, int operand, int dim) {
    const int inside = dim - time_dims(op, operand);
    if (inside < 0) return fail(op, "takes rows for time steps");
    const int index = op.row->region.index ? 1 : 0;
    if (operand >= static_cast<int>(op.operands.size() - op.row->operands.size()))
      return fail(op, "decides by a value with rows");
    for (size_t k = 0; k < op.regions.size(); ++k)
      if (op.row->region.blocks[k].runs()) assign(op.regions[k]->param(operand + index), inside);
    carry(op, operand - carries_of(op).first, dim);
  }

  // All that a carry is: where it comes from, what it is in each block, what the op results in.
  void carry(const Op& op, int number, int dim) {
    const CarryRange carries = carries_of(op);
    if (number < 0 || number >= carries.count) return;
    const int index = op.row->region.index ? 1 : 0;
    assign(op.operands[carries.first + number], dim);
    assign(op.result(number), dim);
    for (size_t k = 0; k < op.regions.size(); ++k) {
      assign(op.regions[k]->param(carries.first + number + index), dim);
      if (op.row->region.blocks[k].gives == BlockSpec::Gives::kResults)
        assign(op.regions[k]->results[number], dim);
    }
  }

  void leave(const Op& op, int result, int dim) {
    const int inside = dim - stacked_dims(op, result);
    if (inside < 0) return fail(op, "has rows for time steps");
    for (size_t k = 0; k < op.regions.size(); ++k)
      if (op.row->region.blocks[k].gives == BlockSpec::Gives::kResults)
        assign(op.regions[k]->results[result], inside);
    carry(op, result, dim);
  }

  void spread(const Value& value, const Graph* all) {
    const int dim = rows_.of(&value);
    if (value.op == nullptr && value.graph != all) {
      const Op& owner = *value.graph->owner;
      const int operand = bound_operand(owner, value.index);
      if (operand < 0) return fail(owner, "has rows in its index");
      assign(owner.operands[operand], dim + time_dims(owner, operand));
      carry(owner, operand - carries_of(owner).first, dim);
    }
    if (value.op != nullptr) value.op->regions.empty() ? link(*value.op) : leave(*value.op, value.index, dim);
    for (const auto& [op, operand] : users_[&value])
      op->regions.empty() ? link(*op) : enter(*op, operand, dim);
    if (value.graph == all) return;
    for (const auto& [op, i] : yields_[&value]) {
      const auto region = std::find_if(op->regions.begin(), op->regions.end(),
                                       [&](const auto& block) { return block.get() == value.graph; });
      if (op->row->region.blocks[region - op->regions.begin()].gives != BlockSpec::Gives::kResults)
        return fail(*op, "decides by a value with rows");
      assign(op->result(i), dim + stacked_dims(*op, i));
      carry(*op, i, dim);
    }
  }

  enum class Fit { kNot, kMaybe, kWhole };

  Fit fit(const Op& op, const RowLink& link) const {
    Fit fit = Fit::kWhole;
    const auto compare = [&](const Value* value, int dim) {
      const int known = rows_.of(value);
      if (known < 0 && dim >= 0 && fit == Fit::kWhole) fit = Fit::kMaybe;
      if (known >= 0 && known != dim) fit = Fit::kNot;
    };
    for (size_t i = 0; i < op.operands.size(); ++i) compare(op.operands[i], link.operands[i]);
    for (size_t i = 0; i < op.results.size(); ++i) compare(op.results[i].get(), link.results[i]);
    return fit;
  }

  // One of whose values rows are known.
  void link(const Op& op) {
    if (linked_.contains(&op)) return;
    const RowLink* only = nullptr;
    const std::vector<RowLink> links = row_links(op);
    for (const RowLink& link : links) {
      if (fit(op, link) == Fit::kNot) continue;
      if (only != nullptr) return;
      only = &link;
    }
    if (only == nullptr) return fail(op, "mixes rows");
    linked_.insert(&op);
    for (size_t i = 0; i < op.operands.size(); ++i) assign(op.operands[i], only->operands[i]);
    for (size_t i = 0; i < op.results.size(); ++i) assign(op.results[i].get(), only->results[i]);
  }

  // Nothing may be left open where an op has rows.
  void check(const Op& op) {
    if (!op.regions.empty()) return;
    bool any = false;
    for (const Value* operand : op.operands) any = any || rows_.of(operand) >= 0;
    for (const auto& result : op.results) any = any || rows_.of(result.get()) >= 0;
    if (!any) return;
    for (const RowLink& link : row_links(op))
      if (fit(op, link) == Fit::kWhole) return;
    fail(op, "mixes rows");
  }

  struct Use {
    const Op* op;
    int number;
  };
  std::unordered_map<const Value*, std::vector<Use>> users_, yields_;
  std::unordered_set<const Op*> linked_;  // all of whose values are known
  std::vector<const Value*> pending_;
  RowDims rows_;
};

}  // namespace

RowDims find_row_dims(const Op& rows) { return Tracer(*rows.regions[0]).run(rows); }

RowDims find_row_dims(const Scan& scan, const std::vector<std::pair<const Value*, int>>& known) {
  return Tracer(*scan.body).run(*scan.body, known);
}

}  // namespace rondo::ir
