// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/reduce_edits.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "ir/builder.h"
#include "ir/scan.h"

namespace rondo::fuzz {

using namespace rondo::ir;

namespace {

void append_graphs(Graph& graph, std::vector<Graph*>& graphs) {
  graphs.push_back(&graph);
  for (const auto& op : graph.ops)
    for (const auto& region : op->regions) append_graphs(*region, graphs);
}

void replace_uses(Graph& graph, const Value* value, Value* stand_in) {
  for (const auto& op : graph.ops) std::ranges::replace(op->operands, const_cast<Value*>(value), stand_in);
  std::ranges::replace(graph.results, const_cast<Value*>(value), stand_in);
}

bool is_used(const Graph& graph, const Value* value) {
  const auto has = [&](const Values& values) { return std::ranges::find(values, value) != values.end(); };
  return has(graph.results) ||
         std::ranges::any_of(graph.ops, [&](const auto& op) { return has(op->operands); });
}

template <class List>
void erase_at(List& list, size_t i) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
}

void number(const std::vector<std::unique_ptr<Value>>& values) {
  for (size_t i = 0; i < values.size(); ++i) values[i]->index = static_cast<int>(i);
}

// Binds a value to a new parameter of the op's regions, at the end of its last list, `use`. A block that gives
// cotangents would have to give one more.
Value* bind_use(Op& op, Value* outer, const Graph* region) {
  const RegionSpec& spec = op.row->region;
  const auto gives_cotangents = [](const BlockSpec& block) {
    return block.gives == BlockSpec::Gives::kCotangents;
  };
  if (spec.binds.empty() || spec.binds.back() != "use" || std::ranges::any_of(spec.blocks, gives_cotangents))
    throw Error(op.row->name + " takes no more values by use");
  const size_t at = std::accumulate(op.groups.begin(), op.groups.end(), size_t{0});
  op.operands.insert(op.operands.begin() + static_cast<std::ptrdiff_t>(at), outer);
  ++op.groups.back();
  Value* param = nullptr;
  for (const auto& each : op.regions) {
    Value* added = each->add_param(outer->type);
    if (each.get() == region) param = added;
  }
  return param;
}

// Removes operand i of a scan, with its parameter.
void unbind(Op& scan, size_t i) {
  size_t first = 0;
  for (int& group : scan.groups) {
    if (i < first + static_cast<size_t>(group)) {
      --group;
      break;
    }
    first += static_cast<size_t>(group);
  }
  erase_at(scan.operands, i);
  erase_at(scan.regions[0]->params, 1 + i);
  number(scan.regions[0]->params);
}

void remove_result(Op& scan, size_t i) {
  erase_at(scan.results, i);
  erase_at(scan.regions[0]->results, i);
  number(scan.results);
}

}  // namespace

std::vector<Graph*> graphs_of(Function& function) {
  std::vector<Graph*> graphs;
  append_graphs(function.body, graphs);
  return graphs;
}

Value* fresh(Graph& graph, const Type& type) {
  if (graph.owner == nullptr) return graph.function->add_param(type, "p");
  return bind_use(*graph.owner, fresh(*graph.owner->graph, type), &graph);
}

namespace {

// A value for a result of op number `at`, or nullptr.
Value* stand_in_for(Graph& graph, size_t at, const Value& result, StandIn kind) {
  const auto suits = [&](const Value* value) { return value->type == result.type; };
  const Op& op = *graph.ops[at];
  switch (kind) {
    case StandIn::kFirstOperand: {
      const auto found = std::ranges::find_if(op.operands, suits);
      return found != op.operands.end() ? *found : nullptr;
    }
    case StandIn::kLastOperand: {
      const auto found = std::find_if(op.operands.rbegin(), op.operands.rend(), suits);
      return found != op.operands.rend() ? *found : nullptr;
    }
    case StandIn::kEarlier:
      for (const auto& param : graph.params)
        if (suits(param.get())) return param.get();
      for (size_t i = 0; i < at; ++i)
        for (const auto& value : graph.ops[i]->results)
          if (suits(value.get())) return value.get();
      return nullptr;
    case StandIn::kFresh:
      return fresh(graph, result.type);
  }
  return nullptr;
}

}  // namespace

bool remove_ops(Graph& graph, size_t begin, size_t end, StandIn stand_in) {
  for (size_t at = std::min(end, graph.ops.size()); at-- > begin;) {
    for (const auto& result : graph.ops[at]->results) {
      if (!is_used(graph, result.get())) continue;
      Value* value = stand_in_for(graph, at, *result, stand_in);
      if (value == nullptr) return false;
      replace_uses(graph, result.get(), value);
    }
    erase_at(graph.ops, at);
  }
  return true;
}

