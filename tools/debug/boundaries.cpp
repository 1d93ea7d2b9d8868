// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/debug/boundaries.h"

#include <limits>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/names.h"
#include "ir/op_row.h"
#include "ir/print.h"
#include "ir/scan.h"
#include "passes/pass_runner.h"
#include "passes/pipeline.h"

namespace rondo::tools {

using runtime::Array;

namespace {

// A boundary, and the value of a graph that holds what is found there.
struct Probe {
  Boundary boundary;
  ir::Value* value;
};

std::vector<Probe> probes_of(ir::Graph& graph);

// What stands in the body is stacked, and so becomes a result of the scan.
std::vector<Probe> probes_in_scan(ir::Op& op, int number) {
  std::vector<Probe> probes = probes_of(*op.regions[0]);
  const Dim length = ir::Scan(op).length();
  for (Probe& probe : probes) {
    probe.value = ir::add_stack(op, probe.value);
    probe.boundary.loops.insert(probe.boundary.loops.begin(), {length, ir::Scan(op).reverse()});
    probe.boundary.numbers.insert(probe.boundary.numbers.begin(), number);
  }
  return probes;
}

std::vector<Probe> probes_of(ir::Graph& graph) {
  const ir::Names names(graph);  // before anything is added
  std::vector<Probe> probes;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    ir::Op& op = *graph.ops[i];
    if (names.is_inline(op)) continue;
    const std::string text = ir::print(op), place = op.loc.known() ? op.loc.text() : "";
    const size_t results = op.results.size();
    const int number = static_cast<int>(i);
    if (op.row == &ir::ops::scan)
      for (Probe& probe : probes_in_scan(op, number)) probes.push_back(std::move(probe));
    for (size_t k = 0; k < results; ++k) {
      ir::Value* value = op.results[k].get();
      probes.push_back({{names.of(value), op.row->name, text, place, value->type, {}, {number}}, value});
    }
  }
  return probes;
}

}  // namespace

Probed probe(const ir::Function& function) {
  Probed probed{ir::clone_function(function, function.name), {}};
  passes::PassRunner runner({.reproducers = false, .debug = {}});
  for (const passes::Pass& pass : passes::lowering_pipeline())
    if (pass.run != passes::plan_memory) runner.run(pass, *probed.function);
  for (Probe& probe : probes_of(probed.function->body)) {
    probed.function->body.results.push_back(probe.value);
    probed.boundaries.push_back(std::move(probe.boundary));
  }
  return probed;
}

namespace {

// The time step in each loop, in the order of the run, that element i of a boundary's array was made in.
std::vector<int64_t> steps_of(const Boundary& boundary, const Array& array, int64_t i) {
  const size_t loops = boundary.loops.size();
  int64_t elements = 1;
  for (size_t d = loops; d < array.shape().size(); ++d) elements *= array.shape()[d];
  std::vector<int64_t> steps(loops);
  int64_t rest = i / elements;
  for (size_t k = loops; k-- > 0; rest /= array.shape()[k]) {
    const int64_t position = rest % array.shape()[k];
    steps[k] = boundary.loops[k].reverse ? array.shape()[k] - 1 - position : position;
  }
  return steps;
}

std::optional<std::vector<int64_t>> first_steps(const Boundary& boundary, const Array& found,
                                                const Array& expected) {
  std::optional<std::vector<int64_t>> first;
  for (int64_t i = 0; i < found.size(); ++i) {
    if (same_bits(found, expected, i)) continue;
    std::vector<int64_t> steps = steps_of(boundary, found, i);
    if (!first || steps < *first) first = std::move(steps);
  }
  return first;
}

// Sorts by the order of the run: op, time step, op in the loop, .. What a loop leaves comes after its steps.
std::vector<int64_t> moment(const Boundary& boundary, const std::vector<int64_t>& steps) {
  std::vector<int64_t> moment;
  for (size_t k = 0; k < boundary.numbers.size(); ++k) {
    moment.push_back(boundary.numbers[k]);
    if (k < steps.size()) moment.push_back(steps[k]);
  }
  if (boundary.op == ir::ops::scan.name) moment.push_back(std::numeric_limits<int64_t>::max());
  return moment;
}

}  // namespace

Inside compare_inside(const ir::Function& function, const Arrays& arguments,
                      const std::function<std::unique_ptr<backends::Executable>(const ir::Function&)>& make) {
  const Probed probed = probe(function);
  const Arrays found = run(*make(*probed.function), arguments);
  const Arrays expected = run(*reference::interpret(*probed.function), arguments);
  Inside inside{probed.boundaries, {}, {}};
  std::vector<int64_t> earliest;
  for (size_t i = 0; i < inside.boundaries.size(); ++i) {
    const Boundary& boundary = inside.boundaries[i];
    const Array &x = found[function.body.results.size() + i], &y = expected[function.body.results.size() + i];
    inside.differences.push_back(largest_difference(x, y));
    const auto steps = first_steps(boundary, x, y);
    if (!steps) continue;
    std::vector<int64_t> when = moment(boundary, *steps);
    if (inside.first && earliest <= when) continue;
    inside.first = Inside::First{i, *steps};
    earliest = std::move(when);
  }
  return inside;
}

}  // namespace rondo::tools
