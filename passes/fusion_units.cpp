// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion_units.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "ir/fusion.h"
#include "ir/op_row.h"
#include "ir/reduction_order.h"
#include "passes/fusion_plan.h"
#include "passes/fusion_rules.h"
#include "passes/memory_plan.h"

namespace rondo::passes {

namespace {

constexpr size_t kMaxOps = 384;         // of one fusion
constexpr size_t kMaxPlaces = 16;       // at which one value is read within a fusion
constexpr int kMaxMergeDistance = 512;  // units looked at when two are merged

/// Where a fusion reads a value, told apart by the views on the way: 0 is the iteration's own index.
using Place = int;
constexpr Place kOwnIndex = 0;
using Places = std::vector<Place>;

struct Unit {
  bool fusible;
  bool records;              // an error, maybe
  std::vector<Dim> dims;     // of the iteration
  std::vector<int> members;  // numbers of ops
  std::vector<int> copies;   // of ops that other units have too
  size_t size() const { return members.size() + copies.size(); }
};

// A total along them in lanes would leave most of these idle, and all that is computed with it.
bool has_short_rows(const ir::Op& op) {
  if (!ir::is_total(op)) return false;
  const Type& x = op.operands[0]->type;
  const Dim row = x.dims.back();
  return op.ints_attr("dims").back() == x.rank() - 1 && row.is_constant() && row.constant() < 4 * ir::kLanes;
}

bool has_one_iteration(const ir::Op& op) {
  return std::all_of(op.results.begin(), op.results.end(), [&](const auto& result) {
    return iteration_dims(*result) == iteration_dims(*op.result());
  });
}

class Partition {
 public:
  /// Ops in an order in which they can run. `groups`: of which ops it is known that they can be merged.
  Partition(const ir::Graph& graph, std::vector<const ir::Op*> ops,
            const std::unordered_map<const ir::Op*, int>& groups)
      : ops_(std::move(ops)), groups_(groups) {
    std::unordered_map<const ir::Value*, int> ids;
    for (size_t i = 0; i < ops_.size(); ++i) {
      first_value_.push_back(static_cast<int>(ids.size()));
      for (const auto& result : ops_[i]->results) ids.emplace(result.get(), static_cast<int>(ids.size()));
      makers_of_values_.resize(ids.size(), static_cast<int>(i));
      std::vector<int>& operands = operands_.emplace_back();
      for (const ir::Value* operand : ops_[i]->operands)
        if (operand->op != nullptr) operands.push_back(ids.at(operand));
    }
    readers_.resize(ids.size());
    returned_.resize(ids.size());
    unit_of_.assign(ops_.size(), -1);
    for (const ir::Value* result : graph.results)
      if (result->op != nullptr) returned_[ids.at(result)] = true;
    for (int i = static_cast<int>(ops_.size()); i-- > 0;) place(i);
    order_units();
    for (int unit = static_cast<int>(units_.size()); unit-- > 0;) merge_into(unit);
  }

  std::vector<FusionUnit> units() {
    std::vector<FusionUnit> result;
    for (int unit : order_) {
      if (unit < 0) continue;
      FusionUnit& made = result.emplace_back();
      for (int number : inner_order(units_[unit])) made.ops.push_back(ops_[number]);
      for (int member : units_[unit].members)
        for (const auto& value : ops_[member]->results)
          if (is_read_outside(id(member, *value), unit)) made.results.push_back(value.get());
    }
    return result;
  }

 private:
  const ir::Op& op(int number) const { return *ops_[number]; }
  int id(int number, const ir::Value& result) const { return first_value_[number] + result.index; }

  // What reads what. Values are meant by number.

  Places& places(int value, int unit) { return places_[int64_t{value} << 32 | unit]; }

  bool is_read_outside(int value, int unit) {
    return returned_[value] || std::any_of(readers_[value].begin(), readers_[value].end(),
                                           [&](int reader) { return current(reader) != unit; });
  }

