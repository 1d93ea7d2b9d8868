// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/control.h"

#include <algorithm>
#include <unordered_map>

#include "frontend/src/trace.h"
#include "ir/op_row.h"

namespace rondo::detail {

namespace {

// A region that has been traced. Its last parameters are what it captured.
struct TracedBlock {
  std::unique_ptr<ir::Graph> graph;
  ir::Values captured;
};

// Traces one block: `parameters` first, then `body` on them.
template <class Body>
TracedBlock trace_block(Trace& trace, const std::vector<std::pair<std::string, Type>>& parameters,
                        bool repeats, Loc loc, Body&& body) {
  TracedBlock block{std::make_unique<ir::Graph>(&trace.function()), {}};
  for (const auto& [name, type] : parameters) block.graph->add_param(type, name);
  Region region(trace, *block.graph, nullptr, loc, repeats);
  std::vector<Tensor> own;
  for (size_t i = 0; i < parameters.size(); ++i)
    own.push_back(trace.tensor(block.graph->param(static_cast<int>(i))));
  for (const Tensor& result : body(own)) block.graph->results.push_back(trace.value(result, loc));
  block.captured = region.captured();
  put_in_canonical_order(*block.graph);
  return block;
}

std::vector<Tensor> tensors(const NamedTensors& list) {
  std::vector<Tensor> result;
  for (const auto& [name, tensor] : list) result.push_back(tensor);
  return result;
}

// Gives all blocks the same captures, behind their first `bound` parameters, in the order in which they are first
// used; what no block uses goes. Returns the captured values.
ir::Values unite_captures(std::vector<TracedBlock>& blocks, size_t bound) {
  ir::Values order;
  std::vector<std::unordered_map<const ir::Value*, std::unique_ptr<ir::Value>>> params(blocks.size());
  for (size_t k = 0; k < blocks.size(); ++k) {
    ir::Graph& graph = *blocks[k].graph;
    std::unordered_map<const ir::Value*, ir::Value*> captured;  // parameter -> value outside
    const size_t first = graph.params.size() - blocks[k].captured.size();
    for (size_t i = 0; i < blocks[k].captured.size(); ++i)
      captured[graph.params[first + i].get()] = blocks[k].captured[i];
    const auto see = [&](const ir::Value* value) {
      const auto found = captured.find(value);
      if (found != captured.end() && std::find(order.begin(), order.end(), found->second) == order.end())
        order.push_back(found->second);
    };
    for (const auto& op : graph.ops) std::for_each(op->operands.begin(), op->operands.end(), see);
    std::for_each(graph.results.begin(), graph.results.end(), see);
    for (size_t i = first; i < graph.params.size(); ++i)
      params[k][captured.at(graph.params[i].get())] = std::move(graph.params[i]);
    graph.params.resize(first);
  }
  for (size_t k = 0; k < blocks.size(); ++k) {
    ir::Graph& graph = *blocks[k].graph;
    std::vector<std::unique_ptr<ir::Value>> behind;
    std::move(graph.params.begin() + static_cast<std::ptrdiff_t>(bound), graph.params.end(),
              std::back_inserter(behind));
    graph.params.resize(bound);
    for (ir::Value* outer : order) {
      if (auto found = params[k].find(outer); found != params[k].end())
        graph.params.push_back(std::move(found->second));
      else
        graph.add_param(outer->type, outer->name, outer->loc);
    }
    std::move(behind.begin(), behind.end(), std::back_inserter(graph.params));
    for (size_t i = 0; i < graph.params.size(); ++i) graph.params[i]->index = static_cast<int>(i);
  }
  return order;
}

std::vector<Tensor> emit(Trace& trace, const ir::OpRow& row, ir::Values operands, std::vector<int> groups,
                         std::vector<TracedBlock> blocks, const NamedTensors& names, Loc loc) {
  std::vector<std::unique_ptr<ir::Graph>> regions;
  for (TracedBlock& block : blocks) regions.push_back(std::move(block.graph));
  ir::Builder b = trace.builder(loc);
  ir::Op* op = b.emit_region(row, std::move(operands), std::move(groups), {}, std::move(regions), {});
  std::vector<Tensor> results;
  for (const auto& result : op->results) {
    result->name = names[result->index].first;
    results.push_back(trace.tensor(result.get()));
  }
  return results;
}

std::string label(const std::string& name) { return name.empty() ? "" : "'" + name + "' "; }

void check_truth(const Type& type, const char* what, Loc loc) {
  if (type != i1[{}])
    fail(loc, std::string(what) + " is one truth value, i1[], found " + type.text() +
                  "; compare numbers, as in x > 0, and reduce a tensor, as by max(x, dims)");
}

}  // namespace

std::vector<Tensor> cond_lists(const Tensor& predicate, const MakesTensors& then,
                               const MakesTensors& otherwise, Loc loc) {
  Trace& trace = Trace::current(loc);
  ir::Value* decides = trace.value(predicate, loc);
  check_truth(decides->type, "cond: the predicate", loc);
  NamedTensors names;
  std::vector<TracedBlock> blocks;
  for (const MakesTensors* make : {&then, &otherwise})
    blocks.push_back(trace_block(trace, {}, false, loc, [&](const std::vector<Tensor>&) {
      names = (*make)();
      return tensors(names);
    }));
  for (size_t i = 0; i < names.size(); ++i) {
    const Type &one = blocks[0].graph->results[i]->type, &other = blocks[1].graph->results[i]->type;
    if (one != other)
      fail(loc, "cond: " + label(names[i].first) + "is " + one.text() + " in one way and " + other.text() +
                    " in the other: both must give the same types");
  }
  ir::Values operands = unite_captures(blocks, 0);
  const int count = static_cast<int>(operands.size());
  operands.push_back(decides);
  return emit(trace, ir::ops::cond, std::move(operands), {count}, std::move(blocks), names, loc);
}

std::vector<Tensor> while_lists(const WhileRequest& request, Loc loc) {
  Trace& trace = Trace::current(loc);
  ir::Values operands;
  std::vector<std::pair<std::string, Type>> carries;
  for (const auto& [name, tensor] : request.initial) {
    operands.push_back(trace.value(tensor, loc));
    carries.emplace_back(name.empty() ? "state" : name, operands.back()->type);
  }
  if (carries.empty()) fail(loc, "while_loop: the state holds no tensor");
  std::vector<TracedBlock> blocks;
  blocks.push_back(trace_block(trace, carries, true, loc, [&](const std::vector<Tensor>& state) {
    const Tensor more = request.test(state);
    check_truth(more.type(loc), "while_loop: what the test returns", loc);
    return std::vector{more};
  }));
  blocks.push_back(trace_block(trace, carries, true, loc, [&](const std::vector<Tensor>& state) {
    return tensors(request.body(state));
  }));
  for (size_t i = 0; i < carries.size(); ++i)
    if (const Type& leaves = blocks[1].graph->results[i]->type; leaves != carries[i].second)
      fail(loc, "while_loop: '" + carries[i].first + "' enters as " + carries[i].second.text() +
                    " and leaves as " + leaves.text() +
                    ": the body must return each part of the state with the type that it began with");
  const ir::Values captured = unite_captures(blocks, carries.size());
  operands.insert(operands.end(), captured.begin(), captured.end());
  const std::vector<int> groups = {static_cast<int>(carries.size()), static_cast<int>(captured.size())};
  return emit(trace, ir::ops::while_, std::move(operands), groups, std::move(blocks), request.initial, loc);
}

namespace {

void check_captures(const ir::Values& captured, Loc loc) {
  for (const ir::Value* value : captured)
    if (value->type.dtype.is_float())
      fail(loc, "custom_vjp: a tensor from outside, " + value->type.text() + " " +
                    (value->name.empty() ? "" : "'" + value->name + "' ") +
                    "is used, and nothing would say its gradient: pass it as an argument");
}

void check_cotangents(const ir::Values& arguments, const NamedTensors& cotangents, Loc loc) {
  std::vector<Type> wanted;
  for (const ir::Value* argument : arguments)
    if (argument->type.dtype.is_float()) wanted.push_back(argument->type);
  if (wanted.size() != cotangents.size())
    fail(loc, "custom_vjp: there are " + std::to_string(wanted.size()) +
                  " float arguments, and backward returns " + std::to_string(cotangents.size()) +
                  " cotangents: one for each, in order");
  for (size_t i = 0; i < wanted.size(); ++i)
    if (const Type& type = cotangents[i].second.type(loc); type != wanted[i])
      fail(loc, "custom_vjp: cotangent " + std::to_string(i) + " is " + type.text() + ", its argument is " +
                    wanted[i].text() + ": they must agree");
}

}  // namespace

std::vector<Tensor> custom_vjp_lists(const CustomVjpRequest& request, Loc loc) {
  Trace& trace = Trace::current(loc);
  ir::Values operands;
  std::vector<std::pair<std::string, Type>> parameters;
  for (const Tensor& argument : request.arguments) {
    operands.push_back(trace.value(argument, loc));
    parameters.emplace_back(operands.back()->name, operands.back()->type);
  }
  NamedTensors names;
  std::vector<TracedBlock> blocks;
  blocks.push_back(trace_block(trace, parameters, false, loc, [&](const std::vector<Tensor>& arguments) {
    names = request.forward(arguments);
    return tensors(names);
  }));
  const size_t bound = parameters.size(), results = names.size();
  const ir::Values values = blocks[0].graph->results;
  for (const ir::Value* value : values) parameters.emplace_back(value->name, value->type);
  for (const ir::Value* value : values)
    if (value->type.dtype.is_float()) parameters.emplace_back("d" + value->name, value->type);

  blocks.push_back(trace_block(trace, parameters, false, loc, [&](const std::vector<Tensor>& all) {
    const std::vector<Tensor> arguments(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(bound));
    std::vector<Tensor> value, cotangent;
    size_t next = bound + results;
    for (size_t i = 0; i < results; ++i) {
      value.push_back(all[bound + i]);
      cotangent.push_back(values[i]->type.dtype.is_float() ? all[next++] : Tensor());
    }
    const NamedTensors cotangents = request.backward(arguments, value, cotangent);
    check_cotangents(operands, cotangents, loc);
    return tensors(cotangents);
  }));
  const ir::Values captured = unite_captures(blocks, bound);
  check_captures(captured, loc);
  operands.insert(operands.end(), captured.begin(), captured.end());
  const int count = static_cast<int>(operands.size());
  return emit(trace, ir::ops::call, std::move(operands), {count}, std::move(blocks), names, loc);
}

}  // namespace rondo::detail
