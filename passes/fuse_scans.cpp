// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// fuse-scans: makes loops of which one goes over what the other stacks, at the same time step, one loop.
//
// Before:  %hs = scan T index(%t) over(%a = %x) carry(%h = %h0) use(%u = %U) {.. yield carry(%h1) stack(%h1)}
//          %b = dot %hs, %W contract([2],[0]) : f32[T,B,512]
//          %gs = scan T index(%t) over(%b = %b) carry(%g = %g0) use(%v = %V) {.. yield carry(%g1) stack(%g1)}
// After:   %0 = compare (dim size(B)), 12 is(ge)
//          %1 = compare (dim size(2560*B*T)), 2097152 is(ge)           bytes that are not read back then
//          %2 = and %0, %1
//          %gs = cond %2 use(%x = %x, %h0 = %h0, %U = %U, %W = %W, ..) then {
//            %gs = scan T index(%t) over(%a = %x) carry(%h = %h0, %g = %g0) use(%u = %U, %w = %W, %v = %V) {
//              ..                                                      of the first loop
//              %b = dot %h1, %w contract([1],[0]) : f32[B,512]
//              ..                                                      of the second
//              yield carry(%h1, %g1) stack(%g1) }
//            yield (%gs) }
//          else {..                             as it was, but for what loops may take along
//            yield (%gs) }
//
// Legal:   exact. The loops have one length and one direction; what is between them works on each time by itself, as the
//          ops' rows say (`rows`), and can be written at one time (`unbatch`); nothing else of the later loop hangs on the
//          earlier one. What may record an error stays where it is.
// A loss:  with few rows a dot of all times reads its weights once for many of them, and with few times what is stacked
//          is still in the cache when it is read back: so the sizes decide, when the function runs, and both forms stay.
//          Where a time step reads more weights than fit into the caches, rows never are enough: there nothing is fused.
//          Loops that leave out rows that have ended (`live`) become one that does, or stay.
//          All that the loops stack is kept at one time, so not where memory is limited.
// Needs:   hoist, sink and canonicalise before it, which make the dots between loops, and none of them behind it, since
//          hoist would take them out again. Feeds layout-dots and pack-dots with weights that a loop now reads in each step.
#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "ir/error.h"
#include "passes/applications.h"
#include "passes/loop_chains.h"
#include "passes/loop_writer.h"
#include "passes/memory_plan.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/scan_sizes.h"

namespace rondo::passes {

using namespace ir;

namespace {

constexpr size_t kMostOps = 2500;  // loops are written twice, and parallelise takes twice as many ops

// The graph itself.
class Here : public Place {
 public:
  using Place::Place;

 private:
  Value* bring(Value* outside) override { return outside; }
};

// The two blocks of a cond, which have the same parameters.
class Blocks {
 public:
  Blocks(Function* function, Loc loc) {
    for (const int k : {0, 1}) {
      graphs_[k] = std::make_unique<Graph>(function);
      blocks_[k] = std::make_unique<Block>(*graphs_[k], loc, *this);
    }
  }

  Place& operator[](int k) { return *blocks_[k]; }

  Op* emit(Builder& outer, Value* predicate, Values fused, Values separate) {
    graphs_[0]->results = std::move(fused);
    graphs_[1]->results = std::move(separate);
    const std::vector<int> groups = {static_cast<int>(operands_.size())};
    operands_.push_back(predicate);
    std::vector<std::unique_ptr<Graph>> regions;
    for (auto& graph : graphs_) regions.push_back(std::move(graph));
    return outer.emit_region(ops::cond, std::move(operands_), groups, {}, std::move(regions), {});
  }

 private:
  class Block : public Place {
   public:
    Block(Graph& graph, Loc loc, Blocks& blocks) : Place(graph, loc), blocks_(blocks) {}

   private:
    Value* bring(Value* outside) override {
      if (outside->op == nullptr || !is_spread(*outside->op)) return bound(outside);
      Values operands;
      for (Value* operand : outside->op->operands) operands.push_back(bound(operand));
      return b.clone(*outside->op, std::move(operands))->result();
    }
    Value* bound(Value* outside) { return b.graph().param(blocks_.bind(outside)); }

    Blocks& blocks_;
  };

  int bind(Value* outside) {
    const auto [entry, fresh] = numbers_.emplace(outside, static_cast<int>(operands_.size()));
    if (!fresh) return entry->second;
    operands_.push_back(outside);
    for (auto& graph : graphs_) graph->add_param(outside->type, outside->name);
    return entry->second;
  }

