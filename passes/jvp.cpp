// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// jvp: differentiates a function forward.
//
// Before:  func @f(%x, %w) { %y = mul %x, %w  %z = tanh %y  return %z }
// After:   func @f.jvp(%x, %w, %tx, %tw) {
//            %y = mul %x, %w
//            %a = mul %tx, %w
//            %b = mul %tw, %x
//            %ty = add %a, %b
//            %z = tanh %y
//            %c = mul %z, %z
//            %d = sub 1.0, %c
//            %tz = mul %ty, %d              // the row of tanh: d -> d * (1 - y*y)
//            return %z, %tz }
//
// Legal:   always, but for ops whose row says that they have no derivative forward.
// A loss:  for the gradient of one number by many: that is what vjp is for. Here each op's tangent is computed
//          beside it, nothing is kept, and a loop needs no more memory than before.
// Needs:   nothing. Feeds canonicalise; vjp of it gives second derivatives.
//
// How: the ops are copied one after another, each followed by its tangent. A row that states partials has them
// applied to the operands' tangents. A row that states a transpose is linear: its tangent is the transpose of its
// transpose, or, if it is linear in all operands together, the op itself on their tangents. A reduction that states weights sums them times the tangent. An op with regions becomes one whose
// lists hold tangents as well, behind the values, and whose blocks are treated likewise. Only values that
// Activity names have tangents.
#include "passes/jvp.h"

#include <numeric>

#include "ir/builder.h"
#include "ir/dataflow.h"
#include "passes/activity.h"
#include "passes/passes.h"
#include "passes/vjp.h"

namespace rondo::passes {

using namespace ir;

namespace {

using ValueMap = std::map<const Value*, Value*>;

// The primals of an op, by way of what stands for them where tangents are written.
class CopiedPrimals : public Primals {
 public:
  CopiedPrimals(const Op& op, const ValueMap& values) : op_(op), values_(values) {}
  Value* operand(int i) override { return values_.at(op_.operands[i]); }
  Value* result(int i) override { return values_.at(op_.result(i)); }

 private:
  const Op& op_;
  const ValueMap& values_;
};

// The primals of an op as parameters of a function of their own, each added when it is asked for.
class ParamPrimals : public Primals {
 public:
  ParamPrimals(const Op& op, Function& function) : op_(op), function_(function) {}
  Value* operand(int i) override { return param(op_.operands[i]); }
  Value* result(int i) override { return param(op_.result(i)); }

  /// What the parameters behind the first ones stand for.
  const std::vector<Value*>& asked() const { return asked_; }

 private:
  Value* param(Value* primal) {
    asked_.push_back(primal);
    return function_.add_param(primal->type);
  }
  const Op& op_;
  Function& function_;
  std::vector<Value*> asked_;
};

class Forward {
 public:
  Forward(Builder& builder, const Activity& activity) : b_(builder), activity_(activity) {}

  /// What stands for a value of the forward graph, and for its tangent.
  void bind(const Value* value, Value* primal) { values_[value] = primal; }
  void bind_tangent(const Value* value, Value* tangent) { tangents_[value] = tangent; }
  Value* primal(const Value* value) const { return values_.at(value); }
  Value* tangent_or_zero(const Value* value) {
    const auto found = tangents_.find(value);
    return found != tangents_.end() ? found->second : b_.constant(value->type, 0);
  }

  void run(const Graph& graph);

 private:
  bool has_tangent(const Value* value) const { return tangents_.contains(value); }
  void add(const Value* value, Value* tangent) {
    Value*& sum = tangents_[value];
    sum = sum == nullptr ? tangent : b_.add(sum, tangent);
  }
  void copy(const Op& op);
  void differentiate(const Op& op);
  void push_linear(const Op& op, int operand);
  void push_region_op(const Op& op);
  std::unique_ptr<Graph> block(const Op& op, size_t region, const std::vector<bool>& active_operands,
                               const std::vector<bool>& active_results);

