// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/activity.h"

#include <unordered_map>

#include "ir/dataflow.h"

namespace rondo::passes {

using namespace ir;

namespace {

bool differentiable(const Derivative& derivative, int operand) {
  if (!derivative.partials.empty()) return derivative.partials[operand] != nullptr;
  return derivative.none.empty();
}

// Calls visit(source) for the values that `value` depends on with a derivative.
template <class Visit>
void for_each_float_source(const Value& value, Visit&& visit) {
  if (!value.type.dtype.is_float()) return;
  for_each_source(value, [&](const Value* source, int operand) {
    if (!source->type.dtype.is_float()) return;
    if (operand == kPasses || (operand >= 0 && differentiable(value.op->row->derivative, operand)))
      visit(source);
  });
}

}  // namespace

Activity::Activity(const Function& function, std::span<const int> parameters) {
  // Backwards from the results; then forwards from the parameters along what was met on the way.
  std::unordered_map<const Value*, std::vector<const Value*>> users;
  std::vector<const Value*> pending;
  for (const Value* result : function.body.results)
    if (users.try_emplace(result).second) pending.push_back(result);
  while (!pending.empty()) {
    const Value* value = pending.back();
    pending.pop_back();
    for_each_float_source(*value, [&](const Value* source) {
      auto [entry, fresh] = users.try_emplace(source);
      entry->second.push_back(value);
      if (fresh) pending.push_back(source);
    });
  }

  for (int i : parameters) {
    const Value* parameter = function.body.param(i);
    if (users.contains(parameter) && active_.insert(parameter).second) pending.push_back(parameter);
  }
  while (!pending.empty()) {
    const Value* value = pending.back();
    pending.pop_back();
    for (const Value* user : users.at(value))
      if (active_.insert(user).second) pending.push_back(user);
  }
}

}  // namespace rondo::passes
