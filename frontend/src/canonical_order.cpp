// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "frontend/src/trace.h"
#include "ir/scan.h"

// C++ leaves the order in which operands are evaluated open: two compilers trace `dot(x, W) + dot(h, U)` as
// the same graph in two orders. Order matters (it decides, for one, in which order gradients are summed), so
// it is made anew.
namespace rondo::detail {

namespace {

using Needed = std::unordered_set<const ir::Value*>;

// Stacks are made for every field of a scan's state; those that nobody reads go.
void drop_unused_stacks(ir::Op& op, const Needed& needed) {
  ir::Graph& body = *op.regions[0];
  size_t kept = ir::Scan(op).carry.size();
  for (size_t i = kept; i < op.results.size(); ++i) {
    if (!needed.contains(op.result(static_cast<int>(i)))) continue;
    body.results[kept] = body.results[i];
    std::swap(op.results[kept], op.results[i]);
    op.results[kept]->index = static_cast<int>(kept);
    ++kept;
  }
  body.results.resize(kept);
  op.results.resize(kept);
}

// Captures in the order of their first use in the body, which is in order already; unused ones go.
void order_captures(ir::Op& op) {
  ir::Graph& body = *op.regions[0];
  std::unordered_map<const ir::Value*, size_t> first_use;
  const auto see = [&](const ir::Value* value) { first_use.try_emplace(value, first_use.size()); };
  for (const auto& inner : body.ops) std::for_each(inner->operands.begin(), inner->operands.end(), see);
  std::for_each(body.results.begin(), body.results.end(), see);

  struct Capture {
    ir::Value* outer;
    std::unique_ptr<ir::Value> param;
  };
  const size_t bound = op.groups[0] + op.groups[1];
  std::vector<Capture> captures;
  for (size_t i = bound; i < op.operands.size(); ++i)
    if (first_use.contains(body.params[1 + i].get()))
      captures.push_back({op.operands[i], std::move(body.params[1 + i])});
  std::sort(captures.begin(), captures.end(), [&](const Capture& a, const Capture& b) {
    return first_use.at(a.param.get()) < first_use.at(b.param.get());
  });
  op.operands.resize(bound);
  body.params.resize(1 + bound);
  op.groups[2] = static_cast<int>(captures.size());
  for (Capture& capture : captures) {
    capture.param->index = static_cast<int>(body.params.size());
    op.operands.push_back(capture.outer);
    body.params.push_back(std::move(capture.param));
  }
}

// In trace order an op stands before its users, so the walk backwards meets an op after all of them.
void drop_unneeded(ir::Graph& graph) {
  Needed needed(graph.results.begin(), graph.results.end());
  std::vector<std::unique_ptr<ir::Op>> kept;
  for (size_t i = graph.ops.size(); i-- > 0;) {
    std::unique_ptr<ir::Op>& op = graph.ops[i];
    if (std::none_of(op->results.begin(), op->results.end(),
                     [&](const auto& result) { return needed.contains(result.get()); }))
      continue;
    if (op->row == &ir::ops::scan) {
      drop_unused_stacks(*op, needed);
      put_in_canonical_order(*op->regions[0]);
      order_captures(*op);
    }
    needed.insert(op->operands.begin(), op->operands.end());
    kept.push_back(std::move(op));
  }
  std::reverse(kept.begin(), kept.end());
  graph.ops = std::move(kept);
}

}  // namespace

void put_in_canonical_order(ir::Graph& graph) {
  drop_unneeded(graph);

  std::unordered_map<const ir::Op*, std::unique_ptr<ir::Op>> waiting;
  for (auto& op : graph.ops) {
    const ir::Op* key = op.get();
    waiting.emplace(key, std::move(op));
  }
  graph.ops.clear();

  struct Visit {
    ir::Op* op;
    size_t next_operand = 0;
  };
  std::vector<Visit> stack;
  std::unordered_set<const ir::Op*> seen;
  const auto enter = [&](const ir::Value* value) {
    if (value->op != nullptr && seen.insert(value->op).second) stack.push_back({value->op});
  };
  for (const ir::Value* result : graph.results) {
    enter(result);
    while (!stack.empty()) {
      Visit& visit = stack.back();
      if (visit.next_operand < visit.op->operands.size()) {
        enter(visit.op->operands[visit.next_operand++]);
      } else {
        graph.ops.push_back(std::move(waiting.at(visit.op)));
        stack.pop_back();
      }
    }
  }
}

}  // namespace rondo::detail
