// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include <set>

#include "ir/builder.h"

using namespace rondo;
using namespace rondo::ir;

TEST_CASE("every row is named once, documented, and states one derivative fact") {
  std::set<std::string> names;
  for (const OpRow* row : all_rows()) {
    CAPTURE(row->name);
    CHECK(names.insert(row->name).second);
    CHECK(find_row(row->name) == row);
    CHECK_FALSE(row->doc.empty());
    const bool infers = row->infer != nullptr, evaluates = row->evaluate != nullptr;
    CHECK(infers);
    CHECK(evaluates == (row->family != Family::kRegion));
    const Derivative& d = row->derivative;
    const int facts = !d.partials.empty() + (d.transpose != nullptr) + (d.joint_transpose != nullptr) +
                      (d.weights != nullptr) + !d.none.empty() + !d.by_pass.empty();
    CHECK(facts == 1);
    if (!d.partials.empty()) CHECK(d.partials.size() == row->operands.size());
    if (row->is_elementwise()) CHECK(row->operands.size() >= 1);
  }
}

TEST_CASE(
    "what an element-wise row does to f32 it does to f64 and bf16, whose results are of these where f32's "
    "are floats") {
  for (const OpRow* row : all_rows()) {
    CAPTURE(row->name);
    std::vector<const ElementMath*> maths = {&row->math};
    for (const auto& [word, math] : row->math_by_word) maths.push_back(&math);
    for (const ElementMath* math : maths) {
      CHECK(math->takes(f32) == math->takes(f64));
      CHECK(math->takes(f32) == math->takes(bf16));
      if (!math->takes(f32)) continue;
      const DType narrow = math->results[f32.id()], wide = math->results[f64.id()];
      CHECK(wide == (narrow == f32 ? f64 : narrow));
      CHECK(math->results[bf16.id()] == (narrow == f32 ? bf16 : narrow));
    }
  }
}
