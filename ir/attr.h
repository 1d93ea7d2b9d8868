// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "ir/number.h"
#include "ir/type.h"

namespace rondo::ir {

/// What an attribute's argument may be. Ints are constant dims, kept apart so that the parser can say so.
enum class AttrKind { kInt, kInts, kDim, kDims, kWord, kText, kNumber };

/// One attribute that an op's row declares: `contract([1],[0])` is {"contract", {kInts, kInts}}.
struct AttrSpec {
  std::string name;
  std::vector<AttrKind> args;  // none: a flag such as `reverse`
  bool optional = false;
  std::vector<std::string> words = {};  // what a kWord may be
};

using AttrArg = std::variant<Dim, std::vector<Dim>, std::string, Number>;

struct Attr {
  const AttrSpec* spec;
  std::vector<AttrArg> args;
};

}  // namespace rondo::ir