  void add_read(int value, int unit, Place place) {
    Places& known = places(value, unit);
    if (known.empty()) readers_[value].push_back(unit);
    if (std::find(known.begin(), known.end(), place) == known.end()) known.push_back(place);
  }

  /// Where a view's operand is read if its result is read at `place`.
  Place through(Place place, int view) {
    const int64_t key = int64_t{place} << 32 | view;
    return views_.emplace(key, static_cast<Place>(views_.size()) + 1).first->second;
  }

  // Step 1. Units are made from the last to the first: of two units the one with the greater number runs
  // first.

  void place(int number) {
    const ir::Op& o = op(number);
    if (!can_fuse(o) || has_short_rows(o)) return start_unit(number, false);
    if (is_copied(o)) return copy_into_readers(number);
    const int unit = best_unit(number);
    if (unit >= 0 && can_join(unit, number) && should_join(unit, number))
      join(unit, number, units_[unit].members);
    else if (is_needed(number))
      start_unit(number, has_one_iteration(o));
  }

  /// No unit that runs after a reader of the op will do. The op's group, if it has one, is better than the
  /// reader.
  int best_unit(int number) {
    int first = -1;
    for (int value = first_value_[number]; value < end_value(number); ++value)
      for (int reader : readers_[value]) first = std::max(first, reader);
    const auto group = groups_.find(&op(number));
    if (group == groups_.end()) return first;
    const auto unit = unit_of_group_.find(group->second);
    return unit == unit_of_group_.end() ? first : std::max(first, unit->second);
  }

  int end_value(int number) const {
    return first_value_[number] + static_cast<int>(op(number).results.size());
  }

  bool is_needed(int number) const {
    for (int value = first_value_[number]; value < end_value(number); ++value)
      if (returned_[value] || !readers_[value].empty()) return true;
    return false;
  }

  /// Costs less than reading back what it makes: a copy of it goes into each fusion that reads it.
  static bool is_copied(const ir::Op& o) {
    if (o.row->family == ir::Family::kMake || o.row == &ir::ops::broadcast) return true;
    if (!ir::is_view(o)) return false;
    const ir::Op* maker = o.operands[0]->op;
    return maker == nullptr || !can_fuse(*maker) || ir::is_total(*maker);
  }

  void copy_into_readers(int number) {
    std::vector<int> readers;
    bool whole = false;
    for (int value = first_value_[number]; value < end_value(number); ++value) {
      readers.insert(readers.end(), readers_[value].begin(), readers_[value].end());
      whole = whole || returned_[value];
    }
    std::sort(readers.begin(), readers.end());
    readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
    for (int reader : readers) {
      if (units_[reader].fusible && units_[reader].size() < kMaxOps)
        join(reader, number, units_[reader].copies);
      else
        whole = true;
    }
    if (whole) start_unit(number, false);
  }

  /// Where the unit computes a value if the op joins it: where it reads it, and at its own index if others
  /// read it.
  Places places_computed(int unit, int value) {
    Places at = places(value, unit);
    if (is_read_outside(value, unit) && std::find(at.begin(), at.end(), kOwnIndex) == at.end())
      at.push_back(kOwnIndex);
    return at;
  }

  /// What others read is a result of the unit then, and has to have the unit's iteration.
  bool can_join(int unit, int number) {
    if (!units_[unit].fusible) return false;
    return std::all_of(op(number).results.begin(), op(number).results.end(), [&](const auto& result) {
      const int value = id(number, *result);
      if (ir::ends_loop(op(number)) && !places(value, unit).empty()) return false;
      return !is_read_outside(value, unit) || iteration_dims(*result) == units_[unit].dims;
    });
  }

  /// No element is computed twice, unless that is cheap, and the fusion stays small.
  bool should_join(int unit, int number) {
    if (units_[unit].size() >= kMaxOps) return false;
    const bool free = ir::is_view(op(number)) || op(number).row->cheap;
    return std::all_of(op(number).results.begin(), op(number).results.end(), [&](const auto& result) {
      const size_t times = places_computed(unit, id(number, *result)).size();
      if (times > kMaxPlaces) return false;
      const Dim computed = product(units_[unit].dims) * static_cast<int64_t>(times);
      return free || provably_at_most(computed, result->type.size());
    });
  }

