// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// parallelise: puts what works row by row into `rows` ops, which workers run on a share of the rows each.
//
// Before:  %a = dot %x, %W contract([2],[0]) : f32[T,B,512]
//          %s = scan T index(%t) over(%at = %a) carry(%h = %h0) use(%u = %U) {..} : f32[B,128], f32[T,B,128]
//          %dU = dot %s, %d contract([0,1],[0,1]) : f32[128,512]
// After:   %s = rows dims([1,0],[1]) cut(%x = %x, %h0 = %h0) use(%W = %W, %U = %U) {
//            %a = dot %x, %W contract([2],[0]) : f32[T,B,512]
//            %s = scan T ..
//            yield (%s) } : f32[T,B,128]
//          %dU = rows dims([2],[0]) cut(%s = %s) use(%d = %d) {
//            %dU = dot %s, %d contract([0,1],[0,1]) : f32[128,512]
//            yield (%dU) } : f32[128,512]
//
// Legal:   if no row needs another one (`rows` of the ops' rows; through loops, no carry or stack may mix rows) and no op
//          may record an error. Exact: an element has the same bits however many rows are computed with it.
//          A reduction over rows and their elements becomes one of the elements and one of the rows.
// A loss:  what has few rows, or little to do: how many workers share a `rows` op is decided when sizes are known, one
//          where more don't pay (a backend may then share the columns of dots). A value that is cut along an inner dim is
//          copied, unless only loops read or write it.
// Needs:   everything that moves ops in and out of loops to be done, since a `rows` op is in its way; feeds expand-math
//          and fuse, which work within, and plan-memory, which gives each worker memory of its own.
//
// The ops of a function's body run in stages, as do those of a loop over loops that is not cut itself: what is serial, then
// a `rows` op, and so on. Each op comes into the first stage that it can run in. Rows are first those of the symbol along
// which most loops and dots work row by row, as a rule the rows of a batch: one `rows` op holds everything from the input
// to its cotangents. Other ops that are worth it are cut along the first dim of their results: gradients of weights, which
// sum over all rows of the batch, and what updates the weights by them. A sum of all that there is, such as a loss, is first
// one of each row and then one of these (row_totals.h).
//
// In what results, loops that need nothing of each other, as the two directions of a bidirectional layer, become `job` ops
// side by side (independent_loops.h): where there are too few rows to share, each worker may run one of them.
#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "ir/builder.h"
#include "passes/applications.h"
#include "passes/independent_loops.h"
#include "passes/memory_plan.h"
#include "passes/passes.h"
#include "passes/row_cuts.h"
#include "passes/row_totals.h"

namespace rondo::passes {

using namespace ir;

namespace {

constexpr size_t kMostOps = 5000;  // a `rows` op is one function of code: LLVM takes more than linear time

// An op of the function's body.
struct Item {
  std::unique_ptr<Op> owner;  // until it has its new place
  Op* op;
  std::optional<Cut> cut;  // null: serial
  bool by_symbol = false;
  bool records = false;  // an error, maybe
  int stage = 0;
};

// Where an item reads a value.
struct Use {
  const Item* item;
  int operand;
};

// What goes into a `rows` op.
class RowsBody {
 public:
  explicit RowsBody(Function* function) : graph_(std::make_unique<Graph>(function)) {}

  // The operands are those that the op would have outside.
  void add(Item& item) {
    Values& operands = item.op->operands;
    for (size_t i = 0; i < operands.size(); ++i) operands[i] = inner(operands[i], item.cut->operands[i]);
    graph_->append(std::move(item.owner));
  }

  Op* emit(Builder b, Values results, const std::vector<int64_t>& dims) {
    graph_->results = std::move(results);
    std::ranges::stable_partition(graph_->params,
                                  [&](const auto& param) { return cut_params_.contains(param.get()); });
    for (size_t i = 0; i < graph_->params.size(); ++i) graph_->params[i]->index = static_cast<int>(i);
    const std::vector<int> groups = {static_cast<int>(cut_.size()), static_cast<int>(use_.size())};
    Values operands = std::move(cut_);
    operands.insert(operands.end(), use_.begin(), use_.end());
    std::vector<std::unique_ptr<Graph>> regions;
    regions.push_back(std::move(graph_));
    return b.emit_region(ops::rows, std::move(operands), groups,
                         {make_attr(ops::rows, "dims", {ints(dims_), ints(dims)})}, std::move(regions), {});
  }

 private:
  Value* inner(Value* value, int dim) {
    if (value->graph == graph_.get()) return value;
    if (value->op != nullptr && is_made(*value->op)) return copy(value, dim);
    Value*& param = params_[{value, dim}];
    if (param != nullptr) return param;
    param = graph_->add_param(value->type, value->name);
    (dim >= 0 ? cut_ : use_).push_back(value);
    if (dim >= 0) dims_.push_back(dim), cut_params_.insert(param);
    return param;
  }

