// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/loop_chains.h"

#include <algorithm>

#include "ir/batch.h"
#include "ir/op_row.h"
#include "ir/ops/support.h"
#include "ir/row_dims.h"
#include "ir/scan.h"
#include "passes/memory_plan.h"

namespace rondo::passes {

using namespace ir;

namespace {

// Of all loops of a chain. Where they take more, each time step brings them from the third cache once more, and rows of a
// batch are too few to make up for it.
constexpr int64_t kMostWeights = 4 << 20;

// What a dot reads in a time step that is the same in all of them, and how many rows of the other operand it multiplies by
// it.
struct Weight {
  const Value* value;
  Dim rows;
};

// `first`: the dims in front of the other operand that are no rows.
std::optional<Weight> weight_of(const Op& dot, const std::vector<bool>& batched, int64_t first) {
  if (batched[0] == batched[1]) return std::nullopt;
  const int timed = batched[0] ? 0 : 1;
  const std::vector<Dim>& dims = dot.operands[static_cast<size_t>(timed)]->type.dims;
  Dim rows = 1;
  for (int64_t i = first; i < std::ssize(dims); ++i)
    if (!contains(dot.ints_attr("contract", timed), i)) rows = rows * dims[static_cast<size_t>(i)];
  return Weight{dot.operands[static_cast<size_t>(1 - timed)], rows};
}

// The same of a loop's body, where what comes by `use` doesn't change.
std::vector<Weight> weights_of(const Scan& scan) {
  std::unordered_set<const Value*> uses;
  for (size_t i = 0; i < scan.use.size(); ++i) uses.insert(scan.use_param(i));
  std::vector<Weight> weights;
  for (const auto& op : scan.body->ops) {
    if (op->row != &ops::dot) continue;
    const auto weight = weight_of(*op, {!uses.contains(op->operands[0]), !uses.contains(op->operands[1])}, 0);
    if (weight) weights.push_back(*weight);
  }
  return weights;
}

// More than any chain may have if it is not known.
int64_t bytes_of(const std::vector<Weight>& weights) {
  int64_t sum = 0;
  for (const Weight& weight : weights) {
    const Dim bytes = weight.value->type.bytes();
    if (!bytes.is_constant() || bytes.constant() > kMostWeights) return kMostWeights + 1;
    sum = std::min(sum + bytes.constant(), kMostWeights + 1);
  }
  return sum;
}

}  // namespace

LoopChains::LoopChains(const Graph& graph) {
  for (const auto& op : graph.ops) {
    const bool records = can_record_error(*op);
    if (op->row == &ops::scan && !records) {
      find_loop(*op);
      continue;
    }
    if (!records && find_step(*op)) continue;
    int level = records ? last_recorder_ : 0;
    for (const Value* operand : op->operands) level = std::max(level, whole_level(operand));
    if (records) last_recorder_ = level;  // of errors the first one is told
    for (const auto& result : op->results) places_[result.get()] = {level, -1};
  }
  for (const auto& op : graph.ops)
    if (const auto found = chain_of_.find(op.get()); found != chain_of_.end())
      chains_[static_cast<size_t>(found->second)].members.push_back(op.get());
}

const LoopChain* LoopChains::chain_of(const Op& op) const {
  const auto found = chain_of_.find(&op);
  if (found == chain_of_.end()) return nullptr;
  const LoopChain& chain = chains_[static_cast<size_t>(found->second)];
  return chain.loops.size() > 1 ? &chain : nullptr;
}

LoopChains::Place LoopChains::place(const Value* value) const {
  const auto found = places_.find(value);
  return found == places_.end() ? Place{} : found->second;
}

int LoopChains::whole_level(const Value* value) const {
  const Place found = place(value);
  return found.level + (found.chain >= 0 ? 1 : 0);
}

// The last one in which one of the operands is there time by time; -1 if there is none.
int LoopChains::chain_before(std::span<Value* const> operands) const {
  Place last{-1, -1};
  for (const Value* operand : operands)
    if (const Place each = place(operand); each.chain >= 0 && each.level > last.level) last = each;
  return last.chain;
}

bool LoopChains::find_step(const Op& op) {
  const int number = chain_before(op.operands);
  if (number < 0) return false;
  const int level = chains_[static_cast<size_t>(number)].level;
  const auto fits = [&](const RowLink& link) {
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const bool inside = place(op.operands[i]).chain == number;
      if (link.operands[i] > 0 || (inside && link.operands[i] != 0)) return false;
      if (!inside && whole_level(op.operands[i]) > level) return false;
    }
    return true;
  };
  for (const RowLink& link : row_links(op)) {
    if (!fits(link)) continue;
    std::vector<bool> batched;
    for (const int dim : link.operands) batched.push_back(dim == 0);
    if (!can_unbatch(op, batched)) continue;
    batched_[&op] = std::move(batched);
    for (const auto& result : op.results) places_[result.get()] = {level, number};
    return true;
  }
  return false;
}

