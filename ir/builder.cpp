// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/builder.h"

#include <algorithm>

#include "ir/ops/support.h"

namespace rondo::ir {

Attr make_attr(const OpRow& row, std::string_view name, std::vector<AttrArg> args) {
  const AttrSpec* spec = row.find_attr(name);
  if (spec == nullptr) throw InternalError(row.name + " declares no attribute " + std::string(name));
  return {spec, std::move(args)};
}

AttrArg ints(const std::vector<int64_t>& values) { return std::vector<Dim>(values.begin(), values.end()); }

bool dot_may_take_lanes(const Op& op) {
  const auto x = op.ints_attr("contract", 0), y = op.ints_attr("contract", 1);
  const size_t batch = op.has_attr("batch") ? op.ints_attr("batch").size() : 0;
  return x.size() == 1 && y.size() == 1 && x[0] == op.operands[0]->type.rank() - 1 &&
         y[0] == op.operands[1]->type.rank() - 1 && op.operands[1]->type.dims.size() == 1 + batch;
}

namespace {

// How many regions the graph lies in, as far as they are put together by now.
int depth(const Graph& graph) {
  int depth = 0;
  for (const Graph* at = &graph; at != nullptr && at->owner != nullptr; at = at->owner->graph) ++depth;
  return depth;
}

// How deep regions nest in and below an op; at most kMaxNesting is asked for below each region, so this
// recursion is bounded.
int nesting(const Op& op) {
  int deepest = 0;
  for (const auto& region : op.regions)
    for (const auto& inner : region->ops) deepest = std::max(deepest, nesting(*inner));
  return op.regions.empty() ? 0 : deepest + 1;
}

}  // namespace

Op* Builder::append_checked(std::unique_ptr<Op> op, std::vector<Type> declared) {
  op->loc = loc;
  op->graph = graph_;
  for (Value* operand : op->operands)
    if (operand == nullptr || operand->graph != graph_)
      throw InternalError(op->row->name + ": an operand is not of the graph that the op is added to");
  const std::string place = loc.known() ? loc.text() + ": " : "";
  std::vector<Type> types;
  try {
    types = infer(*op, declared);
    for (const Type& type : types) require(*op, 0, type.flaw().empty(), type.flaw());
    if (!op->regions.empty())
      require(*op, 0, depth(*graph_) + nesting(*op) <= kMaxNesting,
              "regions nest deeper than " + std::to_string(kMaxNesting));
  } catch (const ConstraintError& error) {
    throw Error(place + error.what());
  } catch (const Error& error) {  // of sizes
    throw Error(place + op->row->name + ": " + error.what());
  }
  for (Type& type : types) op->add_result(std::move(type));
  return graph_->append(std::move(op));
}

Op* Builder::emit(const OpRow& row, Values operands, std::vector<Attr> attrs, std::vector<Type> declared) {
  auto op = std::make_unique<Op>();
  op->row = &row;
  op->operands = std::move(operands);
  op->attrs = std::move(attrs);
  return append_checked(std::move(op), std::move(declared));
}

Op* Builder::emit_region(const OpRow& row, Values operands, std::vector<int> groups, std::vector<Attr> attrs,
                         std::vector<std::unique_ptr<Graph>> regions, std::vector<Type> declared) {
  auto op = std::make_unique<Op>();
  op->row = &row;
  op->operands = std::move(operands);
  op->groups = std::move(groups);
  op->attrs = std::move(attrs);
  op->regions = std::move(regions);
  for (auto& region : op->regions) {
    region->owner = op.get();
    region->function = graph_->function;
  }
  return append_checked(std::move(op), std::move(declared));
}

Op* Builder::clone(const Op& op, Values operands) {
  auto copy = std::make_unique<Op>();
  copy->row = op.row;
  copy->operands = std::move(operands);
  copy->attrs = op.attrs;
  copy->groups = op.groups;
  copy->loc = op.loc;
  for (const auto& region : op.regions)
    copy->regions.push_back(clone_graph(*region, graph_->function, copy.get()));
  copy->graph = graph_;
  for (const auto& result : op.results) copy->add_result(result->type, result->name);
  return graph_->append(std::move(copy));
}

Value* Builder::compare(const std::string& word, Value* x, Value* y) {
  return emit(ops::compare, {x, y}, {make_attr(ops::compare, "is", {word})})->result();
}
Value* Builder::convert(Value* x, DType dtype) {
  return x->type.dtype == dtype ? x : emit(ops::convert, {x}, {}, {x->type.with(dtype)})->result();
}
Value* Builder::bitcast(Value* x, DType dtype) {
  return emit(ops::bitcast, {x}, {}, {x->type.with(dtype)})->result();
}

Value* Builder::constant(const Type& type, Number value) {
  return emit(ops::constant, {}, {make_attr(ops::constant, "value", {value.as(type.dtype)})}, {type})
      ->result();
}
Value* Builder::iota(const Type& type, int64_t dim) {
  return emit(ops::iota, {}, {make_attr(ops::iota, "dim", {Dim(dim)})}, {type})->result();
}
Value* Builder::dim(Dim size) { return emit(ops::dim, {}, {make_attr(ops::dim, "size", {size})})->result(); }

Value* Builder::broadcast(Value* x, const std::vector<int64_t>& dims, const std::vector<Dim>& result) {
  if (x->type.dims == result) return x;
  return emit(ops::broadcast, {x}, {make_attr(ops::broadcast, "dims", {ints(dims)})},
              {{x->type.dtype, result}})
      ->result();
}
Value* Builder::reshape(Value* x, const std::vector<Dim>& result) {
  if (x->type.dims == result) return x;
  return emit(ops::reshape, {x}, {}, {{x->type.dtype, result}})->result();
}
Value* Builder::transpose(Value* x, const std::vector<int64_t>& perm) {
  return emit(ops::transpose, {x}, {make_attr(ops::transpose, "perm", {ints(perm)})})->result();
}
Value* Builder::slice(Value* x, const std::vector<Dim>& lo, const std::vector<Dim>& hi) {
  return emit(ops::slice, {x}, {make_attr(ops::slice, "lo", {lo}), make_attr(ops::slice, "hi", {hi})})
      ->result();
}
Value* Builder::pad(Value* x, const std::vector<Dim>& lo, const std::vector<Dim>& hi, Number value) {
  return emit(ops::pad, {x},
              {make_attr(ops::pad, "lo", {lo}), make_attr(ops::pad, "hi", {hi}),
               make_attr(ops::pad, "value", {value.as(x->type.dtype)})})
      ->result();
}
Value* Builder::concat(const Values& xs, int64_t dim) {
  return emit(ops::concat, xs, {make_attr(ops::concat, "dim", {Dim(dim)})})->result();
}
Values Builder::split(Value* x, int64_t dim, const std::vector<Dim>& sizes) {
  Op* op = emit(ops::split, {x},
                {make_attr(ops::split, "dim", {Dim(dim)}), make_attr(ops::split, "sizes", {sizes})});
  Values parts;
  for (const auto& part : op->results) parts.push_back(part.get());
  return parts;
}

namespace {

void set_order(const OpRow& row, const SumOrder& order, Values& operands, std::vector<Attr>& attrs) {
  if (order.start != nullptr) operands.push_back(order.start);
  if (order.descending > 0) attrs.push_back(make_attr(row, "descending", {Dim(order.descending)}));
}

}  // namespace

Value* Builder::reduce_sum(Value* x, const std::vector<int64_t>& dims, const SumOrder& order) {
  Values operands = {x};
  std::vector<Attr> attrs = {make_attr(ops::reduce_sum, "dims", {ints(dims)})};
  set_order(ops::reduce_sum, order, operands, attrs);
  return emit(ops::reduce_sum, std::move(operands), std::move(attrs))->result();
}
Value* Builder::reduce_max(Value* x, const std::vector<int64_t>& dims) {
  return emit(ops::reduce_max, {x}, {make_attr(ops::reduce_max, "dims", {ints(dims)})})->result();
}
Value* Builder::reduce_min(Value* x, const std::vector<int64_t>& dims) {
  return emit(ops::reduce_min, {x}, {make_attr(ops::reduce_min, "dims", {ints(dims)})})->result();
}
Value* Builder::argmax(Value* x, int64_t dim) {
  return emit(ops::argmax, {x}, {make_attr(ops::argmax, "dim", {Dim(dim)})})->result();
}

Value* Builder::dot(Value* x, Value* y, const Dims& contract_x, const Dims& contract_y, const Dims& batch_x,
                    const Dims& batch_y, const SumOrder& order) {
  std::vector<Attr> attrs = {make_attr(ops::dot, "contract", {ints(contract_x), ints(contract_y)})};
  if (!batch_x.empty() || !batch_y.empty())
    attrs.push_back(make_attr(ops::dot, "batch", {ints(batch_x), ints(batch_y)}));
  Op form;
  form.operands = {x, y};
  form.attrs = attrs;
  const bool has_order = order.start != nullptr || order.descending > 0;
  if (!has_order && dot_may_take_lanes(form)) attrs.push_back(make_attr(ops::dot, "lanes", {}));
  set_order(ops::dot, order, form.operands, attrs);
  return emit(ops::dot, std::move(form.operands), std::move(attrs))->result();
}

namespace {

std::vector<Attr> places(const OpRow& row, int64_t axis, int64_t batch_dims) {
  return {make_attr(row, "axis", {Dim(axis)}), make_attr(row, "batch_dims", {Dim(batch_dims)})};
}

}  // namespace

Value* Builder::gather(Value* x, Value* indices, int64_t axis, int64_t batch_dims) {
  return emit(ops::gather, {x, indices}, places(ops::gather, axis, batch_dims))->result();
}
Value* Builder::scatter_add(Value* base, Value* indices, Value* updates, int64_t axis, int64_t batch_dims) {
  return emit(ops::scatter_add, {base, indices, updates}, places(ops::scatter_add, axis, batch_dims))
      ->result();
}
Value* Builder::scatter_set(Value* base, Value* indices, Value* updates, int64_t axis, int64_t batch_dims) {
  return emit(ops::scatter_set, {base, indices, updates}, places(ops::scatter_set, axis, batch_dims))
      ->result();
}
Values Builder::topk(Value* x, Dim k) {
  const Op* op = emit(ops::topk, {x}, {make_attr(ops::topk, "k", {k})});
  return {op->result(0), op->result(1)};
}
Value* Builder::check(Value* x, Value* predicate, const std::string& message) {
  return emit(ops::check, {x, predicate}, {make_attr(ops::check, "message", {message})})->result();
}

void clone_ops(const Graph& from, Builder& to, std::map<const Value*, Value*>& values) {
  for (const auto& op : from.ops) {
    Values operands;
    operands.reserve(op->operands.size());
    for (Value* operand : op->operands) operands.push_back(values.at(operand));
    Op* copy = to.clone(*op, std::move(operands));
    for (size_t i = 0; i < op->results.size(); ++i) values[op->results[i].get()] = copy->results[i].get();
  }
}

namespace {

void clone_into(Graph& graph, const Graph& from) {
  std::map<const Value*, Value*> values;
  for (const auto& param : from.params)
    values[param.get()] = graph.add_param(param->type, param->name, param->loc);
  Builder builder(graph);
  clone_ops(from, builder, values);
  for (Value* result : from.results) graph.results.push_back(values.at(result));
}

}  // namespace

std::unique_ptr<Graph> clone_graph(const Graph& from, Function* function, Op* owner) {
  auto graph = std::make_unique<Graph>(function, owner);
  clone_into(*graph, from);
  return graph;
}

std::unique_ptr<Function> clone_function(const Function& from, std::string name) {
  auto function = function_of(from.body, std::move(name));
  function->param_infos = from.param_infos;
  function->loc = from.loc;
  return function;
}

std::unique_ptr<Function> function_of(const Graph& region, std::string name) {
  auto function = std::make_unique<Function>(std::move(name));
  function->take_facts(*region.function);
  clone_into(function->body, region);
  function->param_infos.resize(function->body.params.size());
  return function;
}

}  // namespace rondo::ir