  std::unique_ptr<Graph> graphs_[2];
  std::unique_ptr<Block> blocks_[2];
  Values operands_;
  std::unordered_map<const Value*, int> numbers_;
};

void write_copy(Place& place, const Op& op) {
  Values operands;
  for (Value* operand : op.operands) operands.push_back(place.in(operand));
  const Op& copy = *place.b.clone(op, std::move(operands));
  for (const auto& result : op.results) place.set(result.get(), copy.result(result->index));
}

// What stands in a place for what is wanted of a chain.
Values standing_in(Place& place, const Values& wanted) {
  Values results;
  for (Value* value : wanted) results.push_back(place.in(value));
  return results;
}

Values write_separate(Place& place, const LoopChains& chains, const LoopChain& chain, const Values& wanted) {
  const LoopParts parts(chain, wanted);
  for (const Op* member : chain.members) {
    const Op* loop = parts.loop_of(*member);
    if (loop == nullptr || (loop == member && parts.members_of(*loop).size() == 1)) {
      write_copy(place, *member);
    } else if (loop == member) {
      const Values results = parts.wanted_of(*loop);
      const Values written = LoopWriter(place, chains, chain).write(parts.members_of(*loop), results);
      for (size_t i = 0; i < results.size(); ++i) place.set(results[i], written[i]);
    }
  }
  return standing_in(place, wanted);
}

Values write_as_it_was(Place& place, const LoopChain& chain, const Values& wanted) {
  for (const Op* member : chain.members) write_copy(place, *member);
  return standing_in(place, wanted);
}

// A condition on sizes under which to fuse: at least so much.
struct Least {
  Dim size;
  int64_t least;
};

class ScanFuser {
 public:
  explicit ScanFuser(Graph& graph) : graph_(graph), chains_(graph) {}

  bool run() {
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const LoopChain* chain = chains_.chain_of(*graph_.ops[i]);
      if (chain != nullptr && should_fuse(*chain)) place_of_[chain] = i;  // that of the last member
    }
    if (place_of_.empty()) return false;
    find_wanted();
    const std::vector<size_t> order = this->order();
    auto ops = std::move(graph_.ops);
    graph_.ops.clear();
    for (const size_t i : order) {
      const LoopChain* chain = fused_chain(*ops[i]);
      if (chain != nullptr) {
        write(*chain);
        continue;
      }
      for (Value*& operand : ops[i]->operands) operand = outer(operand);
      graph_.append(std::move(ops[i]));
    }
    for (Value*& result : graph_.results) result = outer(result);
    return true;
  }

 private:
  const LoopChain* fused_chain(const Op& op) const {
    const LoopChain* chain = chains_.chain_of(op);
    return chain != nullptr && place_of_.contains(chain) ? chain : nullptr;
  }

  // What has to hold, besides what is known; nullopt if it cannot.
  static std::optional<std::vector<Least>> conditions(const LoopChain& chain, Dim read_back) {
    std::vector<Least> open;
    const int64_t bytes = ScanSizes::bytes() * (std::ssize(chain.loops) - 1);
    for (const Least& each : {Least{*chain.rows, ScanSizes::rows()}, Least{read_back, bytes}}) {
      if (!each.size.is_constant())
        open.push_back(each);
      else if (each.size.constant() < each.least)
        return std::nullopt;
    }
    return open;
  }

  // What members read of each other at all times; nullopt where no size can say it.
  std::optional<Dim> read_back(const LoopChain& chain) const {
    std::unordered_set<const Value*> seen;
    Dim bytes = 0;
    try {
      for (const Op* member : chain.members)
        for (const Value* operand : member->operands)
          if (operand->op != nullptr && chains_.chain_of(*operand->op) == &chain &&
              seen.insert(operand).second)
            bytes = bytes + operand->type.bytes();
    } catch (const Error&) {
      return std::nullopt;
    }
    return bytes;
  }

  bool should_fuse(const LoopChain& chain) {
    const auto [entry, fresh] = conditions_.try_emplace(&chain);
    if (fresh && Applications::one_more()) {
      if (const auto bytes = read_back(chain)) entry->second = conditions(chain, *bytes);
      if (entry->second) Applications::done();
    }
    return entry->second.has_value();
  }

  void find_wanted() {
    std::unordered_set<const Value*> read;
    const auto note = [&](const Value* value, const LoopChain* reader) {
      if (value->op != nullptr && fused_chain(*value->op) != reader) read.insert(value);
    };
    for (const auto& op : graph_.ops)
      for (const Value* operand : op->operands) note(operand, fused_chain(*op));
    for (const Value* result : graph_.results) note(result, nullptr);
    for (const auto& op : graph_.ops)
      if (const LoopChain* chain = fused_chain(*op))
        for (const auto& result : op->results)
          if (read.contains(result.get())) wanted_[chain].push_back(result.get());
  }

