// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/functions.h"

#include <numeric>
#include <optional>

#include "frontend/src/broadcast.h"
#include "frontend/src/trace.h"

namespace rondo {

namespace {

// What most functions here begin with: where they append, and their operand's value.
struct Call {
  Call(const Tensor& x, Loc loc)
      : trace(detail::Trace::current(loc)), b(trace.builder(loc)), x(trace.value(x, loc)) {}
  explicit Call(Loc loc) : trace(detail::Trace::current(loc)), b(trace.builder(loc)) {}
  Tensor operator()(ir::Value* value) const { return trace.tensor(value); }

  /// What `emit` makes; if the op refuses its operands, its message goes on with the way out.
  template <class Emit>
  auto or_say(const char* way_out, Emit emit) {
    try {
      return emit(b);
    } catch (const Error& refusal) {
      throw Error(std::string(refusal.what()) + way_out);
    }
  }

  detail::Trace& trace;
  ir::Builder b;
  ir::Value* x = nullptr;
};

ir::Value* integers(const Call& call, const Tensor& indices, const std::string& op, Loc loc) {
  ir::Value* const value = call.trace.value(indices, loc);
  if (!value->type.dtype.is_int())
    detail::fail(
        loc, op + ": indices are integers, found " + value->type.text() + "; convert them by cast(x, i32)");
  return value;
}

}  // namespace

Tensor full(TypeOrDims type, double value, Loc loc) {
  Call call(loc);
  return call(call.b.constant(type, detail::checked_literal(value, type.dtype, "full", loc)));
}

Tensor zeros(TypeOrDims type, Loc loc) { return full(std::move(type), 0, loc); }

Tensor iota(const Type& type, int64_t dim, Loc loc) {
  Call call(loc);
  return call(call.b.iota(type, detail::checked_dim(dim, type, "iota", loc)));
}

Tensor dim(Dim size, Loc loc) {
  Call call(loc);
  return call(call.b.dim(size));
}

void require_equal(Dim a, Dim b, Loc loc) {
  detail::Trace::current(loc).function().require(a, true, b, detail::place(loc));
}

Dim floordiv(Dim size, int64_t divisor, Loc loc) {
  return detail::Trace::current(loc).function().floordiv(size, divisor, detail::place(loc));
}

Tensor dot(const Tensor& x, const Tensor& y, Loc loc) {
  if (x.rank(loc) == 0 || y.rank(loc) == 0)
    detail::fail(loc, "dot: operands have at least one dim, found " + x.type(loc).text() + " . " +
                          y.type(loc).text() + "; to scale a tensor write x * y");
  return dot(x, y, {.contract_x = {-1}, .contract_y = {0}}, loc);
}

Tensor dot(const Tensor& x, const Tensor& y, const DotDims& dims, Loc loc) {
  Call call(x, loc);
  ir::Value* const other = call.trace.value(y, loc);
  const auto positions = [&](const std::vector<int64_t>& list, const Type& type) {
    std::vector<int64_t> checked;
    for (int64_t i : list) checked.push_back(detail::checked_dim(i, type, "dot", loc));
    return checked;
  };
  const auto contract_x = positions(dims.contract_x, call.x->type),
             contract_y = positions(dims.contract_y, other->type),
             batch_x = positions(dims.batch_x, call.x->type), batch_y = positions(dims.batch_y, other->type);
  return call(call.or_say(
      "; dot(x, y) sums over the last dim of x and the first of y: transpose one, or name the dims as in "
      "dot(x, y, {.contract_x = {1}, .contract_y = {1}})",
      [&](ir::Builder& b) { return b.dot(call.x, other, contract_x, contract_y, batch_x, batch_y); }));
}

Tensor reshape(const Tensor& x, const std::vector<Dim>& dims, Loc loc) {
  Call call(x, loc);
  return call(call.or_say("; a reshape keeps the number of elements",
                          [&](ir::Builder& b) { return b.reshape(call.x, dims); }));
}

Tensor expand_dims(const Tensor& x, int64_t at, Loc loc) {
  std::vector<Dim> dims = x.dims(loc);
  dims.push_back(1);
  at = detail::checked_dim(at, {f32, dims}, "expand_dims", loc);
  dims.pop_back();
  dims.insert(dims.begin() + at, 1);
  return reshape(x, dims, loc);
}

Tensor transpose(const Tensor& x, const std::vector<int64_t>& order, Loc loc) {
  Call call(x, loc);
  std::vector<int64_t> perm;
  for (int64_t i : order) perm.push_back(detail::checked_dim(i, call.x->type, "transpose", loc));
  return call(call.or_say("; the order names each dim once, as in {1, 0}",
                          [&](ir::Builder& b) { return b.transpose(call.x, perm); }));
}

Tensor broadcast_to(const Tensor& x, const std::vector<Dim>& dims, Loc loc) {
  Call call(x, loc);
  return call(detail::broadcast_value(call.b, call.x, dims, "broadcast_to", loc));
}

Tensor slice(const Tensor& x, int64_t dim, Dim first, Dim end, Loc loc) {
  Call call(x, loc);
  const Type& type = call.x->type;
  dim = detail::checked_dim(dim, type, "slice", loc);
  std::vector<Dim> lo(type.dims.size(), 0), hi = type.dims;
  lo[dim] = first;
  hi[dim] = end;
  for (auto [low, high] : {std::pair{Dim(0), first}, std::pair{first, end}, std::pair{end, type.dims[dim]}}) {
    const Dim room = high - low;
    if (room.is_constant() && room.constant() < 0)
      detail::fail(loc, "slice: limits " + first.text() + " to " + end.text() + " do not lie within dim " +
                            std::to_string(dim) + " of " + type.text());
    call.trace.function().require(low, false, high, detail::place(loc));
  }
  return call(call.b.slice(call.x, lo, hi));
}

Tensor pad(const Tensor& x, int64_t dim, Dim before, Dim after, double value, Loc loc) {
  Call call(x, loc);
  dim = detail::checked_dim(dim, call.x->type, "pad", loc);
  std::vector<Dim> lo(call.x->type.dims.size(), 0), hi = lo;
  lo[dim] = before;
  hi[dim] = after;
  return call(call.b.pad(call.x, lo, hi, detail::checked_literal(value, call.x->type.dtype, "pad", loc)));
}

Tensor concat(const std::vector<Tensor>& parts, int64_t dim, Loc loc) {
  Call call(loc);
  ir::Values values;
  for (const Tensor& part : parts) values.push_back(call.trace.value(part, loc));
  if (values.empty()) detail::fail(loc, "concat: there is nothing to join");
  dim = detail::checked_dim(dim, values[0]->type, "concat", loc);
  return call(call.or_say("; the parts agree in element type and in all other dims: cast, slice or pad them",
                          [&](ir::Builder& b) { return b.concat(values, dim); }));
}

Tensor stack(const std::vector<Tensor>& parts, int64_t at, Loc loc) {
  if (parts.empty()) detail::fail(loc, "stack: there is nothing to stack");
  std::vector<Tensor> slices;
  for (const Tensor& part : parts) {
    if (part.type(loc) != parts[0].type(loc))
      detail::fail(loc, "stack: all parts have one type, found " + parts[0].type(loc).text() + " and " +
                            part.type(loc).text() + ": cast, reshape or pad them");
    slices.push_back(expand_dims(part, at, loc));
  }
  return concat(slices, at, loc);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<Dim>& sizes, int64_t dim, Loc loc) {
  Call call(x, loc);
  dim = detail::checked_dim(dim, call.x->type, "split", loc);
  const ir::Values values = call.or_say("; the sizes add up to that, slice(x, dim, first, end) takes a part",
                                        [&](ir::Builder& b) { return b.split(call.x, dim, sizes); });
  std::vector<Tensor> parts;
  for (ir::Value* part : values) parts.push_back(call(part));
  return parts;
}

std::vector<Tensor> detail::split_evenly(const Tensor& x, int64_t parts, int64_t dim, Loc loc) {
  const Type& type = x.type(loc);
  dim = checked_dim(dim, type, "split", loc);
  const std::optional<Dim> size = divided(type.dims[dim], parts);
  if (!size)
    fail(loc, "split: dim " + std::to_string(dim) + " of " + type.text() + " has no " +
                  std::to_string(parts) + " equal parts; unequal ones are made by split(x, {sizes}, dim)");
  return split(x, std::vector<Dim>(parts, *size), dim, loc);
}

Tensor sum(const Tensor& x, const std::vector<int64_t>& dims, Loc loc) {
  Call call(x, loc);
  return call(call.b.reduce_sum(call.x, detail::reduced_dims(x.type(loc), dims, "sum", loc)));
}

Tensor max(const Tensor& x, const std::vector<int64_t>& dims, Loc loc) {
  Call call(x, loc);
  return call(call.b.reduce_max(call.x, detail::reduced_dims(x.type(loc), dims, "max", loc)));
}

Tensor min(const Tensor& x, const std::vector<int64_t>& dims, Loc loc) {
  Call call(x, loc);
  return call(call.b.reduce_min(call.x, detail::reduced_dims(x.type(loc), dims, "min", loc)));
}

Tensor argmax(const Tensor& x, int64_t dim, Loc loc) {
  Call call(x, loc);
  return call(call.b.argmax(call.x, detail::checked_dim(dim, call.x->type, "argmax", loc)));
}

Tensor gather(const Tensor& x, const Tensor& indices, int64_t axis, int64_t batch_dims, Loc loc) {
  Call call(x, loc);
  return call(call.b.gather(call.x, integers(call, indices, "gather", loc),
                            detail::checked_dim(axis, call.x->type, "gather", loc), batch_dims));
}

Tensor scatter_add(const Tensor& base, const Tensor& indices, const Tensor& updates, int64_t axis,
                   int64_t batch_dims, Loc loc) {
  Call call(base, loc);
  return call(call.b.scatter_add(call.x, integers(call, indices, "scatter_add", loc),
                                 call.trace.value(updates, loc),
                                 detail::checked_dim(axis, call.x->type, "scatter_add", loc), batch_dims));
}

Tensor scatter_set(const Tensor& base, const Tensor& indices, const Tensor& updates, int64_t axis,
                   int64_t batch_dims, Loc loc) {
  Call call(base, loc);
  return call(call.b.scatter_set(call.x, integers(call, indices, "scatter_set", loc),
                                 call.trace.value(updates, loc),
                                 detail::checked_dim(axis, call.x->type, "scatter_set", loc), batch_dims));
}

TopK top_k(const Tensor& x, Dim k, int64_t dim, Loc loc) {
  Call call(x, loc);
  const Type& type = call.x->type;
  dim = detail::checked_dim(dim, type, "top_k", loc);
  call.trace.function().require(0, false, k, detail::place(loc));
  if ((type.dims[dim] - k).is_constant() && (type.dims[dim] - k).constant() < 0)
    detail::fail(loc, "top_k: k is " + k.text() + ", dim " + std::to_string(dim) + " of " + type.text() +
                          " does not have so many elements");
  call.trace.function().require(k, false, type.dims[dim], detail::place(loc));
  std::vector<int64_t> perm(type.dims.size());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[dim], perm.back());  // the op takes the last dim
  const bool last = dim + 1 == type.rank();
  const ir::Values found = call.b.topk(last ? call.x : call.b.transpose(call.x, perm), k);
  const auto back = [&](ir::Value* value) { return call(last ? value : call.b.transpose(value, perm)); };
  return {back(found[0]), back(found[1])};
}

Tensor one_hot(const Tensor& indices, Dim n, DType dtype, Loc loc) {
  CalledFrom here(loc);
  Type type = integers(Call(loc), indices, "one_hot", loc)->type;
  type.dims.push_back(n);
  return cast(eq(expand_dims(indices, -1), iota(type, -1)), dtype);
}

Tensor cast(const Tensor& x, DType dtype, Loc loc) {
  Call call(x, loc);
  return call(call.b.convert(call.x, dtype));
}

Tensor where(const Tensor& condition, detail::Operand x, detail::Operand y, Loc loc) {
  return detail::elementwise("select", {condition, x, y}, loc);
}

Tensor check(const Tensor& x, const Tensor& condition, const std::string& message, Loc loc) {
  Call call(x, loc);
  return call(call.b.check(call.x, call.trace.value(condition, loc), message));
}

Tensor relu(const Tensor& x, Loc loc) {
  CalledFrom here(loc);
  return where(x > 0, x, 0);
}

}  // namespace rondo
