// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <unordered_map>

#include "ir/ops/elementwise.h"
#include "ir/structural.h"
#include "passes/rules.h"

namespace rondo::passes {

using namespace ir;

bool merge_equal_ops(Graph& graph) {
  std::unordered_multimap<size_t, const Op*> seen;
  return rewrite_ops(graph, [&](Builder&, Op& op) -> Replacement {
    if (op.row == &ops::identity) return {};
    size_t hash = hash_of_form(op);
    for (const Value* operand : op.operands) hash = hash * 31 + std::hash<const Value*>()(operand);
    auto [first, last] = seen.equal_range(hash);
    for (; first != last; ++first) {
      const Op& earlier = *first->second;
      if (earlier.operands != op.operands || !same_form(earlier, op)) continue;
      Values results;
      for (const auto& result : earlier.results) results.push_back(result.get());
      return results;
    }
    seen.emplace(hash, &op);
    return {};
  });
}

}  // namespace rondo::passes
