// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/structural.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include "ir/op_row.h"

namespace rondo::ir {

namespace {

size_t combine(size_t seed, size_t value) {
  return seed ^ (value + 0x9E3779B97F4A7C15 + (seed << 6) + (seed >> 2));
}

// Dims are interned, and so are their texts.
size_t hash(Dim dim) { return std::hash<const void*>()(&dim.text()); }
size_t hash(const std::vector<Dim>& dims) {
  size_t seed = dims.size();
  for (Dim dim : dims) seed = combine(seed, hash(dim));
  return seed;
}
size_t hash(const std::string& text) { return std::hash<std::string>()(text); }
size_t hash(const Type& type) { return combine(hash(type.dims), type.dtype.id()); }

// Equal for numbers whose bits are equal as elements of `dtype`.
uint64_t bits(const Number& number, DType dtype) {
  const Number element = number.as(dtype);
  if (!dtype.is_float()) return static_cast<uint64_t>(element.as_int());
  const double value = element.as_double();
  return std::isnan(value) ? ~uint64_t{0} : std::bit_cast<uint64_t>(value);
}

const Attr* find(const Op& op, const AttrSpec& spec) {
  for (const Attr& attr : op.attrs)
    if (attr.spec == &spec) return &attr;
  return nullptr;
}

// A number as an attribute is an element of the result.
bool equal_args(const Attr& a, const Attr& b, DType dtype) {
  return std::equal(a.args.begin(), a.args.end(), b.args.begin(), b.args.end(),
                    [&](const AttrArg& x, const AttrArg& y) {
                      if (x.index() != y.index()) return false;
                      const Number* number = std::get_if<Number>(&x);
                      if (number != nullptr) return bits(*number, dtype) == bits(std::get<Number>(y), dtype);
                      if (const Dim* dim = std::get_if<Dim>(&x)) return *dim == std::get<Dim>(y);
                      if (const auto* dims = std::get_if<std::vector<Dim>>(&x))
                        return *dims == std::get<std::vector<Dim>>(y);
                      return std::get<std::string>(x) == std::get<std::string>(y);
                    });
}

bool equal_attrs(const Op& a, const Op& b) {
  const DType dtype = a.results[0]->type.dtype;
  return std::all_of(a.row->attrs.begin(), a.row->attrs.end(), [&](const AttrSpec& spec) {
    const Attr *x = find(a, spec), *y = find(b, spec);
    return x == nullptr || y == nullptr ? x == y : equal_args(*x, *y, dtype);
  });
}

size_t hash_of_attrs(const Op& op) {
  size_t seed = 0;
  for (const AttrSpec& spec : op.row->attrs) {
    const Attr* attr = find(op, spec);
    seed = combine(seed, attr != nullptr);
    if (attr == nullptr) continue;
    for (const AttrArg& arg : attr->args) {
      const Number* number = std::get_if<Number>(&arg);
      if (number != nullptr)
        seed = combine(seed, bits(*number, op.result()->type.dtype));
      else if (const Dim* dim = std::get_if<Dim>(&arg))
        seed = combine(seed, hash(*dim));
      else if (const auto* dims = std::get_if<std::vector<Dim>>(&arg))
        seed = combine(seed, hash(*dims));
      else
        seed = combine(seed, hash(std::get<std::string>(arg)));
    }
  }
  return seed;
}

const Type& type_of(const Value* value) { return value->type; }
const Type& type_of(const std::unique_ptr<Value>& value) { return value->type; }

template <class List>
bool same_types(const List& a, const List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return type_of(x) == type_of(y); });
}

}  // namespace

bool same_form(const Op& a, const Op& b) {
  return a.row == b.row && a.groups == b.groups && same_types(a.operands, b.operands) &&
         same_types(a.results, b.results) && equal_attrs(a, b) &&
         std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(),
                    [](const auto& x, const auto& y) { return equal_up_to_names(*x, *y); });
}

size_t hash_of_form(const Op& op) {
  size_t seed = combine(std::hash<const void*>()(op.row), hash_of_attrs(op));
  for (const Value* operand : op.operands) seed = combine(seed, hash(operand->type));
  for (const auto& result : op.results) seed = combine(seed, hash(result->type));
  for (int group : op.groups) seed = combine(seed, static_cast<size_t>(group));
  for (const auto& region : op.regions)
    for (const auto& inner : region->ops) seed = combine(seed, hash_of_form(*inner));
  return seed;
}

bool equal_up_to_names(const Graph& a, const Graph& b) {
  if (a.ops.size() != b.ops.size() || !same_types(a.params, b.params)) return false;
  std::unordered_map<const Value*, const Value*> twins;  // value of a -> value of b
  const auto correspond = [&](const Values& x, const Values& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [&](const Value* in_a, const Value* in_b) { return twins.at(in_a) == in_b; });
  };
  for (size_t i = 0; i < a.params.size(); ++i) twins[a.params[i].get()] = b.params[i].get();
  for (size_t i = 0; i < a.ops.size(); ++i) {
    const Op &x = *a.ops[i], &y = *b.ops[i];
    if (!correspond(x.operands, y.operands) || !same_form(x, y)) return false;
    for (size_t k = 0; k < x.results.size(); ++k) twins[x.results[k].get()] = y.results[k].get();
  }
  return correspond(a.results, b.results);
}

bool equal_up_to_names(const Function& a, const Function& b) {
  const auto same_info = [](const ParamInfo& x, const ParamInfo& y) {
    return x.donate == y.donate && x.label == y.label;
  };
  const auto same_guard = [](const Guard& x, const Guard& y) {
    return x.left == y.left && x.equal == y.equal && x.right == y.right;
  };
  const auto same_size = [](const DerivedSize& x, const DerivedSize& y) {
    return x.name == y.name && x.numerator == y.numerator && x.divisor == y.divisor && x.chosen == y.chosen;
  };
  return std::equal(a.param_infos.begin(), a.param_infos.end(), b.param_infos.begin(), b.param_infos.end(),
                    same_info) &&
         std::equal(a.derived.begin(), a.derived.end(), b.derived.begin(), b.derived.end(), same_size) &&
         std::equal(a.guards.begin(), a.guards.end(), b.guards.begin(), b.guards.end(), same_guard) &&
         equal_up_to_names(a.body, b.body);
}

}  // namespace rondo::ir
