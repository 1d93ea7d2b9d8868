// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "passes/rules.h"

namespace rondo::passes {

using namespace ir;

namespace {

constexpr size_t kMaxConcat = 64;      // operands that flattening may gather in one concat
constexpr size_t kMaxSearched = 1024;  // operands of a concat among which each slice of it is looked for

using Dims = std::vector<Dim>;

Op* made_by(const Value* value, const OpRow& row) {
  return value->op != nullptr && value->op->row == &row ? value->op : nullptr;
}

bool is_zero(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](Dim dim) { return dim == Dim(0); });
}

Dims sum(const Dims& a, const Dims& b) {
  Dims result;
  for (size_t i = 0; i < a.size(); ++i) result.push_back(a[i] + b[i]);
  return result;
}

// A scalar spread over all dims: however it is moved, it stays one.
Value* spread_scalar(const Value* value) {
  const Op* broadcast = made_by(value, ops::broadcast);
  return broadcast != nullptr && broadcast->operands[0]->type.rank() == 0 ? broadcast->operands[0] : nullptr;
}

// broadcast, reshape, transpose, slice of one number everywhere.
Value* move_splat(Builder& b, const Op& op) {
  const Value* x = op.operands[0];
  if (is_constant(x)) return b.constant(op.result()->type, splat_of(x));
  Value* scalar = spread_scalar(x);
  return scalar != nullptr ? b.splat(scalar, op.result()->type) : nullptr;
}

Value* same_type(Builder&, const Op& op) {
  return op.operands[0]->type == op.result()->type ? op.operands[0] : nullptr;
}

Value* broadcast_at_once(Builder& b, const Op& op) {
  const Op* inner = made_by(op.operands[0], ops::broadcast);
  if (inner == nullptr) return nullptr;
  const auto outer_dims = op.ints_attr("dims");
  auto dims = inner->ints_attr("dims");
  for (int64_t& dim : dims) dim = outer_dims[dim];
  return b.broadcast(inner->operands[0], dims, op.result()->type.dims);
}

Value* broadcast_iota(Builder& b, const Op& op) {
  const Op* iota = made_by(op.operands[0], ops::iota);
  if (iota == nullptr) return nullptr;
  return b.iota(op.result()->type, op.ints_attr("dims")[static_cast<size_t>(iota->int_attr("dim"))]);
}

Value* reshape_at_once(Builder& b, const Op& op) {
  const Op* inner = made_by(op.operands[0], ops::reshape);
  return inner != nullptr ? b.reshape(inner->operands[0], op.result()->type.dims) : nullptr;
}

Value* transpose_nothing(Builder&, const Op& op) {
  const auto perm = op.ints_attr("perm");
  return std::is_sorted(perm.begin(), perm.end()) ? op.operands[0] : nullptr;
}

Value* transpose_at_once(Builder& b, const Op& op) {
  const Op* inner = made_by(op.operands[0], ops::transpose);
  if (inner == nullptr) return nullptr;
  const auto first = inner->ints_attr("perm");
  auto perm = op.ints_attr("perm");
  for (int64_t& dim : perm) dim = first[dim];
  return b.transpose(inner->operands[0], perm);
}

bool is_provable_slice(const Op& op, const Type& x, const Dims& lo, const Dims& hi) {
  for (size_t i = 0; i < lo.size(); ++i)
    if (!implies(op, 0, false, lo[i]) || !implies(op, lo[i], false, hi[i]) ||
        !implies(op, hi[i], false, x.dims[i]))
      return false;
  return true;
}

Value* slice_at_once(Builder& b, const Op& op) {
  const Op* inner = made_by(op.operands[0], ops::slice);
  if (inner == nullptr) return nullptr;
  const Dims lo = sum(inner->dims_attr("lo"), op.dims_attr("lo")),
             hi = sum(inner->dims_attr("lo"), op.dims_attr("hi"));
  Value* x = inner->operands[0];
  return is_provable_slice(op, x->type, lo, hi) ? b.slice(x, lo, hi) : nullptr;
}

Value* slice_of_pad(Builder&, const Op& op) {
  const Op* pad = made_by(op.operands[0], ops::pad);
  if (pad == nullptr || op.dims_attr("lo") != pad->dims_attr("lo")) return nullptr;
  return op.result()->type == pad->operands[0]->type ? pad->operands[0] : nullptr;
}

// The operand of a concat that lies just within the limits.
Value* slice_of_concat(Builder&, const Op& op) {
  const Op* concat = made_by(op.operands[0], ops::concat);
  if (concat == nullptr || concat->operands.size() > kMaxSearched) return nullptr;
  Dims at(op.dims_attr("lo").size(), 0);
  const int64_t dim = concat->int_attr("dim");
  for (Value* part : concat->operands) {
    if (op.dims_attr("lo") == at && op.result()->type == part->type) return part;
    at[dim] = at[dim] + part->type.dims[dim];
  }
  return nullptr;
}

Value* pad_nothing(Builder&, const Op& op) {
  return is_zero(op.dims_attr("lo")) && is_zero(op.dims_attr("hi")) ? op.operands[0] : nullptr;
}

bool same_value(const Op& pad, const Number& number) {
  return pad.number_attr("value").same(number, pad.result()->type.dtype);
}

Value* pad_constant(Builder& b, const Op& op) {
  const Value* x = op.operands[0];
  return is_constant(x) && same_value(op, splat_of(x)) ? b.constant(op.result()->type, splat_of(x)) : nullptr;
}

