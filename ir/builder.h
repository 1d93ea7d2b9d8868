// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/op_row.h"
#include "ir/ops/elementwise.h"

namespace rondo::ir {

/// What the sums of a dot or a reduce_sum go on from, if not from +0, and how many of the dims that are summed over run
/// from the last element to the first.
struct SumOrder {
  Value* start = nullptr;
  int64_t descending = 0;
};

/// Appends ops to a graph. Every op is checked as it is made: a broken constraint throws Error with the op's
/// place.
class Builder {
 public:
  explicit Builder(Graph& graph, Loc loc = Loc::unknown()) : loc(loc), graph_(&graph) {}

  Loc loc;  // of the ops to come

  Graph& graph() const { return *graph_; }
  Function& function() const { return *graph_->function; }

  /// Any op. `declared` gives the result types where the row cannot infer them.
  Op* emit(const OpRow& row, Values operands, std::vector<Attr> attrs = {}, std::vector<Type> declared = {});
  /// An op with regions, which are moved in; `groups` says how many operands each bind list has.
  Op* emit_region(const OpRow& row, Values operands, std::vector<int> groups, std::vector<Attr> attrs,
                  std::vector<std::unique_ptr<Graph>> regions, std::vector<Type> declared);
  /// A copy of `op` on other operands, with its regions cloned.
  Op* clone(const Op& op, Values operands);

  // Element-wise ops, from the rows.
#define OP(name, ...)
#define UNARY(name, ...) \
  Value* name(Value* x) { return emit(ops::name, {x})->result(); }
#define BINARY(name, ...) \
  Value* name(Value* x, Value* y) { return emit(ops::name, {x, y})->result(); }
#define TERNARY(name, ...) \
  Value* name(Value* x, Value* y, Value* z) { return emit(ops::name, {x, y, z})->result(); }
#include "ir/ops/elementwise.def"
#undef OP
#undef UNARY
#undef BINARY
#undef TERNARY

  /// word: eq ne lt le gt ge.
  Value* compare(const std::string& word, Value* x, Value* y);
  Value* convert(Value* x, DType dtype);
  Value* bitcast(Value* x, DType dtype);

  Value* constant(const Type& type, Number value);
  /// A splat of x's type.
  Value* like(Value* x, Number value) { return constant(x->type, value); }
  /// The index along `dim` as elements of an integer type.
  Value* iota(const Type& type, int64_t dim);
  /// A size as i64[].
  Value* dim(Dim size);

  /// Dim i of x becomes dim dims[i] of the result; the others are new.
  Value* broadcast(Value* x, const std::vector<int64_t>& dims, const std::vector<Dim>& result);
  /// A scalar, spread over `type`'s dims.
  Value* splat(Value* scalar, const Type& type) { return broadcast(scalar, {}, type.dims); }
  Value* reshape(Value* x, const std::vector<Dim>& result);
  Value* transpose(Value* x, const std::vector<int64_t>& perm);
  Value* slice(Value* x, const std::vector<Dim>& lo, const std::vector<Dim>& hi);
  Value* pad(Value* x, const std::vector<Dim>& lo, const std::vector<Dim>& hi, Number value);
  Value* concat(const Values& xs, int64_t dim);
  Values split(Value* x, int64_t dim, const std::vector<Dim>& sizes);

  Value* reduce_sum(Value* x, const std::vector<int64_t>& dims, const SumOrder& order = {});
  Value* reduce_max(Value* x, const std::vector<int64_t>& dims);
  Value* reduce_min(Value* x, const std::vector<int64_t>& dims);
  Value* argmax(Value* x, int64_t dim);

  using Dims = std::vector<int64_t>;
  Value* dot(Value* x, Value* y, const Dims& contract_x, const Dims& contract_y, const Dims& batch_x = {},
             const Dims& batch_y = {}, const SumOrder& order = {});
  Value* gather(Value* x, Value* indices, int64_t axis, int64_t batch_dims);
  Value* scatter_add(Value* base, Value* indices, Value* updates, int64_t axis, int64_t batch_dims);
  Value* scatter_set(Value* base, Value* indices, Value* updates, int64_t axis, int64_t batch_dims);
  /// The k greatest along the last dim, and their places.
  Values topk(Value* x, Dim k);
  Value* check(Value* x, Value* predicate, const std::string& message);

 private:
  Op* append_checked(std::unique_ptr<Op> op, std::vector<Type> declared);
  Graph* graph_;
};

/// An attribute made by name: `attr(ops::dot, "contract", {ints({1}), ints({0})})`.
Attr make_attr(const OpRow& row, std::string_view name, std::vector<AttrArg> args);
AttrArg ints(const std::vector<int64_t>& values);

/// Copies the ops of `from` to the end of `to`'s graph. `values` maps from's parameters to values of the new
/// graph and receives every copied result. Regions are copied whole.
void clone_ops(const Graph& from, Builder& to, std::map<const Value*, Value*>& values);
std::unique_ptr<Graph> clone_graph(const Graph& from, Function* function, Op* owner);
std::unique_ptr<Function> clone_function(const Function& from, std::string name);
/// A copy of a region as a function of its own, under the guards of the function that it is in.
std::unique_ptr<Function> function_of(const Graph& region, std::string name);

}  // namespace rondo::ir
