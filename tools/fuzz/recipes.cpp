// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the generator draws an op of each row.
#include <algorithm>
#include <array>

#include "ir/ops/elementwise.h"
#include "ir/ops/support.h"
#include "tools/fuzz/generator.h"

namespace rondo::fuzz {

using namespace rondo::ir;

namespace {

bool has_dims(const Type& type) { return type.rank() > 0; }
bool is_float_matrix(const Type& type) { return type.dtype.is_float() && type.rank() > 0; }
bool is_number_tensor(const Type& type) { return type.dtype != i1 && type.rank() > 0; }

}  // namespace

void Generator::add_elementwise(Place& place, const OpRow& row) {
  // What the gradient is told not to see, a finite difference sees all the same.
  if (options_.smooth && &row == &ops::stop_gradient) return;
  std::vector<DType> types;
  for (int id = 0; id < DType::kCount; ++id) {
    const DType dtype(static_cast<DType::Id>(id));
    if (row.math.takes(dtype) && allowed(dtype) == dtype) types.push_back(dtype);
  }
  Type type = any(place)->type;
  if (!row.math.takes(type.dtype)) type.dtype = random_.pick(types);
  Values operands;
  for (int i = 0; i < row.math.arity; ++i)
    operands.push_back(of_type(place, i == 0 && row.math.first_is_condition ? type.with(i1) : type));
  // Of two intervals (max) either operand may have the upper one.
  const bool swap = row.math.arity == 2 && random_.chance(0.5) && (&row == &ops::max || &row == &ops::min);
  const bool bounded =
      type.dtype.is_float() && !row.smooth.empty() && (options_.smooth || random_.chance(0.3));
  if (bounded)
    for (size_t i = 0; i < row.smooth.size(); ++i) {
      const Interval& interval = row.smooth[swap ? row.smooth.size() - 1 - i : i];
      operands[i] = into(place.b, operands[i], interval.low, interval.high);
    }
  const bool steps = !row.derivative.none.empty() && row.math.results[type.dtype.id()].is_float();
  if (options_.smooth && steps) operands[0] = far_from_step(place.b, row, operands[0]);
  keep(place, place.b.emit(row, operands)->result());
}

void Generator::add_compare(Place& place) {
  Type type = any(place)->type;
  if (options_.smooth && type.dtype.is_float()) type.dtype = i32;
  const auto& words = ops::compare.attrs[0].words;
  keep(place, place.b.compare(random_.pick(words), of_type(place, type), of_type(place, type)));
}

void Generator::add_convert(Place& place) {
  Value* x = any(place);
  DType to = random_dtype();
  if (options_.smooth && x->type.dtype.is_float() && !to.is_float()) to = x->type.dtype;
  keep(place, place.b.convert(x, to));
}

void Generator::add_bitcast(Place& place) {
  Value* x = any(place);
  if (x->type.dtype == i1 || options_.smooth) return;
  // Which NaN one is hangs on the machine: its bits are no part of the language.
  if (x->type.dtype.is_float()) x = place.b.select(place.b.compare("eq", x, x), x, place.b.like(x, 0.0));
  static constexpr std::array<DType, 5> other = {i32, i64, bf16, f32, f64};
  keep(place, place.b.bitcast(x, other[x->type.dtype.id()]));
}

void Generator::add_broadcast(Place& place) {
  Value* x = any(place);
  Type type = x->type;
  std::vector<int64_t> dims(type.dims.size());
  for (size_t i = 0; i < dims.size(); ++i) dims[i] = static_cast<int64_t>(i);
  const int64_t at = random_.between(0, type.rank());
  type.dims.insert(type.dims.begin() + at, random_dim());
  for (int64_t& dim : dims) dim += dim >= at;
  if (fits(type)) keep(place, place.b.broadcast(x, dims, type.dims));
}

void Generator::add_reshape(Place& place) {
  Value* x = any(place);
  std::vector<Dim> dims = x->type.dims;
  const size_t at = static_cast<size_t>(random_.between(0, static_cast<int64_t>(dims.size())));
  if (at + 1 < dims.size() && random_.chance(0.6)) {
    dims[at] = dims[at] * dims[at + 1];
    dims.erase(dims.begin() + static_cast<int64_t>(at) + 1);
  } else if (at < dims.size() && dims[at].is_constant() && dims[at].constant() % 2 == 0 &&
             dims[at].constant() > 0) {
    const int64_t half = dims[at].constant() / 2;
    dims[at] = 2;
    dims.insert(dims.begin() + static_cast<int64_t>(at) + 1, half);
  } else {
    dims.insert(dims.begin() + static_cast<int64_t>(at), 1);
  }
  if (fits({x->type.dtype, dims})) keep(place, place.b.reshape(x, dims));
}

void Generator::add_transpose(Place& place) {
  Value* x = any_of(place, has_dims);
  std::vector<int64_t> perm(x->type.dims.size());
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  for (size_t i = perm.size(); i > 1; --i)
    std::swap(perm[i - 1], perm[static_cast<size_t>(random_.below(static_cast<int64_t>(i)))]);
  keep(place, place.b.transpose(x, perm));
}

void Generator::add_slice(Place& place) {
  Value* x = any_of(place, has_dims);
  std::vector<Dim> lo, hi;
  for (Dim dim : x->type.dims) {
    const bool whole = random_.chance(0.4);
    if (dim.is_constant()) {
      const int64_t a = whole ? 0 : random_.between(0, dim.constant());
      lo.push_back(a);
      hi.push_back(whole ? dim : Dim(random_.between(a, dim.constant())));
    } else {
      const bool cut = !whole && random_.chance(0.3);
      if (cut) place.b.function().require(1, false, dim, place.b.loc);
      lo.push_back(cut ? 1 : 0);
      hi.push_back(dim);
    }
  }
  keep(place, place.b.slice(x, lo, hi));
}

void Generator::add_pad(Place& place) {
  Value* x = any_of(place, has_dims);
  std::vector<Dim> lo, hi;
  Type type = x->type;
  for (Dim& dim : type.dims) {
    lo.push_back(random_.chance(0.5) ? 0 : random_.between(0, 2));
    hi.push_back(random_.chance(0.5) ? 0 : random_.between(0, 2));
    dim = dim + lo.back() + hi.back();
  }
  if (fits(type))
    keep(place, place.b.pad(x, lo, hi, random_.chance(0.5) ? Number(0.0) : Number(random_.normal())));
}

void Generator::add_concat(Place& place) {
  Value* first = any_of(place, has_dims);
  const int64_t dim = random_.below(first->type.rank());
  Values parts = {first};
  Type whole = first->type;
  for (int64_t i = random_.below(3); i >= 0; --i) {
    Type type = first->type;
    if (random_.chance(0.5)) type.dims[dim] = random_dim();
    if (!fits(type)) type = first->type;
    parts.push_back(of_type(place, type));
    whole.dims[dim] = whole.dims[dim] + type.dims[dim];
  }
  if (fits(whole)) keep(place, place.b.concat(parts, dim));
}

void Generator::add_split(Place& place) {
  Value* x = any_of(place, has_dims);
  const int64_t dim = random_.below(x->type.rank());
  std::vector<Dim> sizes;
  if (x->type.dims[dim].is_constant()) {
    int64_t left = x->type.dims[dim].constant();
    while (left > 0 && sizes.size() < 4) {
      sizes.push_back(sizes.size() == 3 ? left : random_.between(1, left));
      left -= sizes.back().constant();
    }
  } else {
    sizes = {0, x->type.dims[dim]};
  }
  if (sizes.empty()) return;
  for (Value* part : place.b.split(x, dim, sizes)) keep(place, part);
}

void Generator::add_reduce_sum(Place& place) {
  Value* x = any_of(place, is_number_tensor);
  std::vector<int64_t> dims;
  for (int64_t i = 0; i < x->type.rank(); ++i)
    if (random_.chance(0.5)) dims.push_back(i);
  Type sum{x->type.dtype, {}};
  for (int64_t i = 0; i < x->type.rank(); ++i)
    if (std::ranges::find(dims, i) == dims.end()) sum.dims.push_back(x->type.dims[static_cast<size_t>(i)]);
  const bool has_row = !dims.empty() && dims.back() == x->type.rank() - 1;
  keep(place, place.b.reduce_sum(x, dims, sum_order(place, sum, std::ssize(dims) - has_row)));
}

// At times sums go on from somewhere, or run backwards over some of the dims that may.
SumOrder Generator::sum_order(Place& place, const Type& result, int64_t dims) {
  SumOrder order;
  if (fits(result) && random_.chance(0.2)) order.start = of_type(place, result);
  if (dims > 0 && random_.chance(0.2)) order.descending = random_.between(1, dims);
  return order;
}

void Generator::add_reduce_max(Place& place) {
  Value* x = any_of(place, is_number_tensor);
  reduce_extreme(place, ops::reduce_max, x, random_.below(x->type.rank()));
}

void Generator::add_reduce_min(Place& place) {
  Value* x = any_of(place, is_number_tensor);
  reduce_extreme(place, ops::reduce_min, x, random_.below(x->type.rank()));
}

void Generator::reduce_extreme(Place& place, const OpRow& row, Value* x, int64_t dim) {
  if (options_.smooth && x->type.dtype.is_float()) x = far_from_tie(place.b, row, x, dim);
  keep(place, place.b.emit(row, {x}, {make_attr(row, "dims", {ints({dim})})})->result());
}

void Generator::add_argmax(Place& place) {
  Value* x = any_of(place, is_number_tensor);
  if (options_.smooth && x->type.dtype.is_float()) return;
  keep(place, place.b.argmax(x, random_.below(x->type.rank())));
}

void Generator::add_dot(Place& place) {
  Value* x = any_of(place, is_float_matrix);
  std::vector<int64_t> contract_x, contract_y, batch_x, batch_y;
  Type y{x->type.dtype, {}};
  for (int64_t i = 0; i < x->type.rank(); ++i) {
    const double draw = random_.uniform();
    if (draw < 0.2)
      batch_x.push_back(i);
    else if (draw < 0.6)
      contract_x.push_back(i);
  }
  // y's dims in a random order: batch and contracted ones, and up to two of its own.
  std::vector<std::pair<int, int64_t>> roles;
  for (int64_t i : batch_x) roles.emplace_back(0, i);
  for (int64_t i : contract_x) roles.emplace_back(1, i);
  for (int64_t i = random_.below(3); i > 0; --i) roles.emplace_back(2, 0);
  for (size_t i = roles.size(); i > 1; --i)
    std::swap(roles[i - 1], roles[static_cast<size_t>(random_.below(static_cast<int64_t>(i)))]);
  batch_y.resize(batch_x.size());
  contract_y.resize(contract_x.size());
  for (const auto& [role, i] : roles) {
    if (role == 0)
      batch_y[static_cast<size_t>(std::find(batch_x.begin(), batch_x.end(), i) - batch_x.begin())] = y.rank();
    if (role == 1)
      contract_y[static_cast<size_t>(std::find(contract_x.begin(), contract_x.end(), i) -
                                     contract_x.begin())] = y.rank();
    y.dims.push_back(role == 2 ? random_dim() : x->type.dims[i]);
  }
  if (!fits(y) || !fits({f32, {x->type.size() * y.size()}})) return;
  Type product{x->type.dtype == bf16 ? f32 : x->type.dtype, {}};
  for (const int64_t i : batch_x) product.dims.push_back(x->type.dims[static_cast<size_t>(i)]);
  const auto add_free = [&](const Type& type, const std::vector<int64_t>& contract,
                            const std::vector<int64_t>& batch) {
    for (int64_t i = 0; i < type.rank(); ++i)
      if (std::ranges::find(contract, i) == contract.end() && std::ranges::find(batch, i) == batch.end())
        product.dims.push_back(type.dims[static_cast<size_t>(i)]);
  };
  add_free(x->type, contract_x, batch_x);
  add_free(y, contract_y, batch_y);
  keep(place, place.b.dot(x, of_type(place, y), contract_x, contract_y, batch_x, batch_y,
                          sum_order(place, product, std::ssize(contract_x))));
}

// Whole numbers in [0, size), but for one draw in twenty that may be anything.
Value* Generator::indices(Place& place, const std::vector<Dim>& dims, Dim size) {
  const Type type{random_.chance(0.5) ? i32 : i64, dims};
  Value* raw = of_type(place, type);
  if (random_.chance(0.05)) return raw;
  Builder& b = place.b;
  Value* positive = b.and_(raw, b.like(raw, 0x7fff));
  return b.rem(positive, b.splat(b.convert(b.dim(size), type.dtype), type));
}

void Generator::add_gather(Place& place) {
  Value* x = any_of(place, has_dims);
  const int64_t axis = random_.below(x->type.rank());
  const int64_t batch = random_.between(0, random_.chance(0.5) ? 0 : axis);
  std::vector<Dim> dims(x->type.dims.begin(), x->type.dims.begin() + batch);
  for (Dim dim : random_dims(2)) dims.push_back(dim);
  Type picked = x->type;
  picked.dims.insert(picked.dims.end(), dims.begin(), dims.end());
  if (fits(picked)) keep(place, place.b.gather(x, indices(place, dims, x->type.dims[axis]), axis, batch));
}

void Generator::add_scatter_add(Place& place) {
  add_scatter(place, any_of(place, is_number_tensor), &Builder::scatter_add);
}
void Generator::add_scatter_set(Place& place) {
  add_scatter(place, any_of(place, has_dims), &Builder::scatter_set);
}

void Generator::add_scatter(Place& place, Value* base,
                            Value* (Builder::*scatter)(Value*, Value*, Value*, int64_t, int64_t)) {
  const int64_t axis = random_.below(base->type.rank());
  const int64_t batch = random_.between(0, random_.chance(0.5) ? 0 : axis);
  const auto first = base->type.dims.begin();
  std::vector<Dim> places(first, first + batch);
  for (Dim dim : random_dims(2)) places.push_back(dim);
  Type updates{base->type.dtype, {first, first + axis}};
  updates.dims.insert(updates.dims.end(), places.begin() + batch, places.end());
  updates.dims.insert(updates.dims.end(), first + axis + 1, base->type.dims.end());
  if (!fits(updates)) return;
  keep(place, (place.b.*scatter)(base, indices(place, places, base->type.dims[axis]), of_type(place, updates),
                                 axis, batch));
}

// In a smooth program the order is that of the places, whatever the values.
void Generator::add_topk(Place& place) {
  Value* x = any_of(place, is_number_tensor);
  const Dim n = x->type.dims.back();
  Dim k = n;
  if (n.is_constant())
    k = random_.between(0, n.constant());
  else if (random_.chance(0.3))
    k = 0;
  if (options_.smooth && x->type.dtype.is_float()) {
    Value* place_number = place.b.convert(place.b.iota(x->type.with(i32), x->type.rank() - 1), x->type.dtype);
    x = place.b.add(into(place.b, x, -0.3, 0.3), place_number);
  }
  for (Value* result : place.b.topk(x, k)) keep(place, result);
}

void Generator::add_constant(Place& place) {
  static const std::vector<double> special = {0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e30, 1e-40, INFINITY, NAN};
  const Type type{random_dtype(), random_dims(2)};
  const bool odd = !options_.smooth && random_.chance(0.3);
  keep(place, place.b.constant(type, odd ? random_.pick(special) : random_.normal()));
}

void Generator::add_iota(Place& place) {
  const Type type{random_.chance(0.5) ? i32 : i64, {random_dim(), random_dim()}};
  if (fits(type)) keep(place, place.b.iota(type, random_.below(2)));
}

void Generator::add_dim(Place& place) { keep(place, place.b.dim(random_dim() * random_dim())); }

void Generator::add_check(Place& place) {
  Value* x = any(place);
  Value* count = place.b.iota(i32[{random_dim()}], 0);
  // Holds, but for one draw in ten that fails wherever the dim is above 1.
  Value* holds = place.b.compare("lt", count, place.b.like(count, random_.chance(0.1) ? 1 : 1000));
  keep(place, place.b.check(x, holds, "the random count is small"));
}

// What the large dim is for: a reduction of several blocks, or a dot of several blocks and panels of columns,
// with many rows half of the time. Parameters hold the operands, since nothing else so large varies as much.
void Generator::add_large(Place& place) {
  constexpr int64_t kLargestContracted = 300, kLargestSquare = 144, kManyColumns = 70, kManyRows = 48;
  static const std::vector<DType> types = {f32, f32, f32, f64, bf16};
  const DType dtype = allowed(random_.pick(types));
  const auto argument = [&](Dim first, Dim second) { return new_param(place, {dtype, {first, second}}); };
  if (large_ > kLargestContracted) {
    Value* x = argument(random_.between(1, 4), large_);
    if (random_.chance(0.7)) return keep(place, place.b.reduce_sum(x, {1}));
    return reduce_extreme(place, random_.chance(0.5) ? ops::reduce_max : ops::reduce_min, x, 1);
  }
  const Dim rows = random_.chance(0.5) ? kManyRows : random_dim();
  const Dim columns = large_ > kLargestSquare ? kManyColumns : large_;
  // Either operand may lie transposed.
  const int64_t k_of_x = random_.chance(0.7), k_of_y = random_.chance(0.3);
  Value* x = k_of_x == 1 ? argument(rows, large_) : argument(large_, rows);
  Value* y = k_of_y == 1 ? argument(columns, large_) : argument(large_, columns);
  keep(place, place.b.dot(x, y, {k_of_x}, {k_of_y}));
}

}  // namespace rondo::fuzz
