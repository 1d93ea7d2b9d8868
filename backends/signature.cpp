// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/signature.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "ir/error.h"

namespace rondo::backends {

runtime::ElementType element_type(DType dtype) {
  using runtime::ElementType;
  static constexpr std::array<ElementType, DType::kCount> types = {ElementType::f32,  ElementType::f64,
                                                                   ElementType::bf16, ElementType::i32,
                                                                   ElementType::i64,  ElementType::i1};
  return types[dtype.id()];
}

Signature::Signature(const ir::Function& f) : function(f.name), derived(f.derived), guards(f.guards) {
  for (size_t i = 0; i < f.body.params.size(); ++i) {
    const ir::Value& value = *f.body.params[i];
    const ir::ParamInfo& info = f.param_infos[i];
    const std::string name = !info.label.empty()   ? info.label
                             : !value.name.empty() ? value.name
                                                   : std::to_string(i);
    params.push_back({name, value.type, info.donate});
  }
  for (const ir::Value* result : f.body.results) results.push_back(result->type);
}

namespace {

std::string argument(const Signature::Param& param, const runtime::Array& array) {
  return "argument '" + param.name + "': expected " + param.type.text() + ", found " +
         runtime::type_text(array);
}

// Each symbol is the whole of some parameter's dim (the verifier sees to it): the first such place says its
// value.
Sizes match_symbols(const Signature& signature, std::span<runtime::Array* const> args, const Sizes& chosen) {
  Sizes sizes = chosen;
  std::set<std::string_view> derived;
  for (const ir::DerivedSize& size : signature.derived) derived.insert(size.name);
  std::map<std::string, size_t> found_in;
  for (size_t i = 0; i < args.size(); ++i) {
    const Signature::Param& param = signature.params[i];
    for (size_t k = 0; k < param.type.dims.size(); ++k) {
      if (!param.type.dims[k].is_symbol()) continue;
      const std::string& symbol = param.type.dims[k].text();
      if (derived.contains(symbol)) continue;
      auto [entry, fresh] = sizes.emplace(symbol, args[i]->shape()[k]);
      if (fresh)
        found_in[symbol] = i;
      else if (entry->second != args[i]->shape()[k])
        throw Error("@" + signature.function + ": " + argument(param, *args[i]) + ": " + symbol + " is " +
                    std::to_string(args[i]->shape()[k]) + " here and " + std::to_string(entry->second) +
                    " in '" + signature.params[found_in[symbol]].name + "'");
    }
  }
  ir::derive(sizes, signature.derived);
  return sizes;
}

}  // namespace

Sizes Signature::bind(std::span<runtime::Array* const> args, const Sizes& chosen) const {
  check_arrays(args);
  const Sizes sizes = match_symbols(*this, args, chosen);
  for (size_t i = 0; i < args.size(); ++i)
    for (size_t k = 0; k < params[i].type.dims.size(); ++k) {
      const int64_t expected = params[i].type.dims[k].evaluate(sizes);
      if (expected != args[i]->shape()[k])
        throw Error("@" + function + ": " + argument(params[i], *args[i]) + ": dim " + std::to_string(k) +
                    " must be " + std::to_string(expected));
    }
  for (const ir::Guard& guard : guards) {
    const int64_t left = guard.left.evaluate(sizes), right = guard.right.evaluate(sizes);
    if (guard.equal ? left == right : left <= right) continue;
    throw Error((guard.loc.known() ? guard.loc.text() : "@" + function) + ": sizes must have " +
                guard.left.text() + (guard.equal ? " == " : " <= ") + guard.right.text() + ", found " +
                std::to_string(left) + " and " + std::to_string(right));
  }
  return sizes;
}

void Signature::check_arrays(std::span<runtime::Array* const> args) const {
  if (args.size() != params.size())
    throw Error("@" + function + ": expected " + std::to_string(params.size()) + " arguments, found " +
                std::to_string(args.size()));
  for (size_t i = 0; i < args.size(); ++i) check_array(i, *args[i]);
  const auto check_pair = [&](size_t first, size_t second) {
    if (params[first].donate || params[second].donate)
      throw Error("@" + function + ": argument '" + params[second].name + "' is the same array as '" +
                  params[first].name + "', and one of them is donated");
  };
  constexpr size_t kFew = 256;  // so few are compared in pairs: a run allocates nothing
  if (args.size() <= kFew) {
    for (size_t i = 0; i < args.size(); ++i)
      for (size_t k = i + 1; k < args.size(); ++k)
        if (args[i] == args[k]) check_pair(i, k);
    return;
  }
  std::unordered_map<const runtime::Array*, size_t> seen;
  for (size_t i = 0; i < args.size(); ++i)
    if (const auto [first, fresh] = seen.emplace(args[i], i); !fresh) check_pair(first->second, i);
}

void Signature::check_array(size_t position, const runtime::Array& array) const {
  const Param& param = params.at(position);
  if (array.raw() == nullptr)
    throw Error("@" + function + ": argument '" + param.name +
                "': the array was moved from; was it donated to an earlier run?");
  if (array.type() != element_type(param.type.dtype) || array.shape().size() != param.type.dims.size())
    throw Error("@" + function + ": " + argument(param, array));
}

std::vector<int64_t> shape_of(const Type& type, const Sizes& sizes) {
  std::vector<int64_t> shape;
  for (Dim dim : type.dims) {
    shape.push_back(dim.evaluate(sizes));
    if (shape.back() < 0)
      throw Error("dim " + dim.text() + " of " + type.text() +
                  " is negative: " + std::to_string(shape.back()));
  }
  try {
    runtime::checked_size(element_type(type.dtype), shape);
  } catch (const runtime::Failure& failure) {
    throw Error(failure.what());
  }
  return shape;
}

}  // namespace rondo::backends
