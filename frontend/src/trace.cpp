// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/trace.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstddef>
#include <optional>
#include <unordered_set>

#include "frontend/src/access.h"

namespace rondo {

namespace {

thread_local detail::Trace* current_trace = nullptr;
thread_local std::optional<Loc> caller;

std::atomic<uint64_t> next_level = 1;

}  // namespace

CalledFrom::CalledFrom(Loc loc) : outermost_(!caller.has_value()) {
  if (outermost_) caller = loc;
}

CalledFrom::~CalledFrom() {
  if (outermost_) caller.reset();
}

namespace detail {

Loc place(Loc loc) { return caller.value_or(loc); }

void fail(Loc loc, const std::string& what) { throw Error(place(loc).text() + ": " + what); }

bool has_fixed_sizes(const Type& type) {
  return std::all_of(type.dims.begin(), type.dims.end(), [](Dim dim) { return dim.is_constant(); });
}

Trace::Trace(const std::string& name, bool training, Loc loc)
    : resting_(current_trace), training_(training), function_(std::make_unique<ir::Function>(name)) {
  function_->loc = loc;
  push(function_->body, nullptr);
  current_trace = this;
}

Trace::Trace(Traced traced, bool training)
    : resting_(current_trace),
      training_(training),
      arguments_(traced.arguments),
      function_(std::move(traced.function)),
      variables_(std::move(traced.variables)) {
  for (size_t i = arguments_; i < function_->body.params.size(); ++i)
    values_[function_->param_infos[i].label] = function_->body.params[i].get();
  for (size_t i = 0; i < traced.updated.size(); ++i)
    updates_[traced.updated[i]] = function_->body.results[traced.outputs + i];
  push(function_->body, nullptr);
  current_trace = this;
}

Trace::~Trace() { current_trace = resting_; }

Trace& Trace::current(Loc loc) {
  if (current_trace == nullptr)
    fail(loc,
         "tensors are made only while a function is traced: do this inside the function that is given to "
         "compile or train_step");
  return *current_trace;
}

void Trace::push(ir::Graph& graph, ir::Value* time, bool repeats) {
  levels_.push_back(
      std::make_unique<Level>(Level{.id = next_level++, .graph = &graph, .time = time, .repeats = repeats}));
}

Tensor Trace::tensor(ir::Value* value) const { return Access::tensor(value, levels_.back()->id); }

ir::Value* Trace::value(const Tensor& tensor, Loc loc) {
  if (Access::value(tensor) == nullptr)
    fail(loc, "this tensor is empty: it was declared, but no value was assigned to it");
  const auto owner = std::find_if(levels_.begin(), levels_.end(),
                                  [&](const auto& level) { return level->id == Access::level(tensor); });
  if (owner == levels_.end())
    fail(loc,
         "this tensor has outlived its trace: a tensor lives only while the function, or the scan's cell, "
         "that "
         "made it is traced; let the function or the cell return it instead");
  ir::Value* value = Access::value(tensor);
  for (size_t level = owner - levels_.begin() + 1; level < levels_.size(); ++level)
    value = capture(level, value);
  return value;
}

ir::Value* Trace::capture(size_t level, ir::Value* value) {
  Level& into = *levels_[level];
  auto [entry, fresh] = into.inner.try_emplace(value);
  if (fresh) {
    entry->second = into.graph->add_param(value->type, value->name, value->loc);
    into.captured.push_back(value);
  }
  return entry->second;
}

std::vector<Tensor> Trace::time_indices() const {
  std::vector<Tensor> indices;
  for (const auto& level : levels_)
    if (level->time != nullptr) indices.push_back(Access::tensor(level->time, level->id));
  return indices;
}

Tensor Trace::argument(const Type& type, const std::string& name, Loc loc) {
  ++arguments_;
  return tensor(function_->add_param(type, name, {}, loc));
}

std::string Trace::full_name(const std::string& name, Loc loc) const {
  const bool fit = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
  if (!fit) fail(loc, "a name is made of letters, digits, '_', '-' and '.', found '" + name + "'");
  std::string full;
  for (const std::string& scope : scopes_) full += scope + ".";
  return full + name;
}

Tensor Trace::declare(const std::string& full_name, const Variable& variable) {
  const auto taken = variables_.find(full_name);
  if (taken != variables_.end())
    fail(variable.loc, "'" + full_name + "' is declared a second time, first at " + taken->second.loc.text() +
                           ": give it another name, or put it into a Scope");
  return declared(full_name, variable);
}

Tensor Trace::declared(const std::string& full_name, const Variable& variable) {
  variables_.try_emplace(full_name, variable);
  ir::Value*& value = values_[full_name];
  if (value == nullptr)
    value = function_->add_param(variable.type, full_name, {.label = full_name}, variable.loc);
  return Access::tensor(value, levels_[0]->id);
}

void Trace::update(const Tensor& variable, const Tensor& new_value, Loc loc) {
  const std::string* name = name_of(variable);
  if (name == nullptr) fail(loc, "update: the first tensor is no state: make it by state(name, ..)");
  const Variable& known = variables_.at(*name);
  if (known.constant != nullptr)
    fail(loc, "update: '" + *name + "' is a constant: what changes is a state(name, ..)");
  if (levels_.size() > 1)
    fail(loc, "update: '" + *name +
                  "' can't be updated inside a cell or a branch: let it return the value, and update it "
                  "with that outside, with run.last of a scan");
  ir::Value* updated = value(new_value, loc);
  if (updated->type != known.type)
    fail(loc, "update: '" + *name + "' is " + known.type.text() + ", its new value " + updated->type.text() +
                  ": they must agree");
  if (updates_.contains(*name)) fail(loc, "update: '" + *name + "' is updated a second time");
  if (pace_ != nullptr) updated = value(elementwise("select", {pace_->now, new_value, variable}, loc), loc);
  updates_[*name] = updated;
}

const std::string* Trace::name_of(const Tensor& variable) const {
  if (Access::level(variable) != levels_[0]->id) return nullptr;
  const auto found = std::find_if(values_.begin(), values_.end(),
                                  [&](const auto& each) { return each.second == Access::value(variable); });
  return found == values_.end() ? nullptr : &found->first;
}

void Trace::claim_stream(const std::string& full_name, Loc loc) {
  if (std::any_of(levels_.begin(), levels_.end(), [](const auto& level) { return level->repeats; }))
    fail(loc, "the random numbers '" + full_name +
                  "' would be the same in each run of the while_loop: draw them outside, or use a scan");
  const auto [taken, fresh] = streams_.try_emplace(full_name, place(loc));
  if (!fresh)
    fail(loc, "the random numbers '" + full_name + "' are drawn a second time, first at " +
                  taken->second.text() +
                  ", and would be the same ones: give them another name, or put them into a Scope");
}

// Arguments come first, in their order; of the variables, those in use follow by name.
void Trace::order_variables() {
  ir::Graph& body = function_->body;
  std::unordered_set<const ir::Value*> used(body.results.begin(), body.results.end());
  for (const auto& op : body.ops) used.insert(op->operands.begin(), op->operands.end());
  std::unordered_map<const ir::Value*, std::string> names;
  for (const auto& [name, value] : values_)
    if (used.contains(value)) names[value] = name;

  const auto first = body.params.begin() + static_cast<std::ptrdiff_t>(arguments_);
  const auto end =
      std::remove_if(first, body.params.end(), [&](const auto& p) { return !names.contains(p.get()); });
  std::sort(first, end, [&](const auto& a, const auto& b) { return names.at(a.get()) < names.at(b.get()); });
  body.params.erase(end, body.params.end());
  function_->param_infos.clear();
  for (size_t i = 0; i < body.params.size(); ++i) {
    body.params[i]->index = static_cast<int>(i);
    const std::string name = i < arguments_ ? "" : names.at(body.params[i].get());
    function_->param_infos.push_back({.donate = updates_.contains(name), .label = name});
  }
}

Traced Trace::finish(const std::vector<Tensor>& outputs, Loc loc) {
  Traced traced;
  ir::Graph& body = function_->body;
  body.results.clear();
  for (const Tensor& output : outputs) body.results.push_back(value(output, loc));
  for (const auto& [name, value] : updates_) {
    body.results.push_back(value);
    traced.updated.push_back(name);
  }
  put_in_canonical_order(body);

  order_variables();
  traced.function = std::move(function_);
  traced.arguments = arguments_;
  traced.outputs = outputs.size();
  traced.variables = std::move(variables_);
  return traced;
}

Pace::Pace(Trace& trace, const Tensor& now, const Tensor& updates_done)
    : now(now), updates_done(updates_done), trace_(trace), outer_(trace.pace_) {
  trace.pace_ = this;
}

Region::Region(Trace& trace, ir::Graph& graph, ir::Value* time, Loc loc, bool repeats) : trace_(trace) {
  if (trace.levels_.size() > static_cast<size_t>(ir::kMaxNesting))
    fail(loc, "scans and the like are nested more than " + std::to_string(ir::kMaxNesting) + " deep");
  trace_.push(graph, time, repeats);
}

Region::~Region() { trace_.levels_.pop_back(); }

const ir::Values& Region::captured() const { return trace_.levels_.back()->captured; }

}  // namespace detail
}  // namespace rondo
