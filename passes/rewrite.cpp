// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/rewrite.h"

#include <unordered_map>

#include "ir/budgets.h"
#include "ir/error.h"
#include "ir/op_row.h"
#include "passes/applications.h"

namespace rondo::passes {

using namespace ir;

bool rewrite_ops(Graph& graph, const std::function<Replacement(Builder&, Op&)>& visit) {
  auto ops = std::move(graph.ops);
  graph.ops.clear();
  graph.ops.reserve(ops.size());
  Builder builder(graph);
  // The replaced ops live on until the end, so that no new value takes the address of an old one.
  std::unordered_map<const Value*, Value*> stand_ins;
  const auto replace = [&](Value*& value) {
    if (auto found = stand_ins.find(value); found != stand_ins.end()) value = found->second;
  };
  for (auto& op : ops) {
    for (Value*& operand : op->operands) replace(operand);
    builder.loc = op->loc;
    const Replacement replacement = Applications::one_more() ? visit(builder, *op) : std::nullopt;
    if (!replacement) {
      graph.append(std::move(op));
      continue;
    }
    Applications::done();
    for (size_t i = 0; i < op->results.size(); ++i) {
      Value* value = replacement->at(i);
      stand_ins[op->results[i].get()] = value;
      // A constant without a name is printed where it is used.
      if (value->name.empty() && value->op != nullptr && value->op->row != &ops::constant)
        value->name = op->results[i]->name;
    }
  }
  for (Value*& result : graph.results) replace(result);
  return !stand_ins.empty();
}

bool is_rows_body(const ir::Graph& graph) {
  return graph.owner != nullptr && graph.owner->row == &ir::ops::rows;
}

void fail_over_budget(const Function& function, const Op* op, const std::string& what,
                      const std::string& way_out) {
  const Loc loc = op != nullptr ? op->loc : function.loc;
  std::string where = (loc.known() ? loc.text() + ": " : "") + "@" + function.name + ": ";
  if (op != nullptr && !op->results.empty() && !op->result()->name.empty())
    where += "%" + op->result()->name + ": ";
  throw Error(where + what + " are more than " + std::to_string(budget::kOpsMade) +
              " ops, what a pass may make of a function; " + way_out);
}

}  // namespace rondo::passes
