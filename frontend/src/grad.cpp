// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/grad.h"

#include "frontend/src/trace.h"
#include "passes/vjp.h"

namespace rondo::detail {

namespace {

// The function is traced as one of its own, so that its derivative is known before it is used: the forward
// part that is appended here already keeps what the backward part needs.
std::unique_ptr<ir::Function> traced_apart(
    Trace& trace, const std::function<NamedTensors(const std::vector<Tensor>&)>& function,
    const std::vector<Tensor>& arguments, ir::Values& captured, Loc loc) {
  auto inner = std::make_unique<ir::Function>("differentiated");
  inner->guards = trace.function().guards;
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
  for (const ir::Guard& guard : inner->guards)
    trace.function().require(guard.left, guard.equal, guard.right, guard.loc);

  std::vector<int> wrt;
  for (size_t i = 0; i < arguments.size(); ++i) wrt.push_back(static_cast<int>(i));
  const auto both = passes::value_and_grad(*inner, wrt);

  std::map<const ir::Value*, ir::Value*> values;
  for (size_t i = 0; i < both->body.params.size(); ++i)
    values[both->body.params[i].get()] =
        i < arguments.size() ? trace.value(arguments[i], loc) : captured[i - arguments.size()];
  ir::Builder b = trace.builder(loc);
  ir::clone_ops(both->body, b, values);

  ValueAndGradLists lists;
  const size_t results = inner->body.results.size();
  for (size_t i = 0; i < both->body.results.size(); ++i)
    (i < results ? lists.value : lists.gradient).push_back(trace.tensor(values.at(both->body.results[i])));
  return lists;
}

}  // namespace rondo::detail