namespace {

// After the body came to yield something else: the stacks of the scan, and of scans around it.
void retype_stacks(Op& op) {
  const Scan scan(op);
  bool changed = false;
  for (size_t k = 0; k < scan.stacks(); ++k) {
    Type type = scan.stack_yield(k)->type;
    type.dims.insert(type.dims.begin(), scan.length());
    changed = changed || scan.stack_result(k)->type != type;
    scan.stack_result(k)->type = type;
  }
  if (changed && op.graph->owner != nullptr && op.graph->owner->row == &ops::scan)
    retype_stacks(*op.graph->owner);
}

}  // namespace

bool shift_result(Graph& graph, size_t i, size_t operand) {
  Op* owner = graph.owner;
  if (owner != nullptr && (owner->row != &ops::scan || i < Scan(*owner).carry.size())) return false;
  graph.results[i] = graph.results[i]->op->operands[operand];
  if (owner != nullptr) retype_stacks(*owner);
  return true;
}

void drop_carry(Op& op, size_t i) {
  Graph& body = *op.regions[0];
  const size_t overs = Scan(op).over.size();
  Value* initial = op.operands[overs + i];
  replace_uses(body, body.param(static_cast<int>(1 + overs + i)), bind_use(op, initial, &body));
  replace_uses(*op.graph, op.result(static_cast<int>(i)), initial);
  unbind(op, overs + i);
  remove_result(op, i);
}

void drop_over(Op& op, size_t i) {
  Graph& body = *op.regions[0];
  Value* param = body.param(static_cast<int>(1 + i));
  replace_uses(body, param, fresh(body, param->type));
  unbind(op, i);
}

void drop_stack(Op& op, size_t i) {
  const size_t at = Scan(op).carry.size() + i;
  const Value* result = op.results[at].get();
  if (is_used(*op.graph, result)) replace_uses(*op.graph, result, fresh(*op.graph, result->type));
  remove_result(op, at);
}

namespace {

// A value of the op's graph for each parameter of the block.
std::map<const Value*, Value*> one_run(const Op& op, const Graph& block) {
  Graph& graph = *op.graph;
  std::map<const Value*, Value*> values;
  if (op.row != &ops::scan) {
    for (size_t i = 0; i < block.params.size(); ++i) {
      const bool bound = i < op.operands.size() && op.operands[i]->type == block.params[i]->type;
      values[block.params[i].get()] = bound ? op.operands[i] : fresh(graph, block.params[i]->type);
    }
    return values;
  }
  const Scan scan(op);
  values[scan.index()] = fresh(graph, scan.index()->type);
  for (size_t i = 0; i < scan.over.size(); ++i)
    values[scan.over_param(i)] = fresh(graph, scan.over_param(i)->type);
  for (size_t i = 0; i < scan.carry.size(); ++i) values[scan.carry_param(i)] = scan.carry[i];
  for (size_t i = 0; i < scan.use.size(); ++i) values[scan.use_param(i)] = scan.use[i];
  return values;
}

}  // namespace

void inline_block(Op& op, size_t block) {
  Graph &graph = *op.graph, &body = *op.regions.at(block);
  const bool gives_results = op.row->region.blocks[block].gives == BlockSpec::Gives::kResults;
  if (!gives_results && graph.owner != nullptr) throw Error("nothing takes what the block gives");
  std::map<const Value*, Value*> values = one_run(op, body);

  const auto at = std::ranges::find_if(graph.ops, [&](const auto& each) { return each.get() == &op; });
  std::vector<std::unique_ptr<Op>> rest(std::make_move_iterator(at + 1),
                                        std::make_move_iterator(graph.ops.end()));
  const std::unique_ptr<Op> taken = std::move(*at);
  graph.ops.erase(at, graph.ops.end());
  Builder builder(graph);
  clone_ops(body, builder, values);
  Values results;
  for (size_t i = 0; i < op.results.size(); ++i) {
    const Type& wanted = op.results[i]->type;
    Value* value = gives_results ? values.at(body.results[i]) : fresh(graph, wanted);
    std::vector<int64_t> dims(value->type.dims.size());
    std::iota(dims.begin(), dims.end(), 1);
    results.push_back(value->type == wanted ? value : builder.broadcast(value, dims, wanted.dims));
  }
  for (auto& each : rest) graph.ops.push_back(std::move(each));
  // What nobody took may be what fails: the function returns it then.
  if (graph.owner == nullptr)
    for (size_t i = 0; i < op.results.size(); ++i)
      if (!is_used(graph, op.results[i].get())) graph.results.push_back(op.results[i].get());
  for (size_t i = 0; i < op.results.size(); ++i) replace_uses(graph, op.results[i].get(), results[i]);
  if (!gives_results)
    for (const Value* yield : body.results) graph.results.push_back(values.at(yield));
}

