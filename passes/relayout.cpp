// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/relayout.h"

#include <algorithm>
#include <memory>

#include "passes/applications.h"

namespace rondo::passes {

// Scans within are done by a Relayout of their own before the scan itself is reached, so that what they want made
// outside can still be written in front of them.
bool Relayout::run() {
  if (is_rows_body(graph_)) return false;
  const bool replaced = rewrite_ops(graph_, [&](ir::Builder& b, ir::Op& op) -> Replacement {
    if (op.row == &ir::ops::dot) return visit_(*this, b, op, changed_);
    if (op.row == &ir::ops::scan)
      visit_scan(b, op);
    else if (op.row == &ir::ops::cond)
      visit_cond(b, op);
    else
      for (const auto& region : op.regions) changed_ |= Relayout(*region, visit_).run();
    return {};
  });
  return replaced || changed_;
}

void Relayout::visit_scan(ir::Builder& b, ir::Op& scan) {
  Relayout body(*scan.regions[0], visit_);
  changed_ |= body.run();
  for (const Wish& wish : body.wishes_) {
    b.loc = scan.loc;
    ir::Value* operand = scan.operands[wish.use_param->index - 1];  // the scan's index has none
    scan.operands.push_back(laid_out(b, operand, wish.key, wish.make));
    ++scan.groups[2];
  }
}

ir::Value* Relayout::laid_out(ir::Builder& b, ir::Value* value, const std::string& key, const Make& make) {
  ir::Value*& result = made_[{value, key}];
  if (result != nullptr) return result;
  if (is_handed_on(*value)) {
    wishes_.push_back({value, key, make});
    ir::Graph scratch(graph_.function);
    ir::Builder typing(scratch);
    result = graph_.add_param(make(typing, scratch.add_param(value->type))->type);
  } else {
    result = make(b, value);
  }
  return result;
}

bool Relayout::is_handed_on(const ir::Value& value) const {
  return comes_by_use(value) || (value.op == nullptr && around_ != nullptr);
}

// Uses are the last parameters; those that were wished for stand behind.
bool Relayout::comes_by_use(const ir::Value& value) const {
  const ir::Op* op = graph_.owner;
  if (value.op != nullptr || op == nullptr) return false;
  if (around_ != nullptr)
    return value.index < op->groups[0] && around_->comes_by_use(*op->operands[value.index]);
  return op->row == &ir::ops::scan && value.index > op->groups[0] + op->groups[1];
}

// What just one block wants is made there, where it costs nothing if that block doesn't run.
void Relayout::visit_cond(ir::Builder& b, ir::Op& cond) {
  const size_t params = cond.regions[0]->params.size();
  std::vector<Relayout> blocks;
  for (const auto& region : cond.regions) {
    blocks.push_back(Relayout(*region, visit_, this));
    changed_ |= blocks.back().run();
  }
  std::vector<Wish> shared;
  for (const Wish& wish : blocks[0].wishes_)
    if (std::ranges::all_of(blocks, [&](const Relayout& block) { return block.wished(wish) != nullptr; }))
      shared.push_back(wish);
  for (const Wish& wish : shared) {
    b.loc = cond.loc;
    ir::Value* operand = cond.operands[wish.use_param->index];
    operand = laid_out(b, operand, wish.key, wish.make);
    cond.operands.insert(cond.operands.end() - 1, operand);  // the predicate is the last one
    ++cond.groups[0];
  }
  for (Relayout& block : blocks)
    if (!block.wishes_.empty()) block.settle(shared, params);
}

ir::Value* Relayout::wished(const Wish& of_other_block) const {
  const auto found = made_.find({graph_.param(of_other_block.use_param->index), of_other_block.key});
  return found == made_.end() ? nullptr : found->second;
}

void Relayout::settle(const std::vector<Wish>& shared, size_t params) {
  std::map<const ir::Value*, std::unique_ptr<ir::Value>> owners;
  for (size_t i = params; i < graph_.params.size(); ++i) {
    const ir::Value* param = graph_.params[i].get();
    owners[param] = std::move(graph_.params[i]);
  }
  graph_.params.resize(params);
  for (const Wish& wish : shared) {
    graph_.params.push_back(std::move(owners.at(wished(wish))));
    graph_.params.back()->index = static_cast<int>(graph_.params.size()) - 1;
  }
  auto ops = std::move(graph_.ops);
  graph_.ops.clear();
  ir::Builder b(graph_);
  std::map<const ir::Value*, ir::Value*> made;
  for (const Wish& wish : wishes_) {
    const ir::Value* param = wished(wish);
    if (owners.at(param) == nullptr) continue;
    b.loc = graph_.owner->loc;
    made[param] = wish.make(b, wish.use_param);
  }
  const auto replace = [&](ir::Value*& value) {
    if (const auto found = made.find(value); found != made.end()) value = found->second;
  };
  for (auto& op : ops) {
    for (ir::Value*& operand : op->operands) replace(operand);
    graph_.append(std::move(op));
  }
  for (ir::Value*& result : graph_.results) replace(result);
}

bool change_dots(ir::Function& function, bool (*change)(Relayout& layout, ir::Builder& b, ir::Op& dot)) {
  const Relayout::Visit visit = [change](Relayout& layout, ir::Builder& b, ir::Op& dot,
                                         bool& changed) -> Replacement {
    if (change(layout, b, dot)) {
      Applications::done();
      changed = true;
    }
    return {};
  };
  return Relayout(function.body, visit).run();
}

}  // namespace rondo::passes
