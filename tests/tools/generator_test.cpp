// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "passes/passes.h"
#include "tools/fuzz/generator.h"
#include "tools/fuzz/inputs.h"

using namespace rondo;
using namespace rondo::fuzz;

TEST_CASE("every row that a user can write is drawn, and what it computes is used") {
  std::map<const ir::OpRow*, int> seen;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const auto function = Generator(random, {}).make("f");
    passes::remove_dead_code(*function);
    ir::for_each_op(function->body, [&](const ir::Op& op) { ++seen[op.row]; });
  }
  for (const ir::OpRow* row : ir::all_rows()) {
    CAPTURE(row->name);
    const bool made_by_passes = row == &ir::ops::fusion || row == &ir::ops::rows || row == &ir::ops::job;
    CHECK(Generator::can_draw(*row) == !made_by_passes);
    CHECK((made_by_passes ? seen[row] == 0 : seen[row] >= 20));
  }
}

namespace {

// What a program at these sizes would put to the test, by name.
class Census {
 public:
  void add(const ir::Function& function, const Sizes& sizes) {
    seen_.clear();
    if (sizes.at("T") == 0) seen_.insert("no time step");
    if (sizes.at("B") == 1) seen_.insert("a batch of one");
    for (size_t i = 0; i < function.param_infos.size(); ++i)
      if (function.param_infos[i].donate)
        look_at_donated(function, function.body.param(static_cast<int>(i))->type);
    ir::for_each_op(function.body, [&](const ir::Op& op) { look_at(op, sizes); });
    for (const std::string& name : seen_) ++programs[name];
  }

  std::map<std::string, int> programs;

 private:
  void look_at_donated(const ir::Function& function, const Type& type) {
    seen_.insert("donation");
    for (const ir::Value* result : function.body.results)
      if (result->op != nullptr && result->type == type) seen_.insert("donation that a result may take");
  }

  void look_at(const ir::Op& op, const Sizes& sizes) {
    for (const auto& result : op.results)
      if (result->type.size().evaluate(sizes) == 0) return;
    if (op.row == &ir::ops::scan && op.graph->owner != nullptr) seen_.insert("nested scan");
    if (op.row == &ir::ops::reduce_sum || op.row == &ir::ops::reduce_max || op.row == &ir::ops::reduce_min) {
      const Type& x = op.operands[0]->type;
      const auto dims = op.ints_attr("dims");
      const bool inner = !dims.empty() && dims.back() == x.rank() - 1;
      if (inner && x.dims.back().evaluate(sizes) > 4096) seen_.insert("reduction of several blocks");
    }
    if (op.row == &ir::ops::dot) look_at_dot(op, sizes);
  }

  void look_at_dot(const ir::Op& op, const Sizes& sizes) {
    if (op.operands[0]->type.dtype == bf16) seen_.insert("dot of bf16");
    int64_t contracted = 0;
    for (int64_t dim : op.ints_attr("contract", 0))
      contracted = std::max(contracted, op.operands[0]->type.dims[dim].evaluate(sizes));
    if (contracted <= 128) return;
    seen_.insert("dot of several blocks");
    // The innermost dim of the result is columns, the one before rows.
    const std::vector<Dim>& z = op.result()->type.dims;
    if (z.empty() || z.back().evaluate(sizes) < 128) return;
    seen_.insert("dot of several blocks and panels");
    if (z.size() > 1 && z[z.size() - 2].evaluate(sizes) >= 48) seen_.insert("dot of packed panels");
  }

  std::set<std::string> seen_;
};

}  // namespace

TEST_CASE("sizes, donations and nesting that are rare in small programs are drawn often enough") {
  Census census;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    GeneratorOptions options;
    options.ops = static_cast<int>(random.between(3, 24));
    const auto function = Generator(random, options).make("f");
    passes::remove_dead_code(*function);
    if (const auto sizes = draw_sizes(*function, random)) census.add(*function, *sizes);
  }
  const std::map<std::string, int> least = {
      {"donation", 400},
      {"donation that a result may take", 300},
      {"no time step", 90},
      {"a batch of one", 80},
      {"nested scan", 25},
      {"reduction of several blocks", 8},
      {"dot of bf16", 30},
      {"dot of several blocks", 18},
      {"dot of several blocks and panels", 7},
      {"dot of packed panels", 4},
  };
  for (const auto& [name, times] : least) {
    CAPTURE(name);
    CHECK(census.programs[name] >= times);
  }
}
