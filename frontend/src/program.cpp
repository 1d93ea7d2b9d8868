// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <chrono>
#include <list>

#include "backends/registry/backend.h"
#include "frontend/src/initial_value.h"
#include "frontend/src/training.h"
#include "ir/print.h"
#include "passes/pass_runner.h"
#include "passes/pipeline.h"
#include "rondo/compile.h"
#include "rondo/param.h"
#include "runtime/workers.h"

// From the user's function to an executable, and the calls of it.
namespace rondo::detail {

namespace {

template <class T>
std::string names_of(std::span<const T> list) {
  std::string names;
  for (const T& entry : list) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

std::unique_ptr<backends::Executable> make_executable(const ir::Function& function, const Request& request,
                                                      const passes::PassRunner::Options& watch) {
  const Options& options = request.options;
  const backends::Backend* backend = backends::find_backend(options.backend);
  if (backend == nullptr)
    fail(request.loc,
         "there is no backend '" + options.backend + "'; there are: " + names_of(backends::all_backends()));
  const backends::Dots* dots = backends::find_dots(options.dots);
  if (dots == nullptr)
    fail(request.loc,
         "'" + options.dots + "' computes no dots; what does: " + names_of(backends::all_dots()));
  if (dots->library != nullptr && !backend->takes_library)
    fail(request.loc, "the backend '" + options.backend + "' computes dots itself: leave dots to '" +
                          options.dots + "' on another backend");
  if (options.threads < 0 || options.threads > runtime::Workers::kMost)
    fail(request.loc, "threads is " + std::to_string(options.threads) + ", expected 1 to " +
                          std::to_string(runtime::Workers::kMost) + ", or 0 for one on each CPU");
  if (options.memory > 0 && !backend->takes_limit)
    fail(request.loc, "the backend '" + options.backend + "' takes no limit of memory: leave memory at 0");
  return backend->make(function, *dots, options.threads, options.memory, watch);
}

// Passes that may be left out: all but the one without which there is no code.
void check_without(const Request& request) {
  for (const std::string& name : request.options.without) {
    if (passes::find_pass(name) == nullptr) fail(request.loc, "without: there is no pass '" + name + "'");
    if (name == "plan-memory")
      fail(request.loc, "without: plan-memory cannot be left out: it says where values are");
  }
}

void check_precision(const Request& request) {
  const std::string& precision = request.options.precision;
  if (precision != "f32" && precision != "bf16")
    fail(request.loc, "precision is '" + precision + "', expected f32 or bf16");
  if (precision == "bf16" && request.options.dots == "onednn")
    fail(request.loc, "precision is bf16, and oneDNN computes dots of f32: leave dots to 'llvm'");
}

void check_memory(const Request& request) {
  if (request.options.memory < 0)
    fail(request.loc, "memory is " + std::to_string(request.options.memory) +
                          " bytes, expected 1 or more, or 0 for what the machine has");
}

// An error that an op recorded has the place of the op; every other one is of this call.
template <class Call>
auto placed(Loc loc, Call&& call) {
  try {
    return call();
  } catch (const backends::RecordedError&) {
    throw;
  } catch (const Error& error) {
    fail(loc, error.what());
  } catch (const runtime::Failure& failure) {
    fail(loc, failure.what());
  } catch (const std::bad_alloc&) {
    fail(loc, "out of memory");
  }
}

}  // namespace

struct Program::Parts {
  Traced traced;                          // its function is the one that runs
  std::unique_ptr<ir::Function> initial;  // as it was traced
  std::shared_ptr<const std::vector<std::string>> result_names;
  std::unique_ptr<backends::Executable> executable;
  double compile_ms = 0;
};

Program::Program(Request request) : parts_(std::make_unique<Parts>()) {
  const bool training = request.optimizer != nullptr;
  check_without(request);
  check_precision(request);
  check_memory(request);
  passes::PassRunner::Options watch;
  watch.without = request.options.without;
  if (!request.options.dump.empty()) {
    passes::clear_dump(request.options.dump);
    watch.debug.dump = request.options.dump;
  }
  passes::PassRunner runner(watch);

  std::vector<std::string> names;
  Traced& traced = parts_->traced;
  traced = trace_function(request, training, names);
  parts_->result_names = std::make_shared<const std::vector<std::string>>(std::move(names));
  parts_->initial = ir::clone_function(*traced.function, traced.function->name);
  const auto start = std::chrono::steady_clock::now();
  runner.observe("trace", *traced.function);
  runner.run(passes::traced_pipeline(), *traced.function);
  if (training) {
    traced = add_training(std::move(traced), request);
    runner.observe("train", *traced.function);
  }
  runner.run(passes::optimisation_pipeline(), *traced.function);
  if (request.options.precision == "bf16") runner.run(passes::bf16_pipeline(), *traced.function);
  if (request.options.memory > 0) runner.run(passes::memory_pipeline(), *traced.function);
  runner.run(passes::loops_pipeline(), *traced.function);
  parts_->executable = make_executable(*traced.function, request, watch);
  parts_->compile_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Program::~Program() = default;

const std::shared_ptr<const std::vector<std::string>>& Program::result_names() const {
  return parts_->result_names;
}
std::string Program::traced() const { return ir::print(*parts_->initial); }
std::string Program::optimised() const { return ir::print(*parts_->traced.function); }

Counters Program::counters() const {
  Counters counters = parts_->executable->counters();
  counters.compile_ms = parts_->compile_ms;
  return counters;
}

Weights Program::init(uint64_t seed, Loc loc) const {
  return placed(loc, [&] {
    Weights weights;
    for (const auto& [name, variable] : parts_->traced.variables) {
      if (variable.constant != nullptr) continue;
      if (has_fixed_sizes(variable.type))
        weights.set(name, initial_value(name, variable, backends::shape_of(variable.type, {}), seed));
      else
        weights.set_unsized(name);
      if (variable.trained)
        weights.set_pytorch_form(name,
                                 variable.pytorch.empty() ? PytorchForm{{.name = name}} : variable.pytorch);
    }
    return weights;
  });
}

namespace {

// What the arguments, of the ranks expected, say about symbols; whether they agree is checked where all are
// matched.
Sizes sizes_of(const ir::Graph& body, const std::vector<const Array*>& arguments) {
  Sizes sizes;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::vector<Dim>& dims = body.params[i]->type.dims;
    for (size_t k = 0; k < dims.size(); ++k)
      if (dims[k].is_symbol()) sizes.emplace(dims[k].text(), arguments[i]->shape()[k]);
  }
  return sizes;
}

// The weights that a call uses.
class CalledWeights {
 public:
  CalledWeights(const Traced& traced, const Weights& weights, const std::vector<const Array*>& arguments,
                Loc loc)
      : traced_(traced), weights_(weights), loc_(loc), sizes_(sizes_of(traced.function->body, arguments)) {
    const ir::Function& function = *traced.function;
    std::string missing;
    for (size_t i = traced.arguments; i < function.body.params.size(); ++i) {
      const std::string& name = function.param_infos[i].label;
      const Array* array = find(name, function.body.params[i]->type);
      if (array == nullptr)
        missing += (missing.empty() ? "" : ", ") + name + " " + function.body.params[i]->type.text();
      arrays_.push_back(array);
    }
    if (!missing.empty())
      fail(loc,
           "the weights lack " + missing + ": they come from init(seed), or from a file that holds them");
  }

  const std::vector<const Array*>& arrays() const { return arrays_; }
  /// States that got their first value in this call.
  std::list<std::pair<std::string, Array>>& begun() { return begun_; }

 private:
  const Array* find(const std::string& name, const Type& type) {
    const Variable& variable = traced_.variables.at(name);
    if (variable.constant != nullptr) return variable.constant.get();
    const bool there = weights_.contains(name);
    if (has_fixed_sizes(type)) return there ? &weights_.at(name) : nullptr;
    const auto shape = placed(loc_, [&] { return backends::shape_of(type, sizes_); });
    if (!there) {
      const int64_t seed = weights_.contains(kSeed) ? weights_.at(kSeed).item<int64_t>() : 0;
      begun_.emplace_back(name, placed(loc_, [&] { return initial_value(name, variable, shape, seed); }));
      return &begun_.back().second;
    }
    if (weights_.at(name).shape() != shape)
      fail(loc_, "the state '" + name + "' is " + type_text(weights_.at(name)) +
                     " from an earlier call, now it should be " +
                     type_text(backends::element_type(type.dtype), shape) + "; weights.reset(\"" + name +
                     "\") lets it begin anew");
    return &weights_.at(name);
  }

  const Traced& traced_;
  const Weights& weights_;
  Loc loc_;
  Sizes sizes_;
  std::vector<const Array*> arrays_;
  std::list<std::pair<std::string, Array>> begun_;
};

}  // namespace

std::vector<Array> Program::run(const Weights& weights, Weights* changing,
                                const std::vector<const Array*>& arguments, Loc loc) const {
  const Traced& traced = parts_->traced;
  if (changing == nullptr && !traced.updated.empty())
    fail(loc, "the function changes '" + traced.updated[0] + "': call it with weights that are not const");
  const backends::Executable& executable = *parts_->executable;
  placed(loc, [&] {
    for (size_t i = 0; i < arguments.size(); ++i) executable.signature().check_array(i, *arguments[i]);
  });
  CalledWeights called(traced, weights, arguments, loc);

  // Only donated arrays change, and those are of weights that may.
  std::vector<Array*> arrays;
  for (const Array* array : arguments) arrays.push_back(const_cast<Array*>(array));
  for (const Array* array : called.arrays()) arrays.push_back(const_cast<Array*>(array));
  std::vector<Array> results = placed(loc, [&] { return executable.run(arrays); });

  if (changing != nullptr) {
    for (auto& [name, array] : called.begun()) changing->set(name, std::move(array));
    for (size_t i = 0; i < traced.updated.size(); ++i)
      changing->set(traced.updated[i], std::move(results[traced.outputs + i]));
  }
  results.resize(traced.outputs);
  return results;
}

}  // namespace rondo::detail
