// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/structural.h"

#include <doctest/doctest.h>

#include "ir/builder.h"

using namespace rondo;
using namespace rondo::ir;

namespace {

struct Pieces {
  std::string prefix = {};
  double factor = 2.0;
  const char* word = "lt";
  bool swapped = false;
};

std::unique_ptr<Function> make(const Pieces& pieces) {
  auto f = std::make_unique<Function>(pieces.prefix + "f");
  const Dim B("B");
  Value* x = f->add_param(f32[{B}], pieces.prefix + "x");
  Value* y = f->add_param(f32[{B}], pieces.prefix + "y");
  Builder b(f->body, Loc::in(pieces.prefix + ".cpp", 1));
  Value* product = b.mul(pieces.swapped ? y : x, b.like(x, pieces.factor));
  f->body.results = {b.select(b.compare(pieces.word, x, y), product, y)};
  return f;
}

}  // namespace

TEST_CASE("functions are equal up to names, places and annotations") {
  const auto f = make({.prefix = "a"}), g = make({.prefix = "b"});
  g->body.ops[1]->set_attr("buffers", {ints({1, 2})});
  CHECK(equal_up_to_names(*f, *g));
  for (size_t i = 0; i < f->body.ops.size(); ++i) {
    CHECK(same_form(*f->body.ops[i], *g->body.ops[i]));
    CHECK(hash_of_form(*f->body.ops[i]) == hash_of_form(*g->body.ops[i]));
  }
}

TEST_CASE("a number, a word, an operand, a type or a label makes functions differ") {
  const auto f = make({});
  CHECK_FALSE(equal_up_to_names(*f, *make({.factor = 3.0})));
  CHECK_FALSE(equal_up_to_names(*make({.factor = 0.0}), *make({.factor = -0.0})));
  CHECK_FALSE(equal_up_to_names(*f, *make({.word = "le"})));
  CHECK_FALSE(equal_up_to_names(*f, *make({.swapped = true})));
  auto labelled = make({});
  labelled->param_infos[0].label = "W";
  CHECK_FALSE(equal_up_to_names(*f, *labelled));
  auto guarded = make({});
  guarded->require(Dim("B"), true, 4, Loc("mine.cpp", 1));
  CHECK_FALSE(equal_up_to_names(*f, *guarded));
}

TEST_CASE("operands do not count in an op's form") {
  const auto f = make({}), g = make({.swapped = true});
  CHECK(same_form(*f->body.ops[1], *g->body.ops[1]));
  CHECK(hash_of_form(*f->body.ops[1]) == hash_of_form(*g->body.ops[1]));
}
