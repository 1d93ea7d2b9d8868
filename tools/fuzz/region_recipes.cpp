// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the generator draws ops with regions.
#include <algorithm>

#include "ir/ops/support.h"
#include "passes/vjp.h"
#include "tools/fuzz/generator.h"

namespace rondo::fuzz {

using namespace rondo::ir;

namespace {

constexpr int kMaxDepth = 2;  // of regions in regions
constexpr size_t kMaxStacks = 3;

bool is_float(const Type& type) { return type.dtype.is_float(); }

}  // namespace

Generator::Place Generator::inside(const Place& place, Graph& graph) {
  return {Builder(graph, place.b.loc), {}, place.depth + 1};
}

void Generator::bind(Place& inner, const Values& operands, const std::string& name) {
  for (size_t i = 0; i < operands.size(); ++i)
    inner.pool.push_back(inner.b.graph().add_param(operands[i]->type, name + std::to_string(i)));
}

// A float that is yielded for the next run stays within bounds in a smooth program: what grows from run to run is
// of no use to a finite difference.
Value* Generator::next_of(Place& inner, const Type& type) {
  Value* next = of_type(inner, type);
  return options_.smooth && is_float(type) ? into(inner.b, next, -1, 1) : next;
}

void Generator::add_scan(Place& place) {
  if (place.depth >= kMaxDepth) return;
  const Dim length = random_.chance(0.7) ? Dim("T") : random_dim();
  Values over, carry, use;
  for (int64_t i = random_.below(3); i > 0; --i) {
    Type type{random_dtype(), random_dims(2)};
    type.dims.insert(type.dims.begin(), length);
    if (fits(type)) over.push_back(of_type(place, type));
  }
  for (int64_t i = random_.between(1, 3); i > 0; --i)
    carry.push_back(random_.chance(0.7) ? any_of(place, is_float) : any(place));
  for (int64_t i = random_.below(3); i > 0; --i) use.push_back(any(place));

  auto body = std::make_unique<Graph>(&place.b.function());
  Place inner = inside(place, *body);
  inner.pool.push_back(body->add_param(i32[{}], "t"));
  Values operands;
  for (size_t i = 0; i < over.size(); ++i) {
    const Type& type = over[i]->type;
    inner.pool.push_back(
        body->add_param({type.dtype, {type.dims.begin() + 1, type.dims.end()}}, "x" + std::to_string(i)));
  }
  bind(inner, carry, "c");
  bind(inner, use, "u");
  for (const Values& list : {over, carry, use}) operands.insert(operands.end(), list.begin(), list.end());

  fill(inner, 0, static_cast<int>(random_.between(3, 8)));
  for (Value* value : carry) body->results.push_back(next_of(inner, value->type));
  for (Value* stack : unused(inner, kMaxStacks)) {
    Type type = stack->type;
    type.dims.push_back(length);
    if (fits(type)) body->results.push_back(stack);
  }
  std::vector<Attr> attrs = {make_attr(ops::scan, "length", {length})};
  if (random_.chance(0.4)) attrs.push_back(make_attr(ops::scan, "reverse", {}));
  std::vector<std::unique_ptr<Graph>> regions;
  regions.push_back(std::move(body));
  const std::vector<int> groups = {static_cast<int>(over.size()), static_cast<int>(carry.size()),
                                   static_cast<int>(use.size())};
  Op* scan = place.b.emit_region(ops::scan, operands, groups, attrs, std::move(regions), {});
  for (const auto& result : scan->results) keep(place, result.get());
}

void Generator::add_cond(Place& place) {
  if (place.depth >= kMaxDepth) return;
  Values use;
  for (int64_t i = random_.between(1, 4); i > 0; --i) use.push_back(any(place));
  Values operands = use;
  operands.push_back(of_type(place, i1[{}]));
  std::vector<std::unique_ptr<Graph>> blocks;
  std::vector<Type> types;
  for (int k = 0; k < 2; ++k) {
    blocks.push_back(std::make_unique<Graph>(&place.b.function()));
    Place inner = inside(place, *blocks.back());
    bind(inner, use, "u");
    fill(inner, 0, static_cast<int>(random_.between(1, 5)));
    if (k == 0)
      for (Value* value : unused(inner, 2)) types.push_back(value->type);
    for (const Type& type : types) blocks.back()->results.push_back(of_type(inner, type));
  }
  const int count = static_cast<int>(use.size());
  Op* cond = place.b.emit_region(ops::cond, operands, {count}, {}, std::move(blocks), {});
  for (const auto& result : cond->results) keep(place, result.get());
}

// A counter bounds the runs: 0 to 3 of them. A gradient in reverse does not go through.
void Generator::add_while(Place& place) {
  if (place.depth >= kMaxDepth || !options_.whiles) return;
  Values carry = {place.b.constant(i32[{}], 0)}, use = {of_type(place, i32[{}])};
  for (int64_t i = random_.between(1, 3); i > 0; --i) carry.push_back(any(place));
  for (int64_t i = random_.below(3); i > 0; --i) use.push_back(any(place));
  Values operands = carry;
  operands.insert(operands.end(), use.begin(), use.end());

  std::vector<std::unique_ptr<Graph>> blocks;
  for (int k = 0; k < 2; ++k) {
    blocks.push_back(std::make_unique<Graph>(&place.b.function()));
    Graph& block = *blocks.back();
    Place inner = inside(place, block);
    bind(inner, carry, "c");
    bind(inner, use, "u");
    Value* counter = block.param(0);
    if (k == 0) {
      Value* limit = block.param(static_cast<int>(carry.size()));
      block.results = {inner.b.compare("lt", counter, inner.b.and_(limit, inner.b.like(limit, 3)))};
      continue;
    }
    fill(inner, 0, static_cast<int>(random_.between(2, 6)));
    block.results = {inner.b.add(counter, inner.b.like(counter, 1))};
    for (size_t i = 1; i < carry.size(); ++i) block.results.push_back(next_of(inner, carry[i]->type));
  }
  const std::vector<int> groups = {static_cast<int>(carry.size()), static_cast<int>(use.size())};
  Op* loop = place.b.emit_region(ops::while_, operands, groups, {}, std::move(blocks), {});
  for (const auto& result : loop->results) keep(place, result.get());
}

// Its derivative is that of its body, which a call may state otherwise: so that differences can judge it.
void Generator::add_call(Place& place) {
  if (place.depth >= kMaxDepth || !options_.calls) return;
  Values use;
  for (int64_t i = random_.between(1, 3); i > 0; --i) use.push_back(any(place));
  auto body = std::make_unique<Graph>(&place.b.function());
  Place inner = inside(place, *body);
  inner.depth = kMaxDepth;  // no region in it: a while has no vjp
  bind(inner, use, "u");
  fill(inner, 0, static_cast<int>(random_.between(1, 5)));
  body->results = unused(inner, 2);

  const auto transposed = passes::vjp(*function_of(*body, "body"));
  auto derivative = std::make_unique<Graph>(&place.b.function());
  std::map<const Value*, Value*> values;
  for (size_t i = 0; i < use.size(); ++i)
    values[transposed->body.param(static_cast<int>(i))] = derivative->add_param(use[i]->type);
  for (const Value* result : body->results) derivative->add_param(result->type);
  for (size_t i = use.size(); i < transposed->body.params.size(); ++i) {
    const Value* cotangent = transposed->body.param(static_cast<int>(i));
    values[cotangent] = derivative->add_param(cotangent->type);
  }
  Builder b(*derivative, place.b.loc);
  clone_ops(transposed->body, b, values);
  for (const Value* result : transposed->body.results) derivative->results.push_back(values.at(result));

  std::vector<std::unique_ptr<Graph>> blocks;
  blocks.push_back(std::move(body));
  blocks.push_back(std::move(derivative));
  const int count = static_cast<int>(use.size());
  Op* call = place.b.emit_region(ops::call, use, {count}, {}, std::move(blocks), {});
  for (const auto& result : call->results) keep(place, result.get());
}

}  // namespace rondo::fuzz
