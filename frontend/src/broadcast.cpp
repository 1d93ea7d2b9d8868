// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/broadcast.h"

#include <algorithm>
#include <numeric>

#include "frontend/src/trace.h"

namespace rondo::detail {

int64_t checked_dim(int64_t i, const Type& type, const std::string& op, Loc loc) {
  if (i < -type.rank() || i >= type.rank())
    fail(loc, op + ": " + type.text() + " has no dim " + std::to_string(i) +
                  (type.rank() == 0 ? ": it is a scalar"
                                    : "; its dims are 0 to " + std::to_string(type.rank() - 1) +
                                          ", or -1 to " + std::to_string(-type.rank()) + " from the last"));
  return i < 0 ? i + type.rank() : i;
}

std::vector<int64_t> checked_dims(const std::vector<int64_t>& dims, const Type& type, const std::string& op,
                                  Loc loc) {
  std::vector<int64_t> sorted;
  for (int64_t i : dims) sorted.push_back(checked_dim(i, type, op, loc));
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    fail(loc, op + ": dim " + std::to_string(*twice) + " of " + type.text() + " is named twice");
  return sorted;
}

std::vector<int64_t> reduced_dims(const Type& type, const std::vector<int64_t>& dims, const std::string& op,
                                  Loc loc) {
  if (!dims.empty()) return checked_dims(dims, type, op, loc);
  std::vector<int64_t> all(type.dims.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void check_floats(const Type& type, const std::string& op, Loc loc) {
  if (!type.dtype.is_float())
    fail(loc, op + ": it takes floats, found " + type.text() + "; convert it by cast(x, f32)");
}

ir::Number checked_literal(const ir::Number& number, DType dtype, const std::string& op, Loc loc) {
  const ir::Number element = number.as(dtype);
  if (!dtype.is_float() && element.as_double() != number.as_double())
    fail(loc, op + ": the number " + number.text(f64) + " is no " + std::string(dtype.text()) +
                  "; floats are made of integers by cast(x, f32)");
  return element;
}

namespace {

// What the user can do about sizes that differ.
std::string way_out(Dim a, Dim b) {
  if (a.is_constant() && b.is_constant()) return "only a dim of 1 is stretched";
  return "if they always agree, say so by require_equal(" + a.text() + ", " + b.text() + ")";
}

}  // namespace

std::vector<Dim> joined_dims(const std::string& op, const Type& x, const Type& y, Loc loc) {
  const ir::Function& function = Trace::current(loc).function();
  std::vector<Dim> joined = x.dims.size() >= y.dims.size() ? x.dims : y.dims;
  for (size_t from_last = 1; from_last <= std::min(x.dims.size(), y.dims.size()); ++from_last) {
    const Dim a = x.dims[x.dims.size() - from_last], c = y.dims[y.dims.size() - from_last];
    if (!a.is_constant(1) && !c.is_constant(1) && !function.implies(a, true, c))
      fail(loc, op + ": sizes differ: " + x.text() + " and " + y.text() + " (" + a.text() + " and " +
                    c.text() + "); " + way_out(a, c));
    joined[joined.size() - from_last] = a.is_constant(1) ? c : a;
  }
  return joined;
}

ir::Value* broadcast_value(ir::Builder& b, ir::Value* x, const std::vector<Dim>& dims, const std::string& op,
                           Loc loc) {
  const Type from = x->type;
  const int64_t shift = static_cast<int64_t>(dims.size()) - from.rank();
  bool fits = shift >= 0;
  std::vector<int64_t> placed;
  std::vector<Dim> kept, whole;
  for (int64_t i = 0; fits && i < from.rank(); ++i) {
    const Dim own = from.dims[i], wanted = dims[shift + i];
    const bool stretched = own.is_constant(1) && !wanted.is_constant(1);
    fits = stretched || b.function().implies(own, true, wanted);
    whole.push_back(stretched ? own : wanted);
    if (stretched) continue;
    placed.push_back(shift + i);
    kept.push_back(wanted);
  }
  if (!fits)
    fail(loc, op + ": " + from.text() + " can't be stretched to " + Type{from.dtype, dims}.text() +
                  ": only a dim of 1 is, and missing dims come first");
  // A size that is equal by a guard only: all of the dim, under the other name.
  if (whole != from.dims) x = b.slice(x, std::vector<Dim>(whole.size(), 0), whole);
  return b.broadcast(b.reshape(x, kept), placed, dims);
}

}  // namespace rondo::detail
