// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/builder.h"
#include "rondo/array.h"
#include "rondo/init.h"
#include "rondo/pytorch.h"
#include "rondo/tensor.h"

// Tracing: the user's function runs once, on tensors that stand for values, and every call appends ops. A
// trace is a stack of levels: the function's body, and above it the regions being traced, each an isolated graph.
namespace rondo::detail {

/// `loc`, or the line that a CalledFrom passes on.
Loc place(Loc loc);
/// Throws Error: the place, then what is wrong.
[[noreturn]] void fail(Loc loc, const std::string& what);

/// A function's weight, state or constant, as declared.
struct Variable {
  Type type;
  Initializer initializer = nullptr;
  bool trained;  // a parameter: a gradient is wanted
  Loc loc = Loc::unknown();
  PytorchForm pytorch = {};  // of a parameter; if empty, it stands in PyTorch's files as it is
  std::shared_ptr<const Array> constant = nullptr;  // what is no weight, but part of the function
};

/// True if no dim of the type is symbolic.
bool has_fixed_sizes(const Type& type);

/// What tracing makes. The parameters of the function are the arguments, then those variables that it uses,
/// by name; its results are the outputs, then the new values of `updated`.
struct Traced {
  std::unique_ptr<ir::Function> function;
  size_t arguments = 0, outputs = 0;
  std::map<std::string, Variable> variables;  // all that were declared
  std::vector<std::string> updated;
};

class Pace;

class Trace {
 public:
  /// Begins a trace on this thread. One that was under way rests until this one is destroyed.
  Trace(const std::string& name, bool training, Loc loc);
  /// Goes on with a function that was traced and then transformed: parameters are known by their labels.
  Trace(Traced traced, bool training);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// The trace of this thread; Error if there is none.
  static Trace& current(Loc loc);

  bool training() const { return training_; }
  ir::Function& function() const { return *levels_.back()->graph->function; }
  /// Appends to the innermost level.
  ir::Builder builder(Loc loc) const { return ir::Builder(*levels_.back()->graph, place(loc)); }
  /// A value of the innermost level as a tensor.
  Tensor tensor(ir::Value* value) const;
  /// The tensor's value in the innermost level: one from further out is captured. Error if it is out of its
  /// trace.
  ir::Value* value(const Tensor& tensor, Loc loc);
  /// The time indices of the scans being traced, outermost first, each i32[].
  std::vector<Tensor> time_indices() const;

  Tensor argument(const Type& type, const std::string& name, Loc loc);
  /// Declares a variable. Error if the name is taken.
  Tensor declare(const std::string& full_name, const Variable& variable);
  /// The variable of that name, declared now if it is not yet.
  Tensor declared(const std::string& full_name, const Variable& variable);
  /// Gives a variable its value after the call. Error if that does not fit it, or is the second.
  void update(const Tensor& variable, const Tensor& value, Loc loc);
  /// What holds updates back now; nullptr if nothing does.
  const Pace* pace() const { return pace_; }
  /// The name of a variable; nullptr if the tensor is another value.
  const std::string* name_of(const Tensor& variable) const;
  Variable& variable(const std::string& full_name) { return variables_.at(full_name); }

  /// The scopes open now in front of a name; Error if the name is unfit.
  std::string full_name(const std::string& name, Loc loc) const;
  void open_scope(const std::string& name) { scopes_.push_back(name); }
  void close_scope() { scopes_.pop_back(); }
  /// Takes the name of a random stream; Error if it is taken, or if a while would draw the same numbers in each run.
  void claim_stream(const std::string& full_name, Loc loc);

  /// Ends the trace: puts the function into canonical order.
  Traced finish(const std::vector<Tensor>& outputs, Loc loc);

 private:
  friend class Pace;
  friend class Region;
  struct Level {
    uint64_t id;
    ir::Graph* graph;
    ir::Value* time = nullptr;              // the index of a scan's body
    bool repeats = false;                   // a while's block: nothing tells its runs apart
    std::vector<ir::Value*> captured = {};  // values of the level below, as each became a parameter
    std::unordered_map<ir::Value*, ir::Value*> inner = {};
  };
  void push(ir::Graph& graph, ir::Value* time, bool repeats = false);
  ir::Value* capture(size_t level, ir::Value* value);
  void order_variables();

  Trace* resting_;
  bool training_;
  size_t arguments_ = 0;
  std::unique_ptr<ir::Function> function_;
  std::vector<std::unique_ptr<Level>> levels_;
  std::map<std::string, Variable> variables_;
  std::map<std::string, ir::Value*> values_;  // of variables, in the function's body
  std::map<std::string, ir::Value*> updates_;
  std::map<std::string, Loc> streams_;
  std::vector<std::string> scopes_;
  const Pace* pace_ = nullptr;
};

/// While it lives, update() has an effect only in calls in which `now`, i1[], holds. `updates_done`, i64[],
/// says how many such calls there were before.
class Pace {
 public:
  Pace(Trace& trace, const Tensor& now, const Tensor& updates_done);
  ~Pace() { trace_.pace_ = outer_; }
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  const Tensor now, updates_done;

 private:
  Trace& trace_;
  const Pace* outer_;
};

/// Opens a level that writes to `graph`, until it is destroyed. Values from outside come in as parameters,
/// appended after those that the graph has.
class Region {
 public:
  /// `time` is the parameter that holds a scan's index; nullptr if the graph is no scan's body. `repeats`: it is a
  /// while's block.
  Region(Trace& trace, ir::Graph& graph, ir::Value* time, Loc loc, bool repeats = false);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  /// The values of the level below that were captured, in the order of their parameters.
  const ir::Values& captured() const;

 private:
  Trace& trace_;
};

/// Makes the order of ops independent of the order in which C++ ran the user's expressions: depth-first from
/// the results, operands left to right. Drops what no result needs: ops, stacks and captures of scans.
void put_in_canonical_order(ir::Graph& graph);

}  // namespace rondo::detail
