// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// hoist: takes out of a loop what needs none of its carries.
//
// Before:  %h = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%w = %W, %u = %U) {
//            %a = dot %xt, %w contract([1],[0]) : f32[B,512]
//            ..
// After:   %0 = dot %x, %W contract([2],[0]) : f32[T,B,512]
//          %h = scan T index(%t) over(%xt = %x, %a = %0) carry(%h = %h0) use(%w = %W, %u = %U) {
//            ..
//
// Legal:   exact. What depends on nothing that changes with the time is computed once, unless it may record an
//          error or never end: with T = 0 the loop does not run. What depends on values that the loop goes over,
//          or on the index, is computed for all times at once, if its row says how (`batch`).
// A loss:  of what goes with the time, results for all times need memory; so only dots by values that don't
//          change leave, which become one dot of many rows, and gathers, whose gradient is then one scatter; with
//          them what they are computed from. Of what does not, only what costs more than reading it back, and what
//          an op needs as a whole, such as a piece of a weight that a dot reads.
// Needs:   split-concat and merge-dots before it make more dots that can leave; wants to stand before vjp, since the
//          gradient of one big dot is two big dots. Feeds remove-dead-code with bindings that nothing reads.
#include <unordered_map>
#include <unordered_set>

#include "ir/live_rows.h"
#include "passes/applications.h"
#include "passes/loop_motion.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace rondo::passes {

using namespace ir;

namespace {

class ScanHoist {
 public:
  ScanHoist(Builder& b, Op& op) : b_(b), op_(op), body_(*op.regions[0]), motion_(op) {
    // What is read by more than loops over elements.
    for (const auto& each : body_.ops)
      if (!each->row->is_elementwise() && each->row->family != Family::kShape)
        whole_.insert(each->operands.begin(), each->operands.end());
  }

  bool run() {
    for (const auto& op : body_.ops)
      if (can_leave(*op) && should_leave(*op)) leaving_.insert(op.get());
    if (leaving_.empty()) return false;
    for (const Op* op : motion_.with_sources(leaving_, [](const Op&) { return true; })) {
      b_.loc = op->loc.via("hoist");
      motion_.write(b_, *op);
      // What is cheap, and needed only on the way, stays in the loop as well, where nothing is read back.
      if (!op->row->cheap) leaving_.insert(op);
    }
    rebind();
    drop_stale_live(op_);
    return true;
  }

 private:
  bool can_leave(const Op& op) const { return motion_.is_movable(op); }

  bool should_leave(const Op& op) const {
    if (op.operands.empty()) return false;
    if (motion_.kind(op) == LoopMotion::kInvariant) return !op.row->cheap || is_whole(op);
    const bool first = motion_.goes_with_time(op.operands[0]);
    if (op.row == &ops::dot) return !(first && motion_.goes_with_time(op.operands[1]));
    return op.row == &ops::gather && !first;
  }

  bool is_whole(const Op& op) const {
    for (const auto& result : op.results)
      if (whole_.contains(result.get())) return true;
    return false;
  }

  void rebind() {
    std::unordered_map<const Value*, Value*> params;
    Values timed, operands;
    std::vector<std::string> names;
    for_each_read([&](Value*& value) {
      const auto [entry, fresh] = params.try_emplace(value);
      if (!fresh) return;
      Value* operand = motion_.outside(b_, value);
      if (!motion_.goes_with_time(value)) {
        entry->second = add_use(op_, operand, value->name);
        return;
      }
      timed.push_back(value);
      operands.push_back(operand);
      names.push_back(value->name);
    });
    const Values overs = add_overs(op_, operands, names);
    for (size_t i = 0; i < timed.size(); ++i) params[timed[i]] = overs[i];
    for_each_read([&](Value*& value) { value = params.at(value); });
    std::erase_if(body_.ops, [&](const auto& op) { return leaving_.contains(op.get()); });
  }

  // Where what stays reads what leaves.
  template <class Visit>
  void for_each_read(Visit&& visit) {
    for (const auto& op : body_.ops)
      if (!leaving_.contains(op.get()))
        for (Value*& operand : op->operands)
          if (leaving_.contains(operand->op)) visit(operand);
    for (Value*& result : body_.results)
      if (leaving_.contains(result->op)) visit(result);
  }

  Builder& b_;
  Op& op_;
  Graph& body_;
  LoopMotion motion_;
  std::unordered_set<const Value*> whole_;
  OpSet leaving_;
};

// Inner loops first: what leaves them may leave the outer ones too.
bool hoist(Graph& graph) {
  if (is_rows_body(graph)) return false;
  bool changed = false;
  rewrite_ops(graph, [&](Builder& b, Op& op) -> Replacement {
    for (const auto& region : op.regions) changed |= hoist(*region);
    if (op.row == &ops::scan && Applications::one_more() && ScanHoist(b, op).run()) {
      Applications::done();
      changed = true;
    }
    return {};
  });
  return changed;
}

}  // namespace

bool hoist(Function& function) {
  if (!hoist(function.body)) return false;
  remove_dead_code(function);
  return true;
}

}  // namespace rondo::passes