  void start_unit(int number, bool fusible) {
    const ir::Op& o = op(number);
    const int unit = static_cast<int>(units_.size());
    units_.push_back(
        {fusible, can_record_error(o), fusible ? iteration_dims(*o.result()) : std::vector<Dim>{}, {}, {}});
    merged_.push_back(unit);
    if (const auto group = groups_.find(&o); group != groups_.end())
      unit_of_group_.emplace(group->second, unit);
    if (fusible) return join(unit, number, units_[unit].members);
    units_[unit].members.push_back(number);
    unit_of_[number] = unit;
    for (int operand : operands_[number]) add_read(operand, unit, kOwnIndex);
  }

  void join(int unit, int number, std::vector<int>& list) {
    const bool is_copy = &list == &units_[unit].copies;
    list.push_back(number);
    if (!is_copy) unit_of_[number] = unit;
    for (int value = first_value_[number]; value < end_value(number); ++value) {
      const Places computed = is_copy ? places(value, unit) : places_computed(unit, value);
      for (Place place : computed)
        for (int operand : operands_[number])
          add_read(operand, unit, ir::is_view(op(number)) ? through(place, value) : place);
    }
  }

  // Step 2.

  /// A unit that makes something that another reads.
  struct Maker {
    int unit;
    bool own_index;  // it is read at the iteration's own index only, so the two loops could be one
  };

  void order_units() {
    const int count = static_cast<int>(units_.size());
    makers_.resize(count);
    for (int unit = count; unit-- > 0;) {
      position_.push_back(unit);  // the last unit runs first
      order_.push_back(unit);
    }
    for (int i = 0; i < static_cast<int>(ops_.size()); ++i) {
      if (unit_of_[i] < 0) continue;
      const bool copied = can_fuse(op(i)) && is_copied(op(i));
      for (int value = first_value_[i]; value < end_value(i); ++value)
        for (int reader : readers_[value]) {
          if (reader == unit_of_[i] || (copied && units_[reader].fusible)) continue;
          const bool own_index = places(value, reader) == Places{kOwnIndex} && !ir::ends_loop(op(i));
          makers_[reader].push_back({unit_of_[i], own_index});
        }
    }
  }

  int current(int unit) {
    while (merged_[unit] != unit) unit = merged_[unit] = merged_[merged_[unit]];
    return unit;
  }

  void merge_into(int reader) {
    if (!units_[reader].fusible) return;
    for (size_t i = 0; i < makers_[reader].size(); ++i) {
      const int first = current(makers_[reader][i].unit);
      if (first == reader || !can_merge(first, reader) || !move_together(first, reader)) continue;
      merge(first, reader);
      i = static_cast<size_t>(-1);  // the list has changed: from its begin
    }
  }

  bool can_merge(int first, int second) {
    const Unit &a = units_[first], &b = units_[second];
    if (!a.fusible || a.dims != b.dims || a.size() + b.size() > kMaxOps) return false;
    return std::all_of(makers_[second].begin(), makers_[second].end(),
                       [&](const Maker& m) { return current(m.unit) != first || m.own_index; });
  }

