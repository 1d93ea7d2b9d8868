// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/scan.h"

#include <algorithm>

namespace rondo::ir {

Value* add_over(Op& scan, Value* operand, std::string name) {
  Graph& body = *scan.regions[0];
  Type type = operand->type;
  type.dims.erase(type.dims.begin());
  Value* param = body.add_param(std::move(type), std::move(name), scan.loc);
  const int place = scan.groups[0]++;
  scan.operands.insert(scan.operands.begin() + place, operand);
  std::rotate(body.params.begin() + 1 + place, body.params.end() - 1, body.params.end());
  for (size_t i = 0; i < body.params.size(); ++i) body.params[i]->index = static_cast<int>(i);
  return param;
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
  return scan.add_result(std::move(type), value->name);
}

}  // namespace rondo::ir
