// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// vjp: differentiates a function in reverse.
//
// Before:  func @f(%x, %w) { %y = mul %x, %w  %z = tanh %y  return %z }
// After:   func @f.vjp(%x, %w, %dz) {
//            %y = mul %x, %w
//            %z = tanh %y
//            %a = mul %z, %z
//            %b = sub 1.0, %a
//            %dy = mul %dz, %b              // the row of tanh: d -> d * (1 - y*y)
//            %dw = mul %dy, %x              // the row of mul, operands from last to first
//            %dx = mul %dy, %w
//            return %dx, %dw }
//
// Legal:   always, but for ops whose row says that they are made after differentiation.
// A loss:  never by itself. What the gradient does not need of the forward pass is removed.
// Needs:   hoist before it makes one dot of a loop's many, and its gradient one dot too. Feeds canonicalise.
//
// How: the function is cloned; cotangent parameters are added; the ops are walked from last to first and each
// row's derivative fact is applied to the cotangents of the op's results. Where a value is used several times
// its cotangents are added up in the order in which the walk meets them. Only values that Activity names have
// cotangents.
//
// A weight's cotangent in a loop is most often one dot, or one sum, a time step. It then goes on from the sum of the
// steps before, `dot %h, %dz, %sum`, over rows in the direction in which the loop goes over time: so it may be done for all
// times at once, with the same bits. In the unrolled loop an identity stands between the weight and each step; there a
// dot that is all of a step's cotangent goes on likewise.
//
// Behind a loop that goes over time backwards, cotangents come from the last time to the first. What is summed over such a
// leading dim is summed in that order too: so a dot that hoist took out of a loop has the gradient that it had there, and
// sums may be made as the loop goes.
#include "passes/vjp.h"

#include <algorithm>
#include <numeric>

#include "ir/op_row.h"
#include "ir/row_dims.h"
#include "passes/passes.h"
#include "passes/transposer.h"

namespace rondo::passes {

using namespace ir;

namespace {

// The primals of one op, by way of the forward values.
class OpPrimals : public Primals {
 public:
  OpPrimals(const Op& op, ForwardValues& forward) : op_(op), forward_(forward) {}
  Value* operand(int i) override { return forward_.find(op_.operands[i]); }
  Value* result(int i) override { return forward_.find(op_.result(i)); }

 private:
  const Op& op_;
  ForwardValues& forward_;
};

// Forward and transposed ops stand in one graph: each value stands for itself.
class SameGraph : public ForwardValues {
 public:
  Value* find(Value* forward) override { return forward; }
};

// d * w, with d spread over the dims that the reduction summed.
Value* apply_weights(Builder& b, const Op& op, Primals& primals, Value* d) {
  const Type& x = op.operands[0]->type;
  const auto reduced = op.ints_attr("dims");
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < x.rank(); ++i)
    if (std::find(reduced.begin(), reduced.end(), i) == reduced.end()) kept.push_back(i);
  return b.mul(b.broadcast(d, kept, x.dims), op.row->derivative.weights(b, op, primals));
}

// The same sums, but they start from `start`, if that is given, and may run backwards.
Value* going_on(Builder& b, const Op& sums, Value* start, bool descending) {
  Values operands = sums.operands;
  std::vector<Attr> attrs = sums.attrs;
  if (start != nullptr) operands.push_back(start);
  if (const int64_t dims = chained_dims(sums); descending && dims > 0 && !sums.has_attr("descending"))
    attrs.push_back(make_attr(*sums.row, "descending", {Dim(dims)}));
  return b.emit(*sums.row, std::move(operands), std::move(attrs))->result();
}

bool is_sum(const Op& op) {
  return (op.row == &ops::dot && !op.has_attr("lanes")) || op.row == &ops::reduce_sum;
}

// A sum of bf16 is rounded wherever it ends.
bool can_go_on(const Op& op) {
  const bool is_rounded = op.row == &ops::reduce_sum && op.result()->type.dtype == bf16;
  return is_sum(op) && !is_rounded && start_of_sums(op) == nullptr;
}

// True if the dim that takes the sums furthest is the operand's first one.
bool sums_first_dim(const Op& op, int operand) {
  const bool is_start = operand == std::ssize(op.row->operands) - 1;
  if (is_start || chained_dims(op) == 0) return false;
  return (op.row == &ops::dot ? op.ints_attr("contract", operand) : op.ints_attr("dims"))[0] == 0;
}

}  // namespace

void Transposer::add(const Value* value, Value* cotangent, bool is_product) {
  if (!activity.has_cotangent(value)) return;
  Sum& sum = cotangents_[value];
  sum = sum.value == nullptr ? Sum{cotangent, is_product} : Sum{builder.add(sum.value, cotangent)};
}

