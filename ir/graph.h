// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/attr.h"
#include "ir/loc.h"
#include "ir/type.h"

// The data structure of the language: a module holds functions, a function holds a graph, a graph holds ops
// in program order. Ops are pure; a value is defined once and used below its definition, in its own graph
// only: the regions of an op are graphs of their own, isolated, and every outer value comes in as an operand
// bound to a region parameter.
namespace rondo::ir {

struct Op;
struct OpRow;
struct Graph;
struct Function;

/// A tensor in a graph: a parameter of the graph or a result of one of its ops.
struct Value {
  Type type;
  std::string name;  // what the user called it; empty if nothing. The printer makes names unique.
  Op* op = nullptr;  // what computes it; nullptr for a parameter
  Graph* graph = nullptr;
  int index = 0;             // its position among the op's results or the graph's parameters
  Loc loc = Loc::unknown();  // of a parameter; a result has its op's place
};

using Values = std::vector<Value*>;

/// One op. What the op is, is the address of its row.
struct Op {
  const OpRow* row = nullptr;
  Values operands;
  std::vector<Attr> attrs;
  std::vector<int>
      groups;  // for an op with regions: how many operands each bind list has, in the row's order
  std::vector<std::unique_ptr<Graph>> regions;
  std::vector<std::unique_ptr<Value>> results;
  Loc loc = Loc::unknown();
  Graph* graph = nullptr;

  Value* result(int i = 0) const { return results[i].get(); }
  /// The operands of bind list `group` (a region op only).
  std::span<Value* const> group(int group) const;

  // Attributes by name. All but has_attr throw InternalError if it is absent: the verifier has seen to it.
  bool has_attr(std::string_view name) const;
  int64_t int_attr(std::string_view name) const;
  std::vector<int64_t> ints_attr(std::string_view name, int arg = 0) const;
  Dim dim_attr(std::string_view name) const;
  const std::vector<Dim>& dims_attr(std::string_view name, int arg = 0) const;
  const std::string& text_attr(std::string_view name) const;
  const Number& number_attr(std::string_view name) const;
  /// Sets the attribute `name`, which the row (or the annotations, see op_row.h) must declare.
  void set_attr(std::string_view name, std::vector<AttrArg> args);
  void erase_attr(std::string_view name);

  /// Adds a result, after those that are there: a pass that lets a region yield one value more.
  Value* add_result(Type type, std::string name = {});
};

/// Ops in program order between parameters and results: the body of a function, or a region of an op.
struct Graph {
  explicit Graph(Function* function, Op* owner = nullptr) : function(function), owner(owner) {}
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  std::vector<std::unique_ptr<Value>> params;
  std::vector<std::unique_ptr<Op>> ops;
  Values results;
  Function* function;
  Op* owner;  // the op whose region this is; nullptr for a function's body

  Value* param(int i) const { return params[i].get(); }
  Value* add_param(Type type, std::string name = {}, Loc loc = Loc::unknown());
  /// Makes `op` the last op. It must be complete; nothing is checked here (Builder and the parser check).
  Op* append(std::unique_ptr<Op> op);
};

/// What a parameter of a function is besides a value.
struct ParamInfo {
  bool donate = false;  // the caller gives the buffer up: a result may take its place
  std::string label;    // the name outside, such as "encoder.W"; empty if it has none
};

/// A fact about sizes that could not be proved, checked when the function is bound to sizes.
struct Guard {
  Dim left;
  bool equal;  // left == right, else left <= right
  Dim right;
  Loc loc = Loc::unknown();
};

/// A size made of others: `Q = T floordiv K+1`, rounded down. Or one that is free, `chosen K`: whatever it is, the results
/// are the same, and whoever binds the function to sizes may choose, so that memory suffices. It is 0 if nobody does.
struct DerivedSize {
  std::string name;   // a symbol
  Dim numerator = 0;  // >= 0
  Dim divisor = 1;    // >= 1
  Loc loc = Loc::unknown();
  bool chosen = false;

  /// The symbols that it is made of.
  std::vector<std::string> symbols() const;
};

/// Adds the values of derived sizes, in their order, but for those chosen ones that are there; throws rondo::Error if a
/// numerator is negative.
void derive(Sizes& sizes, const std::vector<DerivedSize>& derived);

struct Function {
  explicit Function(std::string name) : name(std::move(name)), body(this) {}

  std::string name;
  Graph body;
  std::vector<ParamInfo> param_infos;  // one for each parameter of the body
  std::vector<DerivedSize> derived;    // each of sizes that parameters or earlier ones tell
  std::vector<Guard> guards;
  Loc loc = Loc::unknown();

  /// Throws Error if the type has a flaw (see Type::flaw).
  Value* add_param(Type type, std::string name = {}, ParamInfo info = {}, Loc loc = Loc::unknown());

  /// True if the fact is known to hold: for all sizes, or because guards say so, or say what it follows from.
  bool implies(Dim left, bool equal, Dim right) const;
  /// Records the fact as a guard unless it is implied; throws Error if it can never hold, or if there are
  /// kMaxGuards already.
  void require(Dim left, bool equal, Dim right, Loc loc);
  /// The numerator divided by the divisor, rounded down: a polynomial if that goes without rest, else a derived size, the
  /// same one each time. Requires the numerator to be >= 0. Throws Error if the divisor may be below 1, or if there are
  /// kMaxGuards derived sizes already. A new one is called `stem`, or by what it is: T_div_2; with a number if there is such
  /// a symbol.
  Dim floordiv(Dim numerator, Dim divisor, Loc loc, std::string stem = {});
  /// A new size that may be chosen, called likewise. Throws Error if there are kMaxGuards derived sizes already.
  Dim add_chosen(const std::string& stem, Loc loc);
  /// Has the derived sizes and the guards of another function, in place of its own.
  void take_facts(const Function& from);

 private:
  Dim add_derived(DerivedSize size);
};

struct Module {
  std::vector<std::unique_ptr<Function>> functions;

  Function* find(std::string_view name) const;
  /// Appends a function, or replaces the one of the same name.
  Function* add(std::unique_ptr<Function> function);
};

/// How many guards a function may have, and how many derived sizes. The bound keeps asking them cheap.
inline constexpr size_t kMaxGuards = 256;

/// How deep regions may nest. The bound keeps every walk over regions within a small stack.
inline constexpr int kMaxNesting = 64;

/// Where the user finds an op: its file and line, or, where these are not known, the function and its first result's name.
std::string place_of(const Op& op);

/// Calls `visit(op)` for every op of the graph and of the regions below it, in program order, an op before
/// its regions.
template <class Visit>
void for_each_op(const Graph& graph, Visit&& visit) {
  for (const auto& op : graph.ops) {
    visit(*op);
    for (const auto& region : op->regions) for_each_op(*region, visit);
  }
}

}  // namespace rondo::ir