bool drop_unused_params(Function& function) {
  Graph& body = function.body;
  bool changed = false;
  for (size_t i = body.params.size(); i-- > 0;) {
    const Value* param = body.params[i].get();
    const bool tells = std::ranges::any_of(param->type.dims, [&](Dim dim) {
      return dim.is_symbol() && std::ranges::none_of(body.params, [&](const auto& other) {
               return other.get() != param &&
                      std::ranges::find(other->type.dims, dim) != other->type.dims.end();
             });
    });
    if (tells || is_used(body, param)) continue;
    erase_at(body.params, i);
    erase_at(function.param_infos, i);
    changed = true;
  }
  number(body.params);
  return changed;
}

bool merge_params(Function& function, size_t from, size_t into) {
  const Graph& body = function.body;
  if (from == into || body.params[from]->type != body.params[into]->type) return false;
  if (!is_used(body, body.params[from].get())) return false;
  replace_uses(function.body, body.params[from].get(), body.params[into].get());
  return true;
}

namespace {

// Builds a function anew under other sizes.
class Resizer {
 public:
  Resizer(int64_t from, int64_t to) : from_(from), to_(to) {}

  std::unique_ptr<Function> run(const Function& function) {
    auto resized = std::make_unique<Function>(function.name);
    resized->param_infos = function.param_infos;
    resized->take_facts(function);
    resized->loc = function.loc;
    copy(function.body, resized->body);
    return resized;
  }

 private:
  Dim size(Dim dim) const { return dim.is_constant(from_) ? Dim(to_) : dim; }

  std::vector<Dim> sizes(std::vector<Dim> dims) const {
    for (Dim& dim : dims) dim = size(dim);
    return dims;
  }

  Type type(const Type& type) const { return {type.dtype, sizes(type.dims)}; }

  std::vector<Attr> attrs(const Op& op) const {
    std::vector<Attr> attrs = op.attrs;
    for (Attr& attr : attrs)
      for (size_t i = 0; i < attr.args.size(); ++i) {
        if (attr.spec->args[i] == AttrKind::kDim) attr.args[i] = size(std::get<Dim>(attr.args[i]));
        if (attr.spec->args[i] == AttrKind::kDims)
          attr.args[i] = sizes(std::get<std::vector<Dim>>(attr.args[i]));
      }
    return attrs;
  }

  void copy(const Graph& from, Graph& to) {
    for (const auto& param : from.params)
      values_[param.get()] = to.add_param(type(param->type), param->name, param->loc);
    for (const auto& op : from.ops) {
      Builder builder(to, op->loc);
      Values operands;
      for (const Value* operand : op->operands) operands.push_back(values_.at(operand));
      std::vector<Type> declared;
      if (op->row->declared_results) declared.push_back(type(op->result()->type));
      std::vector<std::unique_ptr<Graph>> regions;
      for (const auto& region : op->regions) {
        regions.push_back(std::make_unique<Graph>(to.function));
        copy(*region, *regions.back());
      }
      const Op* made = regions.empty() ? builder.emit(*op->row, operands, attrs(*op), declared)
                                       : builder.emit_region(*op->row, operands, op->groups, attrs(*op),
                                                             std::move(regions), declared);
      for (size_t i = 0; i < op->results.size(); ++i) {
        made->results[i]->name = op->results[i]->name;
        values_[op->results[i].get()] = made->results[i].get();
      }
    }
    for (const Value* result : from.results) to.results.push_back(values_.at(result));
  }

  const int64_t from_, to_;
  std::map<const Value*, Value*> values_;
};

}  // namespace

std::unique_ptr<Function> with_dim(const Function& function, int64_t from, int64_t to) {
  return Resizer(from, to).run(function);
}

std::vector<int64_t> constant_dims(const Function& function) {
  std::set<int64_t, std::greater<>> found;
  const auto add = [&](Dim dim) {
    if (dim.is_constant() && dim.constant() >= 2) found.insert(dim.constant());
  };
  for (const auto& param : function.body.params)
    for (Dim dim : param->type.dims) add(dim);
  for_each_op(function.body, [&](const Op& op) {
    for (const auto& result : op.results)
      for (Dim dim : result->type.dims) add(dim);
    if (op.row == &ops::scan) add(Scan(op).length());
  });
  return {found.begin(), found.end()};
}

}  // namespace rondo::fuzz
