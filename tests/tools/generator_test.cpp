// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <map>

#include "passes/passes.h"
#include "tools/fuzz/generator.h"

using namespace rondo;
using namespace rondo::fuzz;

TEST_CASE("every row that a user can write is drawn, and what it computes is used") {
  std::map<const ir::OpRow*, int> seen;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const auto function = Generator(random, {}).make("f");
    passes::remove_dead_code(*function);
    ir::for_each_op(function->body, [&](const ir::Op& op) { ++seen[op.row]; });
  }
  for (const ir::OpRow* row : ir::all_rows()) {
    CAPTURE(row->name);
    const bool made_by_passes = row == &ir::ops::fusion;
    CHECK(Generator::can_draw(*row) == !made_by_passes);
    CHECK((made_by_passes ? seen[row] == 0 : seen[row] >= 20));
  }
}
