// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/compile_budget.h"

#include "ir/budgets.h"
#include "ir/error.h"
#include "ir/op_row.h"

namespace rondo::codegen {

namespace {

constexpr const char* kWayOut = "; put what repeats into a scan, or run it on the interpreter";

// Ops of a fusion are one call. What goes into other blocks and out of them may be a copy each.
void count_calls(const ir::Graph& graph, int64_t& calls) {
  for (const auto& op : graph.ops) {
    ++calls;
    if (!op->regions.empty() && op->row != &ir::ops::fusion)
      calls += static_cast<int64_t>(op->operands.size() + op->results.size());
    if (op->regions.empty() && op->operands.size() + op->results.size() > ir::budget::kValuesOfKernel)
      throw Error((op->loc.known() ? op->loc.text() + ": " : "") + "@" + graph.function->name + ": " +
                  op->row->name + " has " + std::to_string(op->operands.size()) + " operands and " +
                  std::to_string(op->results.size()) + " results, together more than the " +
                  std::to_string(ir::budget::kValuesOfKernel) +
                  " that machine code is made for; do it in stages, or run it on the interpreter");
    if (op->row == &ir::ops::fusion) continue;
    for (const auto& region : op->regions) count_calls(*region, calls);
  }
}

}  // namespace

void check_ops_to_compile(const ir::Function& function) {
  int64_t ops = 0;
  ir::for_each_op(function.body, [&](const ir::Op&) { ++ops; });
  if (ops > ir::budget::kOpsToCompile)
    throw Error((function.loc.known() ? function.loc.text() + ": " : "") + "@" + function.name + ": it has " +
                std::to_string(ops) + " ops, more than the " + std::to_string(ir::budget::kOpsToCompile) +
                " that machine code is made for" + kWayOut);
}

void check_calls_to_compile(const ir::Function& function) {
  int64_t calls = 0;
  count_calls(function.body, calls);
  if (calls > ir::budget::kCallsToCompile)
    throw Error((function.loc.known() ? function.loc.text() + ": " : "") + "@" + function.name +
                ": it needs " + std::to_string(calls) +
                " ops and loops over elements one after another, more than the " +
                std::to_string(ir::budget::kCallsToCompile) + " that machine code is made for" + kWayOut);
}

}  // namespace rondo::codegen