  /// Makes two units neighbours in the order in which units run; false if a unit between them needs the first
  /// and is needed by the second, or if they are too far apart to look. Units that record errors stay in their
  /// order: the error of a run is that of the first op.
  bool move_together(int first, int second) {
    const int begin = position_[first], end = position_[second];
    if (end - begin > kMaxMergeDistance) return false;
    std::unordered_set<int> after = {first};
    const auto needs_first = [&](int unit) {
      return std::any_of(makers_[unit].begin(), makers_[unit].end(),
                         [&](const Maker& m) { return after.count(current(m.unit)) > 0; });
    };
    std::vector<int> row, later;
    bool recorder_waits = false;
    for (int p = begin + 1; p < end; ++p) {
      const int unit = order_[p];
      if (unit < 0) continue;
      const bool waits = needs_first(unit) || (units_[unit].records && recorder_waits);
      if (waits) after.insert(unit);
      recorder_waits = recorder_waits || (waits && units_[unit].records);
      (waits ? later : row).push_back(unit);
    }
    after.erase(first);
    if (needs_first(second)) return false;
    row.push_back(first);
    row.push_back(second);
    row.insert(row.end(), later.begin(), later.end());
    row.resize(end - begin + 1, -1);
    for (int p = begin; p <= end; ++p) {
      order_[p] = row[p - begin];
      if (order_[p] >= 0) position_[order_[p]] = p;
    }
    return true;
  }

  void merge(int first, int second) {
    Unit& a = units_[first];
    Unit& b = units_[second];
    b.members.insert(b.members.end(), a.members.begin(), a.members.end());
    b.copies.insert(b.copies.end(), a.copies.begin(), a.copies.end());
    std::vector<Maker>& makers = makers_[second];
    makers.insert(makers.end(), makers_[first].begin(), makers_[first].end());
    order_[position_[first]] = -1;
    merged_[first] = second;
    std::erase_if(makers, [&](const Maker& m) { return current(m.unit) == second; });
    a = {};
  }

  // In program order, but each copy stands before what first reads it, wherever the op itself stood: so that
  // fusions that do the same look the same, and share code.
  std::vector<int> inner_order(Unit& unit) const {
    std::sort(unit.members.begin(), unit.members.end());
    std::unordered_set<int> missing(unit.copies.begin(), unit.copies.end());
    std::vector<int> order, open;
    for (int member : unit.members) {
      open = {member};
      while (!open.empty()) {
        const int next = open.back();
        const size_t before = open.size();
        for (int operand : operands_[next])
          if (missing.count(makers_of_values_[operand]) > 0) open.push_back(makers_of_values_[operand]);
        if (open.size() > before) continue;
        open.pop_back();
        if (next == member || missing.erase(next) > 0) order.push_back(next);
      }
    }
    return order;
  }

  std::vector<const ir::Op*> ops_;  // by number
  const std::unordered_map<const ir::Op*, int>& groups_;
  std::vector<int> first_value_;                // of each op
  std::vector<std::vector<int>> operands_;      // of each op: values, without parameters
  std::vector<int> makers_of_values_;           // ops
  std::vector<std::vector<int>> readers_;       // of each value: units, by the number that they had at first
  std::vector<bool> returned_;                  // each value: is it a result of the graph?
  std::unordered_map<int64_t, Places> places_;  // at which a unit reads a value
  std::unordered_map<int64_t, Place> views_;
  std::vector<int> unit_of_;  // of each op; -1 if only copies are left of it
  std::unordered_map<int, int> unit_of_group_;
  std::vector<Unit> units_;
  std::vector<int> merged_;                 // of each unit: the one that has taken it in, or itself
  std::vector<int> position_, order_;       // of each unit; and units, or -1, as they run
  std::vector<std::vector<Maker>> makers_;  // of what each unit reads
};

}  // namespace

std::vector<FusionUnit> fusion_units(const ir::Graph& graph) {
  std::vector<const ir::Op*> ops;
  for (const auto& op : graph.ops) ops.push_back(op.get());
  std::unordered_map<const ir::Op*, int> groups;
  const std::vector<FusionUnit> first = Partition(graph, std::move(ops), groups).units();
  ops.clear();
  std::unordered_set<const ir::Op*> placed;
  for (const FusionUnit& unit : first)
    for (const ir::Op* op : unit.ops)
      if (placed.insert(op).second) ops.push_back(op);
  for (size_t i = 0; i < first.size(); ++i)
    for (const ir::Value* result : first[i].results) groups.emplace(result->op, static_cast<int>(i));
  return Partition(graph, std::move(ops), groups).units();
}

}  // namespace rondo::passes