void Transposer::follow_backwards(size_t first) {
  if (backwards_.empty()) return;
  for (size_t i = first; i < builder.graph().ops.size(); ++i) {
    Op& op = *builder.graph().ops[i];
    const auto is_backwards = [&](const Value* value) { return backwards_.contains(value); };
    if (op.row == &ops::identity || std::ranges::none_of(op.operands, is_backwards)) continue;
    const std::vector<RowLink> links = row_links(op);
    for (size_t k = 0; k < op.operands.size(); ++k) {
      if (!is_backwards(op.operands[k])) continue;
      const int operand = static_cast<int>(k);
      if (is_sum(op) && sums_first_dim(op, operand) && !op.has_attr("descending"))
        op.set_attr("descending", {Dim(chained_dims(op))});
      for (const RowLink& link : links)
        if (link.operands[k] == 0)
          for (const auto& result : op.results)
            if (link.results[result->index] == 0) set_backwards(result.get());
    }
  }
}

// Here an unrolled loop's time step hands a weight's cotangent on, as yield_uses does.
void Transposer::transpose_identity(const Op& op, Value* cotangent) {
  const Value* x = op.operands[0];
  if (op.has_attr("backwards")) set_backwards(cotangent);
  if (!is_product(op.result())) {
    // The body of a loop does not know in which order the rows of a cotangent were made that comes in.
    const bool hides = backwards_.contains(cotangent) && !op.has_attr("backwards");
    return add(x, hides ? builder.emit(ops::identity, {cotangent})->result() : cotangent);
  }
  if (!activity.has_cotangent(x)) return;
  Sum& sum = cotangents_[x];
  const bool descending = op.has_attr("descending");
  const bool is_first = sum.value == nullptr && !descending;
  sum = {is_first ? cotangent : going_on(builder, *cotangent->op, sum.value, descending)};
}

bool Transposer::is_product(const Value* value) const {
  const auto found = cotangents_.find(value);
  return found != cotangents_.end() && found->second.is_product;
}

Value* Transposer::add_to(Value* total, const Value* value, bool descending) {
  Value* sum = cotangent_or_zero(value);
  return is_product(value) ? going_on(builder, *sum->op, total, descending) : builder.add(total, sum);
}

Value* Transposer::cotangent(const Value* value) const {
  auto found = cotangents_.find(value);
  if (found == cotangents_.end()) return nullptr;
  Value* sum = found->second.value;
  if (sum->name.empty() && !value->name.empty()) sum->name = "d" + value->name;
  return sum;
}

Value* Transposer::cotangent_or_zero(const Value* value) {
  Value* sum = cotangent(value);
  return sum != nullptr ? sum : builder.constant(value->type, -0.0);
}

void Transposer::run(const Graph& graph, size_t count) {
  for (size_t i = count; i-- > 0;) {
    Op& op = *graph.ops[i];
    builder.loc = op.loc.via("vjp");
    const size_t before = builder.graph().ops.size();
    if (op.regions.empty())
      transpose(op);
    else if (std::any_of(op.results.begin(), op.results.end(),
                         [&](const auto& result) { return cotangent(result.get()) != nullptr; }))
      transpose_region_op(op);
    follow_backwards(before);
  }
}

void Transposer::transpose_region_op(Op& op) {
  static const std::unordered_map<const OpRow*, void (*)(Op&, Transposer&)> by_row = {
      {&ops::scan, transpose_scan}, {&ops::cond, transpose_cond}, {&ops::call, transpose_call}};
  const auto found = by_row.find(op.row);
  if (found != by_row.end()) return found->second(op, *this);
  const Derivative& derivative = op.row->derivative;
  throw Error(place_of(op) + ": " + op.row->name + ": it has no derivative in reverse: " +
              (derivative.none.empty() ? derivative.by_pass : derivative.none));
}

