// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/relayout.h"

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
  if (comes_by_use(*value)) {
    wishes_.push_back({value, key, make});
    ir::Graph scratch(graph_.function);
    ir::Builder typing(scratch);
    result = graph_.add_param(make(typing, scratch.add_param(value->type))->type);
  } else {
    result = make(b, value);
  }
  return result;
}

// Uses are the last parameters; those that were wished for stand behind.
bool Relayout::comes_by_use(const ir::Value& value) const {
  const ir::Op* scan = graph_.owner;
  if (value.op != nullptr || scan == nullptr || scan->row != &ir::ops::scan) return false;
  return value.index > scan->groups[0] + scan->groups[1];
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
