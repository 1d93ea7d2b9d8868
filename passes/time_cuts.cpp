// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/time_cuts.h"

#include <algorithm>

#include "ir/op_row.h"
#include "ir/scan.h"
#include "passes/memory_plan.h"
#include "passes/row_cuts.h"

namespace rondo::passes {

using namespace ir;

namespace {

constexpr int kMostPhases = 64;
constexpr int64_t kMostOps = 20'000;  // in a piece of each phase

}  // namespace

TimeCuts::TimeCuts(const Graph& body, Dim time) : time_(time) {
  int phases = 0;
  for (const auto& op : body.ops) {
    ops_.push_back(op.get());
    place(*op);
    const Place place = places_.at(op.get());
    last_phase_ = std::max(last_phase_, place.phase);
    if (place.kind != Kind::kWhole) phases = std::max(phases, place.phase + 1);
  }
  last_phase_ = std::max(last_phase_, phases);
  assembled_.resize(static_cast<size_t>(phases));
  for (const auto& op : body.ops)
    for (size_t i = 0; i < op->operands.size(); ++i)
      if (!reads_pieces(*op, kind(*op), i)) assemble(op->operands[i]);
  for (const Value* result : body.results) assemble(result);
}

bool TimeCuts::is_timed(const Value* value) const {
  return value->type.rank() > 0 && value->type.dims[0] == time_;
}

bool TimeCuts::is_mixed(const Value* value) const {
  const std::vector<Dim>& dims = value->type.dims;
  return std::any_of(dims.begin() + (is_timed(value) ? 1 : 0), dims.end(),
                     [&](Dim dim) { return mentions(dim, time_); });
}

bool TimeCuts::is_whole(const Value* value) const {
  if (value->op == nullptr || !is_timed(value)) return true;
  const Kind kind = places_.at(value->op).kind;
  if (kind == Kind::kLoop) return value->index < std::ssize(Scan(*value->op).carry);
  return kind == Kind::kWhole || kind == Kind::kSum;
}

// The phase of a whole value is the first one that may read it, of others the one that makes it.
int TimeCuts::after(const Value* value) const {
  if (value->op == nullptr) return 0;
  const Place& place = places_.at(value->op);
  return place.phase + (place.kind == Kind::kWhole ? 0 : 1);
}

int TimeCuts::during(const Value* value) const {
  return is_whole(value) ? after(value) : places_.at(value->op).phase;
}

TimeCuts::Kind TimeCuts::kind_of(const Op& op) const {
  if (can_record_error(op)) return Kind::kWhole;
  if (op.row == &ops::scan) return Scan(op).length() == time_ ? Kind::kLoop : Kind::kWhole;
  if (is_step(op)) return Kind::kStep;
  return is_sum(op) ? Kind::kSum : Kind::kWhole;
}

bool TimeCuts::is_step(const Op& op) const {
  if (!op.regions.empty()) return false;
  if (op.row == &ops::iota && op.int_attr("dim") == 0) return false;  // a piece would begin anew
  if (std::ranges::any_of(op.operands, [&](const Value* value) { return is_mixed(value); })) return false;
  for (const auto& result : op.results)
    if (!is_timed(result.get()) || is_mixed(result.get())) return false;
  const auto fits = [&](const Value* value, int dim) { return dim == (is_timed(value) ? 0 : -1); };
  return std::ranges::any_of(row_links(op), [&](const RowLink& link) {
    for (size_t i = 0; i < op.operands.size(); ++i)
      if (!fits(op.operands[i], link.operands[i])) return false;
    return std::ranges::all_of(link.results, [](int dim) { return dim == 0; });
  });
}

// Pairs of bf16 don't reach from one piece into the next, and a sum of bf16 is rounded where it ends.
bool TimeCuts::is_sum(const Op& op) const {
  const bool is_dot = op.row == &ops::dot && !op.has_attr("lanes");
  if (!is_dot && op.row != &ops::reduce_sum) return false;
  const bool is_bf16 = op.operands[0]->type.dtype == bf16;
  if (chained_dims(op) < (is_dot && is_bf16 ? 2 : 1) || (!is_dot && is_bf16)) return false;
  for (const int side : {0, 1}) {
    if (side == 1 && !is_dot) break;
    if (!is_timed(op.operands[static_cast<size_t>(side)])) return false;
    if ((is_dot ? op.ints_attr("contract", side) : op.ints_attr("dims"))[0] != 0) return false;
  }
  return true;
}

bool TimeCuts::reads_pieces(const Op& op, Kind kind, size_t operand) {
  if (kind == Kind::kLoop) return operand < Scan(op).over.size();
  if (kind == Kind::kSum) return start_of_sums(op) == nullptr || operand + 1 < op.operands.size();
  return kind == Kind::kStep;
}

int TimeCuts::phase_of(const Op& op, Kind kind) {
  int phase = 0;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Value* operand = op.operands[i];
    phase = std::max(phase, reads_pieces(op, kind, i) ? during(operand) : after(operand));
  }
  return phase;
}

void TimeCuts::place(const Op& op) {
  Kind kind = kind_of(op);
  int phase = phase_of(op, kind);
  const auto goes_with = [&](bool reverse) { return reverse == (phase % 2 == 1); };
  if (kind == Kind::kLoop) {
    if (!goes_with(Scan(op).reverse())) ++phase;
    has_loops_ = true;
  }
  // A sum is no reason to go through all pieces once more.
  if (kind == Kind::kSum && !goes_with(descending_dims(op) > 0)) {
    kind = Kind::kWhole;
    phase = phase_of(op, kind);
  }
  // Of errors the first one is told.
  if (can_record_error(op)) phase = last_recorder_ = std::max(phase, last_recorder_);
  places_[&op] = {kind, phase};
}

void TimeCuts::assemble(const Value* value) {
  if (!is_whole(value) && is_assembled_.insert(value).second)
    assembled_.at(static_cast<size_t>(places_.at(value->op).phase)).push_back(value);
}

bool TimeCuts::are_worth_it() const {
  int64_t ops = 0;
  bool computes_again = false;
  if (!has_loops_ || phases() > kMostPhases) return false;
  for (int phase = 0; phase < phases(); ++phase) {
    for (const Op* op : needed(phase)) {
      ++ops;
      computes_again |= kind(*op) == Kind::kLoop && this->phase(*op) < phase;
      for (const auto& region : op->regions) for_each_op(*region, [&](const Op&) { ++ops; });
    }
    if (ops > kMostOps) return false;
  }
  return computes_again || is_assembled_.empty();
}

std::vector<const Op*> TimeCuts::needed(int phase) const {
  std::unordered_set<const Value*> wanted(assembled(phase).begin(), assembled(phase).end());
  std::vector<const Op*> list;
  for (size_t i = ops_.size(); i-- > 0;) {
    const Op& op = *ops_[i];
    const Place& place = places_.at(&op);
    if (place.kind == Kind::kWhole) continue;
    bool is_needed = place.kind != Kind::kStep && place.phase == phase;
    for (const auto& result : op.results) is_needed |= wanted.contains(result.get());
    if (!is_needed) continue;
    list.push_back(&op);
    for (size_t k = 0; k < op.operands.size(); ++k)
      if (reads_pieces(op, place.kind, k) && !is_whole(op.operands[k])) wanted.insert(op.operands[k]);
  }
  std::ranges::reverse(list);
  return list;
}

}  // namespace rondo::passes