  Builder& b_;
  const Activity& activity_;
  ValueMap values_, tangents_;
};

void Forward::run(const Graph& graph) {
  for (const auto& op : graph.ops) {
    const bool active = std::any_of(op->results.begin(), op->results.end(), [&](const auto& result) {
      return activity_.has_cotangent(result.get());
    });
    if (active && !op->regions.empty()) {
      push_region_op(*op);
      continue;
    }
    copy(*op);
    b_.loc = op->loc.via("jvp");
    if (active) differentiate(*op);
  }
}

void Forward::copy(const Op& op) {
  Values operands;
  for (const Value* operand : op.operands) operands.push_back(primal(operand));
  const Op* copied = b_.clone(op, std::move(operands));
  for (size_t i = 0; i < op.results.size(); ++i) bind(op.results[i].get(), copied->results[i].get());
}

void Forward::differentiate(const Op& op) {
  CopiedPrimals primals(op, values_);
  const Derivative& derivative = op.row->derivative;
  if (derivative.joint_transpose != nullptr) {
    Values tangents;
    for (const Value* operand : op.operands) tangents.push_back(tangent_or_zero(operand));
    Op* tangent = b_.clone(op, std::move(tangents));
    tangent->loc = b_.loc;
    tangent->result()->name.clear();
    bind_tangent(op.result(), tangent->result());
  }
  for (int i = 0; i < static_cast<int>(op.operands.size()); ++i) {
    if (!has_tangent(op.operands[i])) continue;
    Value* tangent = tangents_.at(op.operands[i]);
    if (op.row == &ops::identity) {  // what it says of the order of sums holds for tangents, too
      add(op.result(), b_.emit(ops::identity, {tangent}, op.attrs)->result());
      continue;
    }
    if (!derivative.partials.empty()) {
      if (derivative.partials[i] != nullptr) add(op.result(), derivative.partials[i](b_, tangent, primals));
    } else if (derivative.transpose != nullptr) {
      push_linear(op, i);
    } else if (derivative.weights != nullptr) {
      add(op.result(),
          b_.reduce_sum(b_.mul(tangent, derivative.weights(b_, op, primals)), op.ints_attr("dims")));
    }
  }
  for (const auto& result : op.results)
    if (has_tangent(result.get()) && tangents_[result.get()]->name.empty() && !result->name.empty())
      tangents_[result.get()]->name = "t" + result->name;
}

// The row gives the cotangent of the operand as a linear function of the results' cotangents; the vjp of that
// function takes a tangent of the operand to the tangents of the results.
void Forward::push_linear(const Op& op, int operand) {
  Function transpose("transpose");
  transpose.take_facts(b_.function());
  Values cotangents(op.results.size(), nullptr);
  std::vector<int> wrt;
  for (const auto& result : op.results) {
    if (!activity_.has_cotangent(result.get())) continue;
    wrt.push_back(static_cast<int>(transpose.body.params.size()));
    cotangents[result->index] = transpose.add_param(result->type);
  }
  ParamPrimals primals(op, transpose);
  Builder builder(transpose.body, b_.loc);
  transpose.body.results = {op.row->derivative.transpose(builder, op, primals, operand, cotangents)};

  const auto forward = vjp(transpose, {.wrt = wrt});
  ValueMap values;
  for (size_t i = 0; i < primals.asked().size(); ++i)
    values[forward->body.params[wrt.size() + i].get()] = primal(primals.asked()[i]);
  values[forward->body.params.back().get()] = tangents_.at(op.operands[operand]);
  clone_ops(forward->body, b_, values);
  for (const auto& result : op.results)
    if (Value* cotangent = cotangents[result->index])
      add(result.get(), values.at(forward->body.results[cotangent->index]));
}

// Of a list that is carried, a value moves if it does so where it enters a block or where it leaves the op.
void Forward::push_region_op(const Op& op) {
  if (op.row == &ops::call || op.row == &ops::fusion) {
    const Derivative& derivative = op.row->derivative;
    throw Error(place_of(op) + ": " + op.row->name + ": it has no derivative forward: " +
                (derivative.none.empty() ? derivative.by_pass : derivative.none));
  }
  const CarryRange carries = carries_of(op);
  std::vector<bool> moves(op.operands.size(), false), results;
  for (const auto& result : op.results) results.push_back(activity_.has_cotangent(result.get()));
  const int first_param = op.row->region.index ? 1 : 0;
  for (size_t i = 0; i + op.row->operands.size() < op.operands.size(); ++i)
    for (const auto& region : op.regions)
      if (activity_.has_cotangent(region->param(first_param + static_cast<int>(i)))) moves[i] = true;
  for (int i = 0; i < carries.count; ++i)
    moves[carries.first + i] = results[i] = moves[carries.first + i] || results[i];

  Values operands;
  std::vector<int> groups;
  size_t next = 0;
  for (int count : op.groups) {
    const size_t end = next + count, before = operands.size();
    for (size_t i = next; i < end; ++i) operands.push_back(primal(op.operands[i]));
    for (size_t i = next; i < end; ++i)
      if (moves[i]) operands.push_back(tangent_or_zero(op.operands[i]));
    groups.push_back(static_cast<int>(operands.size() - before));
    next = end;
  }
  for (; next < op.operands.size(); ++next) operands.push_back(primal(op.operands[next]));
  std::vector<std::unique_ptr<Graph>> blocks;
  for (size_t i = 0; i < op.regions.size(); ++i) blocks.push_back(block(op, i, moves, results));
  b_.loc = op.loc.via("jvp");
  std::vector<Attr> attrs = op.attrs;
  std::erase_if(attrs,
                [](const Attr& attr) { return attr.spec->name == "live"; });  // nobody looked at tangents
  const Op* both = b_.emit_region(*op.row, std::move(operands), std::move(groups), std::move(attrs),
                                  std::move(blocks), {});

  // Carries, their tangents, the other results, their tangents.
  int at = 0;
  const int all = static_cast<int>(op.results.size());
  for (const auto& [begin, end] : {std::pair{0, carries.count}, std::pair{carries.count, all}}) {
    for (int i = begin; i < end; ++i) {
      bind(op.result(i), both->result(at));
      both->result(at++)->name = op.result(i)->name;
    }
    for (int i = begin; i < end; ++i)
      if (results[i]) {
        bind_tangent(op.result(i), both->result(at));
        if (!op.result(i)->name.empty()) both->result(at)->name = "t" + op.result(i)->name;
        ++at;
      }
  }
}

std::unique_ptr<Graph> Forward::block(const Op& op, size_t region, const std::vector<bool>& moves,
                                      const std::vector<bool>& results) {
  const Graph& from = *op.regions[region];
  auto graph = std::make_unique<Graph>(&b_.function());
  Builder builder(*graph, b_.loc);
  Forward inner(builder, activity_);
  const auto enter = [&](const Value* param) {
    inner.bind(param, graph->add_param(param->type, param->name, param->loc));
  };
  if (op.row->region.index) enter(from.param(0));
  int next = 0;
  const int first_param = op.row->region.index ? 1 : 0;
  for (int count : op.groups) {
    for (int i = next; i < next + count; ++i) enter(from.param(first_param + i));
    for (int i = next; i < next + count; ++i)
      if (moves[i]) {
        const Value* param = from.param(first_param + i);
        inner.bind_tangent(param, graph->add_param(param->type, "t" + param->name, param->loc));
      }
    next += count;
  }
  inner.run(from);
  builder.loc = op.loc.via("jvp");
  if (op.row->region.blocks[region].gives == BlockSpec::Gives::kDecision) {
    for (const Value* value : from.results) graph->results.push_back(inner.primal(value));
    return graph;
  }
  const int carried = carries_of(op).count, all = static_cast<int>(from.results.size());
  for (const auto& [begin, end] : {std::pair{0, carried}, std::pair{carried, all}}) {
    for (int i = begin; i < end; ++i) graph->results.push_back(inner.primal(from.results[i]));
    for (int i = begin; i < end; ++i)
      if (results[i]) graph->results.push_back(inner.tangent_or_zero(from.results[i]));
  }
  return graph;
}

}  // namespace

std::unique_ptr<Function> jvp(const Function& f, const JvpOptions& options) {
  const std::vector<int> wrt = options.wrt ? *options.wrt : float_params(f);
  check_wrt(f, wrt);
  auto function = std::make_unique<Function>(f.name + ".jvp");
  function->take_facts(f);
  function->loc = f.loc;
  const Activity activity(f, wrt);
  Builder builder(function->body, f.loc.via("jvp"));
  Forward forward(builder, activity);
  for (const auto& param : f.body.params)
    forward.bind(param.get(),
                 function->add_param(param->type, param->name, f.param_infos[param->index], param->loc));
  for (int i : wrt) {
    const Value* param = f.body.param(i);
    const std::string name = param->name.empty() ? std::to_string(i) : param->name;
    Value* tangent = function->add_param(param->type, "t" + name, {}, param->loc);
    if (activity.has_cotangent(param)) forward.bind_tangent(param, tangent);
  }
  forward.run(f.body);
  for (const Value* result : f.body.results) function->body.results.push_back(forward.primal(result));
  builder.loc = f.loc.via("jvp");
  for (const Value* result : f.body.results)
    if (result->type.dtype.is_float()) function->body.results.push_back(forward.tangent_or_zero(result));
  remove_dead_code(*function);
  return function;
}

}  // namespace rondo::passes
