// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/substitute.h"

#include "ir/error.h"
#include "ir/op_row.h"
#include "ir/print.h"

namespace rondo::ir {

namespace {

using Replacements = std::map<std::string, Dim, std::less<>>;

void substitute_in(Type& type, const Replacements& replacements) {
  for (Dim& dim : type.dims) {
    const Dim value = dim.substitute(replacements);
    if (value.is_constant() && value.constant() < 0)
      throw Error("the dim " + dim.text() + " becomes negative: " + value.text());
    dim = value;
  }
  if (const std::string flaw = type.flaw(); !flaw.empty()) throw Error(flaw);
}

void substitute_in(Op& op, const Replacements& replacements) {
  for (auto& result : op.results) substitute_in(result->type, replacements);
  for (Attr& attr : op.attrs)
    for (AttrArg& arg : attr.args) {
      if (Dim* dim = std::get_if<Dim>(&arg)) *dim = dim->substitute(replacements);
      if (auto* dims = std::get_if<std::vector<Dim>>(&arg))
        for (Dim& dim : *dims) dim = dim.substitute(replacements);
    }
  for (auto& region : op.regions)
    for (auto& param : region->params) substitute_in(param->type, replacements);
}

// Derived sizes become numbers where all that they are made of does, chosen ones where they are given.
void substitute_derived(Function& function, const Sizes& sizes, Replacements& replacements) {
  const std::vector<DerivedSize> derived = std::move(function.derived);
  function.derived.clear();
  for (DerivedSize size : derived) {
    size.numerator = size.numerator.substitute(replacements);
    size.divisor = size.divisor.substitute(replacements);
    const auto given = sizes.find(size.name);
    if (size.chosen) {
      if (given == sizes.end()) function.derived.push_back(size);
      continue;
    }
    Sizes value;
    if (size.numerator.is_constant() && size.divisor.is_constant()) {
      derive(value, {size});
      replacements[size.name] = value.at(size.name);
    } else {
      function.derived.push_back(size);
    }
    if (given != sizes.end() && (value.empty() || value.at(size.name) != given->second))
      throw Error("the size " + size.name + " is " + quotient_text(size) + ", not " +
                  std::to_string(given->second));
  }
}

}  // namespace

void substitute(Function& function, const Sizes& sizes) {
  Replacements replacements;
  for (const auto& [symbol, size] : sizes) {
    if (size < 0) throw Error("the size of " + symbol + " is negative: " + std::to_string(size));
    replacements.emplace(symbol, Dim(size));
  }
  substitute_derived(function, sizes, replacements);
  for (auto& param : function.body.params) substitute_in(param->type, replacements);
  for_each_op(function.body, [&](Op& op) { substitute_in(op, replacements); });
  const std::vector<Guard> guards = std::move(function.guards);
  function.guards.clear();
  for (const Guard& guard : guards)
    function.require(guard.left.substitute(replacements), guard.equal, guard.right.substitute(replacements),
                     guard.loc);
}

}  // namespace rondo::ir