void Transposer::transpose(Op& op) {
  Values d;
  for (const auto& result : op.results) d.push_back(cotangent(result.get()));
  if (std::all_of(d.begin(), d.end(), [](Value* each) { return each == nullptr; })) return;

  if (op.row == &ops::identity) return transpose_identity(op, d[0]);
  OpPrimals primals(op, forward);
  const Derivative& derivative = op.row->derivative;
  if (derivative.joint_transpose != nullptr) return transpose_jointly(op, d[0]);
  for (int i = static_cast<int>(op.operands.size()); i-- > 0;) {
    if (!activity.has_cotangent(op.operands[i])) continue;
    if (!derivative.partials.empty()) {
      if (derivative.partials[i] != nullptr)
        add(op.operands[i], derivative.partials[i](builder, d[0], primals));
    } else if (derivative.transpose != nullptr) {
      const size_t before = builder.graph().ops.size();
      Value* cotangent = derivative.transpose(builder, op, primals, i, d);
      const bool is_new =
          builder.graph().ops.size() > before && cotangent->op == builder.graph().ops.back().get();
      add(op.operands[i], cotangent, is_new && can_go_on(*cotangent->op));
    } else if (derivative.weights != nullptr) {
      add(op.operands[i], apply_weights(builder, op, primals, d[0]));
    }
  }
}

void Transposer::transpose_jointly(const Op& op, Value* d) {
  std::vector<bool> wanted;
  for (const Value* operand : op.operands) wanted.push_back(activity.has_cotangent(operand));
  const Values cotangents = op.row->derivative.joint_transpose(builder, op, wanted, d);
  for (size_t i = cotangents.size(); i-- > 0;)
    if (wanted[i]) add(op.operands[i], cotangents[i]);
}

namespace {

// What the entry points share: the clone of F that the gradient is appended to.
struct Gradient {
  std::unique_ptr<Function> function;
  size_t forward_ops;
  Activity activity;
  SameGraph forward;
  Builder builder;
  Transposer transposer;

  Gradient(const Function& f, const char* suffix, std::span<const int> wrt)
      : function(clone_function(f, f.name + suffix)),
        forward_ops(function->body.ops.size()),
        activity(*function, wrt),
        builder(function->body, f.loc.via("vjp")),
        transposer(builder, activity, forward) {}

  Values run(std::span<const int> wrt) {
    transposer.run(function->body, forward_ops);
    builder.loc = function->loc.via("vjp");
    Values gradients;
    for (int i : wrt) gradients.push_back(transposer.cotangent_or_zero(function->body.param(i)));
    return gradients;
  }
};

}  // namespace

std::vector<int> float_params(const Function& f) {
  std::vector<int> floats;
  for (const auto& parameter : f.body.params)
    if (parameter->type.dtype.is_float()) floats.push_back(parameter->index);
  return floats;
}

void check_wrt(const Function& f, std::span<const int> wrt) {
  for (int i : wrt) {
    if (i < 0 || i >= static_cast<int>(f.body.params.size()))
      throw Error("@" + f.name + " has " + std::to_string(f.body.params.size()) +
                  " parameters, none of number " + std::to_string(i) + " to differentiate with respect to");
    const Value& parameter = *f.body.param(i);
    if (!parameter.type.dtype.is_float())
      throw Error("@" + f.name + ": parameter " + std::to_string(i) + " '" + parameter.name + "' is " +
                  parameter.type.text() + ": only floats have a gradient");
  }
}

std::unique_ptr<Function> vjp(const Function& f, const VjpOptions& options) {
  const std::vector<int> wrt = options.wrt ? *options.wrt : float_params(f);
  check_wrt(f, wrt);

  Gradient gradient(f, ".vjp", wrt);
  Graph& body = gradient.function->body;
  Values cotangents(body.results.size(), nullptr);
  for (size_t i = 0; i < body.results.size(); ++i) {
    const Value& result = *body.results[i];
    if (!result.type.dtype.is_float()) continue;
    const std::string name = result.name.empty() ? std::to_string(i) : result.name;
    cotangents[i] = gradient.function->add_param(result.type, "d" + name, {}, result.loc);
  }
  for (size_t i = body.results.size(); i-- > 0;) gradient.transposer.add(body.results[i], cotangents[i]);
  body.results = gradient.run(wrt);
  remove_dead_code(*gradient.function);
  return std::move(gradient.function);
}

std::unique_ptr<Function> value_and_grad(const Function& f, std::span<const int> wrt) {
  check_wrt(f, wrt);
  if (f.body.results.empty() || !f.body.results[0]->type.dtype.is_float() ||
      f.body.results[0]->type.rank() != 0)
    throw Error("@" + f.name + ": a gradient is of a function whose first result is a float scalar, found " +
                (f.body.results.empty() ? "no result" : f.body.results[0]->type.text()));
  Gradient gradient(f, ".value_and_grad", wrt);
  Graph& body = gradient.function->body;
  gradient.transposer.add(body.results[0], gradient.builder.constant(body.results[0]->type, 1.0));
  for (Value* each : gradient.run(wrt)) body.results.push_back(each);
  remove_dead_code(*gradient.function);
  return std::move(gradient.function);
}

}  // namespace rondo::passes
