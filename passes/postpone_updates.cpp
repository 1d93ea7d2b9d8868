// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/postpone_updates.h"

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "passes/memory_plan.h"

namespace rondo::passes {

namespace {

class Postponer {
 public:
  explicit Postponer(ir::Function& function)
      : function_(function),
        ops_(function.body.ops),
        returned_(function.body.results.begin(), function.body.results.end()) {}

  void run() {
    size_t count = ops_.size();
    while (count > 0 && !can_record_error(*ops_[count - 1])) --count;
    if (count == 0) return;
    for (size_t i = 0; i < count; ++i) numbers_.emplace(ops_[i].get(), i);
    const std::vector<bool> needed = needed_by_recorders(count);
    std::vector<bool> moved(count, false);
    for (size_t i = 0; i < count; ++i) {
      moved[i] = !needed[i] && may_overwrite_donated(*ops_[i]);
      for_each_source(i, [&](size_t source) { moved[i] = moved[i] || moved[source]; });
    }
    std::vector<std::unique_ptr<ir::Op>> stay, go;
    for (size_t i = 0; i < count; ++i) (moved[i] ? go : stay).push_back(std::move(ops_[i]));
    std::move(go.begin(), go.end(), std::move(stay.begin(), stay.end(), ops_.begin()));
  }

 private:
  template <class Visit>
  void for_each_source(size_t op, Visit&& visit) const {
    for (const ir::Value* operand : ops_[op]->operands)
      if (operand->op != nullptr) visit(numbers_.at(operand->op));
  }

  std::vector<bool> needed_by_recorders(size_t count) const {
    std::vector<bool> needed(count, false);
    for (size_t i = count; i-- > 0;) {
      if (can_record_error(*ops_[i])) needed[i] = true;
      if (needed[i]) for_each_source(i, [&](size_t source) { needed[source] = true; });
    }
    return needed;
  }

  bool may_overwrite_donated(const ir::Op& op) const {
    ir::Values donated;
    for (ir::Value* operand : op.operands)
      if (operand->op == nullptr && function_.param_infos[operand->index].donate) donated.push_back(operand);
    return !donated.empty() && std::any_of(op.results.begin(), op.results.end(), [&](const auto& result) {
      return returned_.contains(result.get()) &&
             std::any_of(donated.begin(), donated.end(),
                         [&](const ir::Value* operand) { return operand->type == result->type; });
    });
  }

  ir::Function& function_;
  std::vector<std::unique_ptr<ir::Op>>& ops_;
  std::unordered_set<const ir::Value*> returned_;
  std::unordered_map<const ir::Op*, size_t> numbers_;
};

}  // namespace

void postpone_updates(ir::Function& function) { Postponer(function).run(); }

}  // namespace rondo::passes