  Value* copy(Value* made, int dim) {
    Value*& copied = copies_[{made, dim}];
    if (copied == nullptr) copied = Builder(*graph_, made->op->loc).clone(*made->op, {})->result();
    return copied;
  }

  std::unique_ptr<Graph> graph_;
  Values cut_, use_;
  std::vector<int64_t> dims_;
  std::unordered_set<const Value*> cut_params_;
  std::map<std::pair<Value*, int>, Value*> params_;
  std::map<std::pair<Value*, int>, Value*> copies_;
};

class Stages {
 public:
  Stages(Graph& graph, std::optional<Dim> symbol, int depth)
      : graph_(graph), depth_(depth), returned_(graph.results.begin(), graph.results.end()) {
    std::unordered_set<const Value*> cut;
    for (const auto& op : graph.ops) {
      // Another look at what is not cut needs no code.
      Item item{.owner = nullptr, .op = op.get(), .cut = std::nullopt, .records = can_record_error(*op)};
      const bool is_free =
          (op->row->keeps_elements || takes_whole_rows(*op)) && !cut.contains(op->operands[0]);
      if (symbol && !is_made(*op) && !is_free) item.cut = SymbolCuts(*symbol, depth).cut(*op);
      item.by_symbol = item.cut.has_value();
      if (!item.cut && !is_free) item.cut = cut_otherwise(*op);
      for (const auto& result : op->results)
        if (item.cut) cut.insert(result.get());
      items_.push_back(std::move(item));
    }
    for (Item& item : items_) {
      for (const auto& result : item.op->results) makers_[result.get()] = &item;
      for (size_t i = 0; i < item.op->operands.size(); ++i)
        users_[item.op->operands[i]].push_back({&item, static_cast<int>(i)});
    }
  }

  // Gives every op its stage. True if any is cut.
  bool place() {
    do place_once();
    while (release());
    delay();
    return std::ranges::any_of(items_, [](const Item& item) { return item.cut.has_value(); });
  }

  void build() {
    std::map<int, std::vector<Item*>> stages;
    for (size_t i = 0; i < items_.size(); ++i) {
      items_[i].owner = std::move(graph_.ops[i]);
      stages[items_[i].stage].push_back(&items_[i]);
    }
    graph_.ops.clear();
    for (const auto& [stage, items] : stages) build(stage, items);
    for (Value*& result : graph_.results) result = outer(result);
  }

 private:
  // In a step of a loop only a dot is worth it.
  std::optional<Cut> cut_otherwise(const Op& op) const {
    return depth_ == 0 || op.row == &ops::dot ? cut_first_dim(op) : std::nullopt;
  }

  // Stage k is the serial ops, then the cut ones. What is cut otherwise than it was made waits for all workers. What may
  // record errors keeps its order: the first one is told.
  void place_once() {
    int last_recorder = 0;
    for (Item& item : items_) {
      item.stage = item.records ? last_recorder : 0;
      for (size_t i = 0; i < item.op->operands.size(); ++i) {
        const Value* operand = item.op->operands[i];
        if (operand->op == nullptr) continue;
        const Item& from = *makers_.at(operand);
        item.stage = std::max(
            item.stage, from.stage + (from.cut && !same_rows(from, {&item, static_cast<int>(i)}) ? 1 : 0));
      }
      if (item.records) last_recorder = item.stage;
    }
  }

  // True if what the maker gives is read there as it is cut.
  static bool same_rows(const Item& maker, const Use& use) {
    const Value* value = use.item->op->operands[static_cast<size_t>(use.operand)];
    return maker.cut && use.item->cut &&
           use.item->cut->operands[static_cast<size_t>(use.operand)] ==
               maker.cut->results[static_cast<size_t>(value->index)];
  }

  // A stage without a dot or a loop does not hold the symbol's rows, which as a rule lie in an inner dim.
  bool release() {
    std::unordered_set<int> anchored;
    for (const Item& item : items_)
      if (item.cut && is_anchor(*item.op)) anchored.insert(item.stage);
    bool changed = false;
    for (Item& item : items_) {
      if (!item.by_symbol || anchored.contains(item.stage)) continue;
      item.cut = cut_otherwise(*item.op);
      item.by_symbol = false;
      changed = true;
    }
    return changed;
  }

  // What only a later stage needs is computed there, among what reads it, if nothing has to be kept longer for it.
  void delay() {
    for (size_t i = items_.size(); i-- > 0;) {
      const int stage = stage_of_readers(items_[i]);
      std::unordered_set<Item*> waiting;
      if (stage <= items_[i].stage || !may_wait(items_[i], stage, waiting)) continue;
      for (Item* item : waiting) item->stage = stage;
    }
  }

