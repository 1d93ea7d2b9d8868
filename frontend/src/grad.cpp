// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/grad.h"

#include "frontend/src/trace.h"
#include "passes/jvp.h"
#include "passes/vjp.h"

namespace rondo::detail {

namespace {

// The function is traced as one of its own, so that its derivative is known before it is used: the forward
// part that is appended here already keeps what the backward part needs.
std::unique_ptr<ir::Function> traced_apart(
    Trace& trace, const std::function<NamedTensors(const std::vector<Tensor>&)>& function,
    const std::vector<Tensor>& arguments, ir::Values& captured, Loc loc) {
  auto inner = std::make_unique<ir::Function>("differentiated");
  inner->take_facts(trace.function());
  for (const Tensor& argument : arguments) inner->body.add_param(argument.type(loc));

  Region region(trace, inner->body, nullptr, loc);
  std::vector<Tensor> own;
  for (const auto& param : inner->body.params) own.push_back(trace.tensor(param.get()));
  for (const auto& [name, tensor] : function(own)) inner->body.results.push_back(trace.value(tensor, loc));
  captured = region.captured();
  inner->param_infos.resize(inner->body.params.size());
  put_in_canonical_order(inner->body);
  return inner;
}

// Writes a derivative of the function apart into the trace: `first` for its parameters that are those of the
// function's arguments, then what the function captured, then `rest`.
std::vector<Tensor> inlined(Trace& trace, const ir::Function& inner, const ir::Function& derivative,
                            const std::vector<Tensor>& first, const ir::Values& captured,
                            const std::vector<Tensor>& rest, Loc loc) {
  trace.function().derived = inner.derived;  // what it had, and what came with the function
  for (const ir::Guard& guard : inner.guards)
    trace.function().require(guard.left, guard.equal, guard.right, guard.loc);
  ir::Values arguments;
  for (const Tensor& tensor : first) arguments.push_back(trace.value(tensor, loc));
  arguments.insert(arguments.end(), captured.begin(), captured.end());
  for (const Tensor& tensor : rest) arguments.push_back(trace.value(tensor, loc));
  std::map<const ir::Value*, ir::Value*> values;
  for (size_t i = 0; i < arguments.size(); ++i) values[derivative.body.params[i].get()] = arguments[i];
  ir::Builder b = trace.builder(loc);
  ir::clone_ops(derivative.body, b, values);
  std::vector<Tensor> results;
  for (const ir::Value* result : derivative.body.results) results.push_back(trace.tensor(values.at(result)));
  return results;
}

void check_types(const Type& value, const std::vector<Tensor>& arguments, Loc loc) {
  if (!value.dtype.is_float() || value.rank() != 0)
    fail(loc, "grad: the function must return one float, found " + value.text() +
                  "; reduce it, by sum(x) or mean(x)");
  for (size_t i = 0; i < arguments.size(); ++i)
    if (!arguments[i].dtype(loc).is_float())
      fail(loc, "grad: argument " + std::to_string(i) + " is " + arguments[i].type(loc).text() +
                    ", only floats have gradients: capture it instead, grad([&](Tensor x) { return f(x, "
                    "labels); })");
}

}  // namespace

ValueAndGradLists value_and_grad_lists(
    const std::function<NamedTensors(const std::vector<Tensor>&)>& function,
    const std::vector<Tensor>& arguments, Loc loc) {
  Trace& trace = Trace::current(loc);
  ir::Values captured;
  const auto inner = traced_apart(trace, function, arguments, captured, loc);
  check_types(inner->body.results.at(0)->type, arguments, loc);
  std::vector<int> wrt;
  for (size_t i = 0; i < arguments.size(); ++i) wrt.push_back(static_cast<int>(i));
  const auto both = passes::value_and_grad(*inner, wrt);
  std::vector<Tensor> results = inlined(trace, *inner, *both, arguments, captured, {}, loc);
  const auto first_gradient = results.begin() + static_cast<std::ptrdiff_t>(inner->body.results.size());
  return {{results.begin(), first_gradient}, {first_gradient, results.end()}};
}

JvpLists jvp_lists(const std::function<NamedTensors(const std::vector<Tensor>&)>& function,
                   const std::vector<Tensor>& arguments, const std::vector<Tensor>& tangents, Loc loc) {
  Trace& trace = Trace::current(loc);
  std::vector<int> wrt;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Type &type = arguments[i].type(loc), &tangent = tangents[i].type(loc);
    if (!type.dtype.is_float() || type != tangent)
      fail(loc, "jvp: argument " + std::to_string(i) + " is " + type.text() + ", its tangent " +
                    tangent.text() +
                    ": both must be of one float type; other tensors are captured, [&](Tensor x) { .. }");
    wrt.push_back(static_cast<int>(i));
  }
  ir::Values captured;
  const auto inner = traced_apart(trace, function, arguments, captured, loc);
  for (const ir::Value* result : inner->body.results)
    if (!result->type.dtype.is_float())
      fail(loc, "jvp: the function returns " + result->type.text() + ", only floats have tangents");
  const auto both = passes::jvp(*inner, {.wrt = wrt});
  std::vector<Tensor> results = inlined(trace, *inner, *both, arguments, captured, tangents, loc);
  const auto first_tangent = results.begin() + static_cast<std::ptrdiff_t>(inner->body.results.size());
  return {{results.begin(), first_tangent}, {first_tangent, results.end()}};
}

}  // namespace rondo::detail
