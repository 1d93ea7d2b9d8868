// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/passes/programs.h"

#include <algorithm>
#include <cmath>

#include "passes/vjp.h"

namespace rondo::test {

Values scan(Builder& b, Dim length, const ScanOptions& options, const Body& body) {
  auto graph = std::make_unique<ir::Graph>(&b.function());
  Step step{.index = graph->add_param(i32[{}], "t"), .over = {}, .carry = {}, .use = {}};
  for (Value* x : options.over)
    step.over.push_back(
        graph->add_param({x->type.dtype, {x->type.dims.begin() + 1, x->type.dims.end()}}, x->name));
  for (Value* x : options.carry) step.carry.push_back(graph->add_param(x->type, x->name));
  for (Value* x : options.use) step.use.push_back(graph->add_param(x->type, x->name));
  Builder inner(*graph);
  Yield yield = body(inner, step);
  graph->results = yield.carry;
  graph->results.insert(graph->results.end(), yield.stack.begin(), yield.stack.end());

  Values operands = options.over;
  operands.insert(operands.end(), options.carry.begin(), options.carry.end());
  operands.insert(operands.end(), options.use.begin(), options.use.end());
  std::vector<ir::Attr> attrs = {ir::make_attr(ir::ops::scan, "length", {length})};
  if (options.reverse) attrs.push_back(ir::make_attr(ir::ops::scan, "reverse", {}));
  std::vector<std::unique_ptr<ir::Graph>> regions;
  regions.push_back(std::move(graph));
  const std::vector<int> groups = {static_cast<int>(options.over.size()),
                                   static_cast<int>(options.carry.size()),
                                   static_cast<int>(options.use.size())};
  ir::Op* op = b.emit_region(ir::ops::scan, operands, groups, attrs, std::move(regions), {});
  Values results;
  for (const auto& result : op->results) results.push_back(result.get());
  return results;
}

double normal(size_t, Random& random) { return std::normal_distribution<double>()(random); }

std::vector<Array> arguments(const Function& function, const Sizes& sizes, Random& random, const Draw& draw) {
  std::vector<Array> arrays;
  for (size_t i = 0; i < function.body.params.size(); ++i) {
    const Type& type = function.body.params[i]->type;
    Array array = Array::zeros(backends::element_type(type.dtype), backends::shape_of(type, sizes));
    ir::HostArray host(type.dtype, array.shape());
    for (int64_t k = 0; k < array.size(); ++k) {
      const double value = type.dtype.is_float() ? draw(i, random) : static_cast<double>(random() % 2);
      if (type.dtype == f64) array.data<double>()[k] = value;
      if (type.dtype == f32) array.data<float>()[k] = static_cast<float>(value);
      if (type.dtype == i32) array.data<int32_t>()[k] = static_cast<int32_t>(value);
      if (type.dtype == i64) array.data<int64_t>()[k] = static_cast<int64_t>(value);
      if (type.dtype == i1) array.data<bool>()[k] = value != 0;
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

std::vector<Array> run(const Function& function, const std::vector<Array>& arguments) {
  std::vector<Array*> pointers;
  for (const Array& array : arguments) pointers.push_back(const_cast<Array*>(&array));
  return reference::interpret(function)->run(pointers);
}

namespace {

bool is_float(const Array& array) { return array.type() == runtime::ElementType::f64; }

double inner_product(const Array& x, const Array& y) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(); ++i) sum += x.data<double>()[i] * y.data<double>()[i];
  return sum;
}

// The sum of weights times results at x + step * direction.
double along(const Function& f, const std::vector<Array>& x, const std::vector<Array>& direction,
             const std::vector<Array>& weights, double step) {
  std::vector<Array> moved = x;
  for (size_t i = 0, k = 0; i < x.size(); ++i) {
    if (!is_float(x[i])) continue;
    for (int64_t j = 0; j < x[i].size(); ++j)
      moved[i].data<double>()[j] += step * direction[k].data<double>()[j];
    ++k;
  }
  double sum = 0;
  size_t k = 0;
  for (const Array& result : run(f, moved))
    if (is_float(result)) sum += inner_product(weights[k++], result);
  return sum;
}

Array drawn_like(const Array& x, Random& random) {
  Array drawn = Array::zeros(x.type(), x.shape());
  for (double& element : drawn.data<double>()) element = normal(0, random);
  return drawn;
}

double direction_error(const Function& f, const Function& gradient, const std::vector<Array>& x,
                       Random& random) {
  std::vector<Array> weights, direction;
  for (const Array& result : run(f, x))
    if (is_float(result)) weights.push_back(drawn_like(result, random));
  for (const Array& each : x)
    if (is_float(each)) direction.push_back(drawn_like(each, random));

  std::vector<Array> both = x;
  both.insert(both.end(), weights.begin(), weights.end());
  const std::vector<Array> gradients = run(gradient, both);
  double exact = 0, scale = 1e-6;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const double part = inner_product(gradients[i], direction[i]);
    exact += part;
    scale += 1e-2 * std::fabs(part);
  }
  const auto difference = [&](double h) {
    return (along(f, x, direction, weights, h) - along(f, x, direction, weights, -h)) / (2 * h);
  };
  const double h = 1e-4;
  const double numeric = (4 * difference(h / 2) - difference(h)) / 3;
  const double error = std::fabs(exact - numeric) / std::max({std::fabs(exact), std::fabs(numeric), scale});
  return std::isfinite(error) ? error : HUGE_VAL;
}

}  // namespace

double gradient_error(const Function& function, const Sizes& sizes, Random& random, const Draw& draw) {
  const auto gradient = passes::vjp(function);
  double worst = 0;
  for (int repeat = 0; repeat < 3; ++repeat)
    worst = std::max(worst,
                     direction_error(function, *gradient, arguments(function, sizes, random, draw), random));
  return worst;
}

}  // namespace rondo::test