  // The ops, a chain as its last member: as they were, but for what waits for a chain. What may record an error keeps its
  // order.
  std::vector<size_t> order() const {
    const size_t count = graph_.ops.size();
    std::unordered_map<const Op*, size_t> numbers;
    for (size_t i = 0; i < count; ++i) {
      const LoopChain* chain = fused_chain(*graph_.ops[i]);
      numbers[graph_.ops[i].get()] = chain != nullptr ? place_of_.at(chain) : i;
    }
    std::vector<std::vector<size_t>> waiting(count);
    std::vector<size_t> waits_for(count, 0);
    const auto wait = [&](size_t later, size_t earlier) {
      if (later == earlier) return;
      waiting[earlier].push_back(later);
      ++waits_for[later];
    };
    std::optional<size_t> recorder;
    for (const auto& op : graph_.ops) {
      const size_t number = numbers.at(op.get());
      for (const Value* operand : op->operands)
        if (operand->op != nullptr) wait(number, numbers.at(operand->op));
      if (!can_record_error(*op)) continue;
      if (recorder) wait(number, *recorder);
      recorder = number;
    }
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t i = 0; i < count; ++i)
      if (waits_for[i] == 0 && numbers.at(graph_.ops[i].get()) == i) ready.push(i);
    std::vector<size_t> order;
    const auto done = std::ranges::count_if(
        graph_.ops, [&](const auto& op) { return graph_.ops[numbers.at(op.get())] == op; });
    while (!ready.empty()) {
      order.push_back(ready.top());
      ready.pop();
      for (const size_t later : waiting[order.back()])
        if (--waits_for[later] == 0) ready.push(later);
    }
    if (std::ssize(order) != done) throw InternalError("fuse-scans: loops wait for each other");
    return order;
  }

  Value* outer(Value* value) const {
    const auto found = outer_.find(value);
    return found == outer_.end() ? value : found->second;
  }

  void write(const LoopChain& chain) {
    for (Op* member : chain.members)
      for (Value*& operand : member->operands) operand = outer(operand);
    const Loc loc = chain.loops.back()->loc.via("fuse-scans");
    const Values& wanted = wanted_[&chain];
    if (wanted.empty()) return;
    Here here(graph_, loc);
    Values results;
    if (Value* predicate = write_predicate(here.b, *conditions_.at(&chain)))
      results = write_both(here.b, predicate, chain, wanted);
    else
      results = LoopWriter(here, chains_, chain).write(chain.members, wanted);
    if (!keeps_live(chain, results)) results = write_as_it_was(here, chain, wanted);
    for (size_t i = 0; i < wanted.size(); ++i) {
      outer_[wanted[i]] = results[i];
      results[i]->name = wanted[i]->name;
    }
  }

  // Nothing if the fused loop would have to run rows that have ended.
  Values write_both(Builder& b, Value* predicate, const LoopChain& chain, const Values& wanted) const {
    for (const bool takes_along : {true, false}) {
      Blocks blocks(graph_.function, b.loc);
      Values fused = LoopWriter(blocks[0], chains_, chain).write(chain.members, wanted);
      if (!keeps_live(chain, fused)) return {};
      Values separate = takes_along ? write_separate(blocks[1], chains_, chain, wanted)
                                    : write_as_it_was(blocks[1], chain, wanted);
      if (takes_along && chain.live && !is_all_live(blocks[1].b.graph())) continue;
      const Op& cond = *blocks.emit(b, predicate, std::move(fused), std::move(separate));
      Values results;
      for (const auto& result : cond.results) results.push_back(result.get());
      return results;
    }
    return {};
  }

  static bool is_all_live(const Graph& graph) {
    return std::ranges::all_of(graph.ops,
                               [](const auto& op) { return op->row != &ops::scan || op->has_attr("live"); });
  }

  // Of results of the loop, or of a cond that runs it.
  static bool keeps_live(const LoopChain& chain, const Values& results) {
    if (!chain.live || results.empty()) return !chain.live;
    const Op& op = *results[0]->op;
    return op.row == &ops::cond || op.has_attr("live");
  }

  // nullptr if nothing is open.
  static Value* write_predicate(Builder& b, const std::vector<Least>& conditions) {
    Value* all = nullptr;
    for (const Least& each : conditions) {
      Value* holds = b.compare("ge", b.dim(each.size), b.constant(i64[{}], each.least));
      all = all == nullptr ? holds : b.emit(ops::and_, {all, holds})->result();
    }
    return all;
  }

  Graph& graph_;
  const LoopChains chains_;
  std::unordered_map<const LoopChain*, size_t> place_of_;
  std::unordered_map<const LoopChain*, std::optional<std::vector<Least>>> conditions_;
  std::unordered_map<const LoopChain*, Values> wanted_;
  std::unordered_map<const Value*, Value*> outer_;
};

// How deep regions nest in the graph.
int height(const Graph& graph) {
  int most = 0;
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) most = std::max(most, 1 + height(*region));
  return most;
}

bool fuse_scans(Graph& graph, int depth) {
  if (is_rows_body(graph)) return false;
  bool changed = false;
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) changed |= fuse_scans(*region, depth + 1);
  // A cond more must nest in what nests here.
  if (depth + height(graph) >= kMaxNesting) return changed;
  return ScanFuser(graph).run() || changed;
}

}  // namespace

bool fuse_scans(Function& function) {
  const auto is_chosen = [](const DerivedSize& size) { return size.chosen; };
  if (std::ranges::any_of(function.derived, is_chosen)) return false;
  size_t ops = 0;
  for_each_op(function.body, [&](const Op&) { ++ops; });
  if (ops > kMostOps || !fuse_scans(function.body, 0)) return false;
  remove_dead_code(function);
  return true;
}

}  // namespace rondo::passes
