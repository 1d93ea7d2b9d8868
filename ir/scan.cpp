// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/scan.h"

#include <algorithm>

namespace rondo::ir {

Values add_overs(Op& scan, const Values& operands, const std::vector<std::string>& names) {
  Graph& body = *scan.regions[0];
  Values params;
  for (size_t i = 0; i < operands.size(); ++i) {
    Type type = operands[i]->type;
    type.dims.erase(type.dims.begin());
    params.push_back(body.add_param(std::move(type), names[i], scan.loc));
  }
  const int place = scan.groups[0], count = static_cast<int>(operands.size());
  scan.groups[0] += count;
  scan.operands.insert(scan.operands.begin() + place, operands.begin(), operands.end());
  std::rotate(body.params.begin() + 1 + place, body.params.end() - count, body.params.end());
  for (size_t i = 0; i < body.params.size(); ++i) body.params[i]->index = static_cast<int>(i);
  return params;
}

Value* add_use(Op& scan, Value* operand, std::string name) {
  scan.operands.push_back(operand);
  ++scan.groups[2];
  return scan.regions[0]->add_param(operand->type, std::move(name), scan.loc);
}

Value* add_stack(Op& scan, Value* value) {
  Type type = value->type;
  type.dims.insert(type.dims.begin(), scan.dim_attr("length"));
  scan.regions[0]->results.push_back(value);
  scan.erase_attr("live");  // which holds for all that is stacked
  return scan.add_result(std::move(type), value->name);
}

}  // namespace rondo::ir