  // That of the first ones who read an item's results, if they are cut as it is; -1 if it has to stay where it is.
  int stage_of_readers(const Item& item) const {
    const Item* first = nullptr;
    bool joins = true;
    for (const auto& result : item.op->results) {
      if (returned_.contains(result.get())) return -1;
      const auto users = users_.find(result.get());
      if (users == users_.end()) continue;
      for (const Use& use : users->second) {
        if (first != nullptr && use.item->stage > first->stage) continue;
        if (first == nullptr || use.item->stage < first->stage) joins = true;
        joins &= same_rows(item, use);
        first = use.item;
      }
    }
    return first != nullptr && joins ? first->stage : -1;
  }

  // True if each operand is there anyway, or waits along; with all that then waits.
  bool may_wait(Item& item, int stage, std::unordered_set<Item*>& waiting) const {
    if (!waiting.insert(&item).second) return true;
    const std::unordered_set<const Value*> operands(item.op->operands.begin(), item.op->operands.end());
    return std::ranges::all_of(operands, [&](const Value* operand) {
      if (operand->op == nullptr || is_made(*operand->op) || returned_.contains(operand)) return true;
      if (std::ranges::any_of(users_.at(operand), [&](const Use& use) { return use.item->stage >= stage; }))
        return true;
      return waits_along(*makers_.at(operand), item) && may_wait(*makers_.at(operand), stage, waiting);
    });
  }

  // What is computed for that item alone, on the same rows.
  bool waits_along(const Item& maker, const Item& item) const {
    const Value* value = maker.op->result();
    return maker.op->results.size() == 1 && !returned_.contains(value) &&
           std::ranges::all_of(users_.at(value),
                               [&](const Use& use) { return use.item == &item && same_rows(maker, use); });
  }

  // What stands for a value in the function's body now.
  Value* outer(Value* value) const {
    const auto found = outer_.find(value);
    return found == outer_.end() ? value : found->second;
  }

  bool is_read_outside(const Value* value, int stage) const {
    const auto users = users_.find(value);
    const auto is_outside = [&](const Use& use) { return !use.item->cut || use.item->stage != stage; };
    return (users != users_.end() && std::ranges::any_of(users->second, is_outside)) ||
           returned_.contains(value);
  }

  void build(int stage, const std::vector<Item*>& items) {
    RowsBody body(graph_.function);
    Values results;
    std::vector<int64_t> dims;  // of the results
    const Op* first = nullptr;
    for (Item* item : items) {
      for (Value*& operand : item->op->operands) operand = outer(operand);
      if (!item->cut) {
        graph_.append(std::move(item->owner));
        continue;
      }
      if (first == nullptr || (first->row != &ops::scan && item->op->row == &ops::scan)) first = item->op;
      body.add(*item);
      for (const auto& result : item->op->results)
        if (is_read_outside(result.get(), stage)) {
          results.push_back(result.get());
          dims.push_back(item->cut->results[static_cast<size_t>(result->index)]);
        }
    }
    if (results.empty()) return;
    const Op* rows = body.emit(Builder(graph_, first->loc.via("parallelise")), results, dims);
    for (size_t i = 0; i < results.size(); ++i) {
      rows->results[i]->name = results[i]->name;
      outer_[results[i]] = rows->result(static_cast<int>(i));
    }
  }

  Graph& graph_;
  const int depth_;
  const std::unordered_set<const Value*> returned_;
  std::vector<Item> items_;
  std::unordered_map<const Value*, Item*> makers_;
  std::unordered_map<const Value*, std::vector<Use>> users_;
  std::unordered_map<const Value*, Value*> outer_;
};

bool parallelise(Graph& graph, std::optional<Dim> symbol, int depth) {
  Stages stages(graph, symbol, depth);
  bool changed = stages.place();
  if (changed) stages.build();
  for (const auto& op : graph.ops)
    if (holds_loops(*op)) changed |= parallelise(*op->regions[0], symbol, depth + 1);
  return changed;
}

}  // namespace

bool parallelise(Function& function) {
  if (!Applications::one_more()) return false;
  size_t ops = 0;
  for_each_op(function.body, [&](const Op&) { ++ops; });
  if (ops > kMostOps) return false;
  const std::optional<Dim> symbol = best_symbol(function);
  bool changed = symbol && split_totals(function.body, *symbol);
  changed |= parallelise(function.body, symbol, 0);
  changed |= make_jobs(function.body);
  for (const auto& op : function.body.ops)
    if (op->row == &ops::rows) changed |= make_jobs(*op->regions[0]);
  if (!changed) return false;
  remove_dead_code(function);
  Applications::done();
  return true;
}

}  // namespace rondo::passes