void LoopChains::find_loop(const Op& op) {
  const Scan scan(op);
  int number = chain_before(scan.over);
  if (number < 0 || !can_join(op, number) || !join(op, number)) {
    number = static_cast<int>(chains_.size());
    LoopChain& chain = chains_.emplace_back();
    chain.loops = {&op};
    chain.length = scan.length();
    chain.reverse = scan.reverse();
    chain.live = op.has_attr("live");
    for (const Value* operand : op.operands) chain.level = std::max(chain.level, whole_level(operand));
    chain.weights = bytes_of(weights_of(scan));
  }
  chain_of_[&op] = number;
  const int level = chains_[static_cast<size_t>(number)].level;
  for (size_t i = 0; i < op.results.size(); ++i)
    places_[op.results[i].get()] = i < scan.carry.size() ? Place{level + 1, -1} : Place{level, number};
}

bool LoopChains::can_join(const Op& op, int number) const {
  const Scan scan(op);
  const LoopChain& chain = chains_[static_cast<size_t>(number)];
  if (scan.length() != chain.length || scan.reverse() != chain.reverse) return false;
  if (op.has_attr("live") != chain.live) return false;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const bool inside = i < scan.over.size() && place(op.operands[i]).chain == number;
    if (!inside && whole_level(op.operands[i]) > chain.level) return false;
  }
  return true;
}

// What is not in the chain yet.
std::vector<const Op*> LoopChains::steps_before(const Op& scan, int number) const {
  std::vector<const Op*> pending = {&scan}, steps;
  std::unordered_set<const Op*> seen;
  while (!pending.empty()) {
    const Op& reader = *pending.back();
    pending.pop_back();
    for (const Value* operand : reader.operands) {
      if (place(operand).chain != number || chain_of_.contains(operand->op)) continue;
      if (!seen.insert(operand->op).second) continue;
      pending.push_back(operand->op);
      steps.push_back(operand->op);
    }
  }
  return steps;
}

// Takes the loop into the chain, with the steps that it needs in between, if it should.
bool LoopChains::join(const Op& op, int number) {
  LoopChain& chain = chains_[static_cast<size_t>(number)];
  const std::vector<const Op*> steps = steps_before(op, number);
  std::vector<Weight> weights;
  for (const Op* step : steps)
    if (step->row == &ops::dot)
      if (const auto weight = weight_of(*step, batched_.at(step), 1)) weights.push_back(*weight);
  const std::vector<Weight> own = weights_of(Scan(op));
  weights.insert(weights.end(), own.begin(), own.end());
  const int64_t bytes = chain.weights + bytes_of(weights);
  if (weights.empty() || bytes > kMostWeights) return false;
  chain.weights = bytes;
  if (!chain.rows) chain.rows = weights.front().rows;
  chain.loops.push_back(&op);
  chain_of_[&op] = number;
  for (const Op* step : steps) chain_of_[step] = number;
  return true;
}

namespace {

bool is_light(const Op& op) { return op.row->is_elementwise() || op.row->family == Family::kShape; }

}  // namespace

LoopParts::LoopParts(const LoopChain& chain, const Values& wanted) : wanted_(wanted.begin(), wanted.end()) {
  for (Op* member : chain.members) {
    order_.emplace(member, order_.size());
    attach_behind(*member);
    for (const Value* operand : member->operands)
      if (operand->op != nullptr && order_.contains(operand->op)) readers_[operand->op].push_back(member);
  }
  for (size_t i = chain.members.size(); i-- > 0;) attach_before(*chain.members[i]);
  for (Op* member : chain.members)
    if (const Op* loop = loop_of(*member)) members_[loop].push_back(member);
}

const Op* LoopParts::loop_of(const Op& member) const {
  const auto found = loops_.find(&member);
  return found == loops_.end() ? nullptr : found->second;
}

// Of what needs loops and nothing outside: the last of them.
void LoopParts::attach_behind(const Op& member) {
  const Op* last = member.row == &ops::scan ? &member : nullptr;
  if (last == nullptr && is_light(member))
    for (const Value* operand : member.operands) {
      if (operand->op == nullptr || !order_.contains(operand->op)) continue;
      const Op* loop = loop_of(*operand->op);
      if (loop == nullptr) return;
      if (last == nullptr || order_.at(loop) > order_.at(last)) last = loop;
    }
  if (last != nullptr) loops_[&member] = last;
}

void LoopParts::attach_before(const Op& member) {
  if (loops_.contains(&member) || !is_light(member)) return;
  for (const auto& result : member.results)
    if (wanted_.contains(result.get())) return;
  const std::vector<const Op*>& readers = readers_.at(&member);
  const Op* loop = loop_of(*readers[0]);
  for (const Op* reader : readers)
    if (loop_of(*reader) != loop) return;
  if (loop != nullptr) loops_[&member] = loop;
}

Values LoopParts::wanted_of(const Op& loop) const {
  std::unordered_set<const Value*> read(wanted_);
  for (const Op* member : members_of(loop))
    if (const auto readers = readers_.find(member); readers != readers_.end())
      for (const Op* reader : readers->second)
        if (loop_of(*reader) != &loop) read.insert(reader->operands.begin(), reader->operands.end());
  Values values;
  for (const Op* member : members_of(loop))
    for (const auto& result : member->results)
      if (read.contains(result.get())) values.push_back(result.get());
  return values;
}

}  // namespace rondo::passes
