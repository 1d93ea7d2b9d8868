// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/literal.h"

namespace rondo::ir {

std::optional<Type> number_type(const OpRow& row, const std::vector<const Type*>& operands,
                                const Type* result, size_t i) {
  if (!row.is_elementwise()) return std::nullopt;
  const bool condition = row.math.first_is_condition;
  const Type* common = nullptr;
  for (size_t k = condition ? 1 : 0; k < operands.size() && common == nullptr; ++k) common = operands[k];
  const bool chooses = condition && !operands.empty() && operands[0] != nullptr;
  if (common == nullptr && chooses) common = result;  // a choice between numbers
  if (common == nullptr) return std::nullopt;
  return condition && i == 0 ? common->with(i1) : *common;
}

}  // namespace rondo::ir
