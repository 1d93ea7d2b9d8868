// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/scan_builder.h"

namespace rondo::ir {

Value* ScanBuilder::bind(Binds& binds, Value* operand, Type type, std::string name) {
  binds.operands.push_back(operand);
  binds.params.push_back(body_->add_param(std::move(type), std::move(name), builder_.loc));
  return binds.params.back();
}

Value* ScanBuilder::over(Value* operand, std::string name) {
  Type type = operand->type;
  type.dims.erase(type.dims.begin());
  return bind(over_, operand, std::move(type), std::move(name));
}

// Parameters were added as they were needed; a scan has them list by list.
Op* ScanBuilder::emit(Builder& outer, Dim length, bool reverse, const Values& carries, const Values& stacks) {
  Values order = {index_}, operands;
  std::vector<int> groups;
  for (const Binds* binds : {&over_, &carry_, &use_}) {
    order.insert(order.end(), binds->params.begin(), binds->params.end());
    operands.insert(operands.end(), binds->operands.begin(), binds->operands.end());
    groups.push_back(static_cast<int>(binds->operands.size()));
  }
  auto params = std::move(body_->params);
  body_->params.clear();
  for (const Value* param : order)
    body_->params.push_back(std::move(params[static_cast<size_t>(param->index)]));
  for (size_t i = 0; i < order.size(); ++i) order[i]->index = static_cast<int>(i);

  body_->results = carries;
  body_->results.insert(body_->results.end(), stacks.begin(), stacks.end());
  std::vector<Attr> attrs = {make_attr(ops::scan, "length", {length})};
  if (reverse) attrs.push_back(make_attr(ops::scan, "reverse", {}));
  std::vector<std::unique_ptr<Graph>> regions;
  regions.push_back(std::move(body_));
  return outer.emit_region(ops::scan, std::move(operands), std::move(groups), std::move(attrs),
                           std::move(regions), {});
}

}  // namespace rondo::ir
