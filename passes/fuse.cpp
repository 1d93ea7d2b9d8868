// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fuse: joins element-wise ops, the views between them and reductions of what they make into loops over elements.
//
// Before:  %a = mul %x, %y : f32[B]
//          %b = exp %a : f32[B]
// After:   %b = fusion use(%x = %x, %y = %y) {
//            %a = mul %x, %y : f32[B]
//            %b = exp %a : f32[B]
//            yield (%b) } : f32[B]
//
// Legal:   if fusion_rules.h lets each op stand in a fusion, all results of the fusion have one iteration shape,
//          no path leaves the fusion and comes back to it, and ops that may record errors keep their order.
//          Exact: no op is changed, only where its elements are computed.
//          A loop gives a reduction as a result (`is_total` in ir/fusion.h): another one reads it.
// A loss:  if an element would be computed more than once (a costly op under a broadcast or under two
//          overlapping slices: those are kept out), if rows that are reduced are known to be short (kept out: they
//          leave lanes idle), or if the loop grows so long that compiling it takes too
//          much time.
// Needs:   expand-math; feeds plan-memory and the code generator.
//
// Which ops run together is decided in fusion_units.cpp, with bounded work for each op:
// 1. From the last op to the first, an op joins the unit that runs first of those that read it: so what one
//    loop reads is computed in that loop. Constants, iotas and broadcasts are copied into each reader.
// 2. Units that pass values to each other element by element are merged, if no other unit must run between
//    them.
// 3. Both once more, with the ops in the order of the units and with what was merged joined from the start:
//    now an op that several units read finds just one of them.
// Behind that, a loop over elements gives a carry twice that its scan stacks before its step and after it.
#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "ir/op_row.h"
#include "ir/scan.h"
#include "passes/applications.h"
#include "passes/fusion_units.h"
#include "passes/passes.h"

namespace rondo::passes {

namespace {

class Fuser {
 public:
  explicit Fuser(ir::Graph& graph) : graph_(graph), old_(std::move(graph.ops)) {
    graph.ops.clear();
    for (auto& op : old_) owners_.emplace(op.get(), &op);
  }

  /// `units` must be those of the graph as it was.
  bool run(const std::vector<FusionUnit>& units) {
    std::vector<ir::Op*> lone;
    for (const FusionUnit& unit : units) {
      if (unit.ops.size() > 1 && Applications::one_more()) {
        Applications::done();
        emit(unit);
        continue;
      }
      for (const ir::Op* op : unit.ops)  // one that was to be copied into several units stays once
        if (auto& owner = *owners_.at(op); owner != nullptr) lone.push_back(graph_.append(std::move(owner)));
    }
    for (ir::Op* op : lone)
      for (ir::Value*& operand : op->operands) operand = outer(operand);
    for (ir::Value*& result : graph_.results) result = outer(result);
    return lone.size() < old_.size();
  }

 private:
  ir::Value* outer(ir::Value* value) const {
    const auto found = fused_.find(value);
    return found == fused_.end() ? value : found->second;
  }

  void emit(const FusionUnit& unit) {
    auto body = std::make_unique<ir::Graph>(graph_.function);
    ir::Builder builder(*body);
    std::unordered_map<const ir::Value*, ir::Value*> inner;
    ir::Values operands;
    for (const ir::Op* op : unit.ops) {
      ir::Values args;
      for (ir::Value* operand : op->operands) {
        ir::Value*& arg = inner[operand];
        if (arg == nullptr) {
          arg = body->add_param(operand->type, operand->name);
          operands.push_back(outer(operand));
        }
        args.push_back(arg);
      }
      const ir::Op* copy = builder.clone(*op, std::move(args));
      for (const auto& result : op->results) inner[result.get()] = copy->result(result->index);
    }
    for (const ir::Value* result : unit.results) body->results.push_back(inner.at(result));

    builder = ir::Builder(graph_, unit.results.back()->op->loc.via("fuse"));
    std::vector<std::unique_ptr<ir::Graph>> regions;
    regions.push_back(std::move(body));
    const int count = static_cast<int>(operands.size());
    ir::Op* fusion =
        builder.emit_region(ir::ops::fusion, std::move(operands), {count}, {}, std::move(regions), {});
    for (size_t i = 0; i < unit.results.size(); ++i) {
      fusion->results[i]->name = unit.results[i]->name;
      fused_[unit.results[i]] = fusion->result(static_cast<int>(i));
    }
  }

  ir::Graph& graph_;
  std::vector<std::unique_ptr<ir::Op>> old_;
  std::unordered_map<const ir::Op*, std::unique_ptr<ir::Op>*> owners_;
  std::unordered_map<const ir::Value*, ir::Value*> fused_;
};

// A carry that is stacked before its step and after it is wanted in the slots of two stacks: what computes it writes
// both, so that nothing is copied in a step.
bool give_twice(const ir::Scan& scan) {
  std::unordered_set<const ir::Value*> written;  // where the next step reads
  for (size_t k = 0; k < scan.stacks(); ++k)
    if (const int carry = scan.carry_number(scan.stack_yield(k)); carry >= 0)
      written.insert(scan.carry_yield(static_cast<size_t>(carry)));
  bool changed = false;
  for (size_t k = 0; k < scan.stacks(); ++k) {
    ir::Value* after = scan.stack_yield(k);
    if (!written.contains(after) || after->op == nullptr || after->op->row != &ir::ops::fusion) continue;
    if (!Applications::one_more()) break;
    Applications::done();
    ir::Graph& loop = *after->op->regions[0];
    loop.results.push_back(loop.results[static_cast<size_t>(after->index)]);
    scan.body->results[scan.carry.size() + k] = after->op->add_result(after->type);
    changed = true;
  }
  return changed;
}

// Where regions nest as deep as they may, ops stay alone: a fusion is a region too.
bool fuse_graph(ir::Graph& graph, int depth) {
  if (depth == ir::kMaxNesting) return false;
  bool changed = false;
  for (const auto& op : graph.ops)
    if (op->row != &ir::ops::fusion)
      for (const auto& region : op->regions) changed |= fuse_graph(*region, depth + 1);
  const std::vector<FusionUnit> units = fusion_units(graph);
  changed |= Fuser(graph).run(units);
  if (graph.owner != nullptr && graph.owner->row == &ir::ops::scan)
    changed |= give_twice(ir::Scan(*graph.owner));
  return changed;
}

}  // namespace

bool fuse(ir::Function& function) { return fuse_graph(function.body, 0); }

}  // namespace rondo::passes
