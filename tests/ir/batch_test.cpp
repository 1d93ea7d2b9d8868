// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/batch.h"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "ir/builder.h"
#include "ir/parse.h"
#include "ir/structural.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

// Writes the op at many times, some of its operands with a dim for them, and then what that does at one time.
void check_one_time(const Op& op, const std::vector<bool>& batched) {
  const Dim times("Times");
  Graph many(op.graph->function), one(op.graph->function);
  Builder to_many(many, op.loc), to_one(one, op.loc);
  Batched x{to_many, {}, batched, times};
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Type& type = op.operands[i]->type;
    x.values.push_back(many.add_param(batched[i] ? batched_type(type, times) : type));
  }
  batch_op(op, x);
  // What needs more ops, to spread operands or to move dims, is seen where these ops are.
  if (many.ops.size() != 1) return;
  const Op& wide = *many.ops[0];
  CAPTURE(op.row->name);
  REQUIRE(can_unbatch(wide, batched));
  AtOneTime y{to_one, {}, batched};
  for (const Value* operand : op.operands) y.values.push_back(one.add_param(operand->type));
  unbatch_op(wide, y);
  REQUIRE(one.ops.size() == 1);
  CHECK(same_form(*one.ops[0], op));
}

}  // namespace

TEST_CASE("what an op at all times does at one of them is the op") {
  std::stringstream text;
  text << std::ifstream("tests/ir/every-op.rondo").rdbuf();
  const Module module = parse(text.str(), "every-op.rondo");
  std::set<std::string> seen;
  for (const auto& function : module.functions)
    for_each_op(function->body, [&](const Op& op) {
      if (op.operands.empty() || !op.regions.empty() || op.row->family == Family::kIndexed ||
          op.row->family == Family::kError)
        return;
      const size_t count = std::min<size_t>(op.operands.size(), 4);
      for (unsigned bits = 1; bits < 1u << count; ++bits) {
        std::vector<bool> batched(op.operands.size(), true);
        for (size_t i = 0; i < count; ++i) batched[i] = (bits >> i & 1) != 0;
        if (!can_batch(op, batched, Dim("Times"))) continue;
        check_one_time(op, batched);
        seen.insert(op.row->name);
      }
    });
  CHECK(seen.size() > 50);
}

TEST_CASE("made values at one time, unless they say which one it is") {
  Function f("f");
  Builder b(f.body);
  const Type wide = i32[{Dim("T"), 3}];
  const Op& constant = *b.constant(wide, 7)->op;
  CHECK(can_unbatch(constant, {}));
  CHECK(can_unbatch(*b.iota(wide, 1)->op, {}));
  CHECK_FALSE(can_unbatch(*b.iota(wide, 0)->op, {}));
  Graph one(&f);
  Builder to_one(one);
  CHECK(unbatch_op(constant, {to_one, {}, {}})[0]->type == i32[{3}]);
}

TEST_CASE("what mixes times does nothing at one time") {
  Function f("f");
  const Dim T("T");
  Value* x = f.add_param(f32[{T, 4}], "x");
  Builder b(f.body);
  CHECK_FALSE(can_unbatch(*b.reduce_sum(x, {0})->op, {true}));
  CHECK_FALSE(can_unbatch(*b.reshape(x, {4, T})->op, {true}));
  CHECK_FALSE(can_unbatch(*b.pad(x, {1, 0}, {0, 0}, 0.0)->op, {true}));
  CHECK_FALSE(can_unbatch(*b.dot(x, x, {1}, {1})->op, {true, true}));
  CHECK(can_unbatch(*b.dot(x, x, {1}, {1})->op, {true, false}));
  CHECK_FALSE(can_unbatch(*b.dot(x, x, {1}, {1})->op, {false, true}));
}
