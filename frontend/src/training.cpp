// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/training.h"

#include "passes/vjp.h"
#include "rondo/param.h"

namespace rondo::detail {

namespace {

Variable counter() { return {i64[{}], zeros_init(), false, Loc::unknown()}; }

// The function's parameters that are trained, by position.
std::vector<int> trained_params(const Traced& traced) {
  std::vector<int> positions;
  for (size_t i = traced.arguments; i < traced.function->param_infos.size(); ++i)
    if (traced.variables.at(traced.function->param_infos[i].label).trained)
      positions.push_back(static_cast<int>(i));
  return positions;
}

}  // namespace

Traced trace_function(const Request& request, bool training, std::vector<std::string>& result_names) {
  Trace trace("main", training, request.loc);
  std::vector<Tensor> arguments;
  for (const Type& type : request.types)
    arguments.push_back(trace.argument(type, "arg" + std::to_string(arguments.size()), request.loc));
  std::vector<Tensor> outputs;
  for (const auto& [name, tensor] : request.function(arguments)) {
    result_names.push_back(name);
    outputs.push_back(tensor);
  }
  if (training) {
    const Type& loss = outputs.at(0).type(request.loc);
    if (!loss.dtype.is_float() || loss.rank() != 0)
      fail(request.loc,
           "train_step: the loss must be one float, found " + loss.text() + "; reduce it, by mean(x)");
  }
  Traced traced = trace.finish(outputs, request.loc);
  check_symbols(traced);
  return traced;
}

Traced add_training(Traced traced, const Request& request) {
  const std::vector<int> trained = trained_params(traced);
  if (trained.empty())
    fail(request.loc, "train_step: the loss depends on no parameter: declare weights by param(name, dims)");
  const size_t forward = traced.function->body.results.size(), outputs = traced.outputs;
  traced.function = passes::value_and_grad(*traced.function, trained);
  traced.function->name = "main";

  Trace trace(std::move(traced), true);
  const ir::Graph& body = trace.function().body;
  std::vector<Tensor> results;
  for (size_t i = 0; i < outputs; ++i) results.push_back(trace.tensor(body.results[i]));
  std::vector<Trained> parameters;
  for (size_t i = 0; i < trained.size(); ++i)
    parameters.push_back({trace.function().param_infos[trained[i]].label,
                          trace.tensor(body.param(trained[i])), trace.tensor(body.results[forward + i])});
  request.optimizer(parameters);
  CalledFrom here(request.loc);
  trace.declared(kSeed, counter());
  trace.update(trace.declared(kStep, counter()), steps_done(request.loc) + 1, request.loc);
  return trace.finish(results, request.loc);
}

}  // namespace rondo::detail
