// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/names.h"

#include <algorithm>

#include "ir/literal.h"
#include "ir/text.h"

namespace rondo::ir {

namespace {

constexpr size_t kLongestPrinted = 200;  // leaves room for suffixes

bool is_number(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

bool could_be_literal(const Op& op) {
  return op.row == &ops::constant && op.attrs.size() == 1 && op.has_attr("value") && op.results.size() == 1 &&
         is_number(op.result()->name);
}

// `x_12` -> `x`.
std::string without_suffix(const std::string& name) {
  const size_t end = name.find_last_not_of("0123456789");
  const bool suffix = end != std::string::npos && end > 0 && end + 1 < name.size() && name[end] == '_';
  return suffix ? name.substr(0, end) : name;
}

}  // namespace

Names::Names(const Graph& graph, const Names* first) {
  names_.reserve(graph.params.size() + graph.ops.size());
  find_literals(graph);
  for (size_t i = 0; i < graph.params.size(); ++i) {
    const Graph* bound = first != nullptr && graph.owner != nullptr ? graph.owner->regions[0].get() : nullptr;
    if (bound == nullptr || i >= bound->params.size()) {
      name(graph.param(i));
      continue;
    }
    const std::string& shared = first->of(bound->param(i));
    names_[graph.param(i)] = *taken_.insert(shared).first;
    if (is_number(shared)) ++unnamed_;  // numbers go on behind those of the parameters
  }
  for (const auto& op : graph.ops)
    for (const auto& result : op->results)
      if (!literals_.contains(result.get())) name(result.get());
}

// A constant without a name stands as a number where all its users can take one. A user whose operands would
// all become numbers keeps them as values, for nothing would be left to tell their type.
void Names::find_literals(const Graph& graph) {
  for (const auto& op : graph.ops)
    if (could_be_literal(*op)) literals_.insert(op->result());
  if (literals_.empty()) return;
  for (const Value* result : graph.results) literals_.erase(result);

  // A broken function may use what is not defined above; such a value is not looked at.
  static const Type unknown;
  std::unordered_set<const Value*> defined, used;
  defined.reserve(graph.params.size() + graph.ops.size());
  for (const auto& param : graph.params) defined.insert(param.get());
  std::vector<const Type*> types;
  for (const auto& op : graph.ops) {
    types.clear();
    for (const Value* operand : op->operands) {
      const bool known = defined.contains(operand);
      types.push_back(!known ? &unknown : literals_.contains(operand) ? nullptr : &operand->type);
    }
    const Type* result = op->results.size() == 1 ? &op->result()->type : nullptr;
    for (size_t i = 0; i < types.size(); ++i) {
      if (types[i] != nullptr) continue;
      if (number_type(*op->row, types, result, i) == op->operands[i]->type)
        used.insert(op->operands[i]);
      else
        literals_.erase(op->operands[i]);
    }
    for (const auto& value : op->results) defined.insert(value.get());
  }
  std::erase_if(literals_, [&](const Value* literal) { return !used.contains(literal); });
}

const std::string& Names::take(std::string name) {
  if (auto [entry, fresh] = taken_.insert(name); fresh) return *entry;
  const std::string base = without_suffix(name);
  int& suffix = suffixes_[base];
  for (;;)
    if (auto [entry, fresh] = taken_.insert(base + "_" + std::to_string(++suffix)); fresh) return *entry;
}

void Names::name(const Value* value) {
  const std::string name = to_identifier(value->name).substr(0, kLongestPrinted);
  names_[value] = is_number(name) ? std::to_string(unnamed_++) : take(name);
}

std::string Names::operand(const Value* value) const {
  if (literals_.contains(value)) return value->op->number_attr("value").text(value->type.dtype);
  return "%" + of(value);
}

const std::string& Names::of(const Value* value) const {
  static const std::string unknown = "?";
  auto found = names_.find(value);
  return found == names_.end() ? unknown : found->second;
}

bool Names::is_inline(const Op& op) const {
  return op.row == &ops::constant && !op.results.empty() && literals_.contains(op.result());
}

}  // namespace rondo::ir