Value* pad_at_once(Builder& b, const Op& op) {
  const Op* inner = made_by(op.operands[0], ops::pad);
  if (inner == nullptr || !same_value(op, inner->number_attr("value"))) return nullptr;
  const Dims lo = sum(inner->dims_attr("lo"), op.dims_attr("lo")),
             hi = sum(inner->dims_attr("hi"), op.dims_attr("hi"));
  for (size_t i = 0; i < lo.size(); ++i)
    if (!implies(op, 0, false, lo[i]) || !implies(op, 0, false, hi[i])) return nullptr;
  return b.pad(inner->operands[0], lo, hi, op.number_attr("value"));
}

Value* concat_of_one(Builder&, const Op& op) { return op.operands.size() == 1 ? op.operands[0] : nullptr; }

Value* concat_of_constants(Builder& b, const Op& op) {
  if (!std::all_of(op.operands.begin(), op.operands.end(), is_constant)) return nullptr;
  const Number& number = splat_of(op.operands[0]);
  for (const Value* x : op.operands)
    if (!splat_of(x).same(number, x->type.dtype)) return nullptr;
  return b.constant(op.result()->type, number);
}

// All parts of one split, in order.
Value* concat_of_split(Builder&, const Op& op) {
  const Op* split = made_by(op.operands[0], ops::split);
  if (split == nullptr || split->int_attr("dim") != op.int_attr("dim") ||
      split->results.size() != op.operands.size())
    return nullptr;
  for (size_t i = 0; i < op.operands.size(); ++i)
    if (op.operands[i] != split->results[i].get()) return nullptr;
  return split->operands[0];
}

Value* concat_at_once(Builder& b, const Op& op) {
  Values parts;
  for (Value* part : op.operands) {
    const Op* inner = made_by(part, ops::concat);
    if (inner != nullptr && inner->int_attr("dim") == op.int_attr("dim"))
      parts.insert(parts.end(), inner->operands.begin(), inner->operands.end());
    else
      parts.push_back(part);
  }
  if (parts.size() == op.operands.size() || parts.size() > kMaxConcat) return nullptr;
  return b.concat(parts, op.int_attr("dim"));
}

Replacement split_constant(Builder& b, const Op& op) {
  if (!is_constant(op.operands[0])) return {};
  Values parts;
  for (const auto& result : op.results) parts.push_back(b.constant(result->type, splat_of(op.operands[0])));
  return parts;
}

Replacement split_of_concat(Builder&, const Op& op) {
  const Op* concat = made_by(op.operands[0], ops::concat);
  if (concat == nullptr || concat->int_attr("dim") != op.int_attr("dim") ||
      concat->operands.size() != op.results.size())
    return {};
  for (size_t i = 0; i < op.results.size(); ++i)
    if (op.results[i]->type != concat->operands[i]->type) return {};
  return concat->operands;
}

Value* constant_size(Builder& b, const Op& op) {
  const Dim size = op.dim_attr("size");
  return size.is_constant() ? b.constant(op.result()->type, size.constant()) : nullptr;
}

Value* passed_check(Builder&, const Op& op) {
  const Value* predicate = op.operands[1];
  return is_constant(predicate) && splat_of(predicate).as(i1).as_int() == 1 ? op.operands[0] : nullptr;
}

}  // namespace

std::vector<Rule> shape_rules() {
  const auto one = [](Value* (*apply)(Builder&, const Op&)) {
    return [apply](Builder& b, const Op& op) -> Replacement {
      Value* value = apply(b, op);
      if (value == nullptr) return {};
      return Values{value};
    };
  };
  return {
      {"broadcast(x) = x, to its own dims", &ops::broadcast, one(same_type)},
      {"broadcast(splat) = splat", &ops::broadcast, one(move_splat)},
      {"broadcast(broadcast(x)) = broadcast(x)", &ops::broadcast, one(broadcast_at_once)},
      {"broadcast(iota) = iota", &ops::broadcast, one(broadcast_iota)},

      {"reshape(x) = x, to its own dims", &ops::reshape, one(same_type)},
      {"reshape(splat) = splat", &ops::reshape, one(move_splat)},
      {"reshape(reshape(x)) = reshape(x)", &ops::reshape, one(reshape_at_once)},

      {"transpose(x) = x, no dim moved", &ops::transpose, one(transpose_nothing)},
      {"transpose(splat) = splat", &ops::transpose, one(move_splat)},
      {"transpose(transpose(x)) = transpose(x)", &ops::transpose, one(transpose_at_once)},

      {"slice(x) = x, all of it", &ops::slice, one(same_type)},
      {"slice(splat) = splat", &ops::slice, one(move_splat)},
      {"slice(slice(x)) = slice(x)", &ops::slice, one(slice_at_once)},
      {"slice(pad(x)) = x, the padding cut off", &ops::slice, one(slice_of_pad)},
      {"slice(concat(.., x, ..)) = x", &ops::slice, one(slice_of_concat)},

      {"pad(x) = x, by nothing", &ops::pad, one(pad_nothing)},
      {"pad(splat) = splat, of one value", &ops::pad, one(pad_constant)},
      {"pad(pad(x)) = pad(x), of one value", &ops::pad, one(pad_at_once)},

      {"concat(x) = x", &ops::concat, one(concat_of_one)},
      {"concat(splats) = splat, of one value", &ops::concat, one(concat_of_constants)},
      {"concat(split(x)) = x", &ops::concat, one(concat_of_split)},
      {"concat(concat(x, y), z) = concat(x, y, z)", &ops::concat, one(concat_at_once)},

      {"split(x) = x, into one part", &ops::split,
       [](Builder&, const Op& op) -> Replacement {
         if (op.results.size() > 1) return {};
         return op.operands;
       }},
      {"split(splat) = splats", &ops::split, split_constant},
      {"split(concat(x, y)) = x, y", &ops::split, split_of_concat},

      {"dim of a constant size", &ops::dim, one(constant_size)},
      {"check(x, true) = x", &ops::check, one(passed_check)},
  };
}

}  // namespace rondo::passes
