// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/param.h"

#include <memory>
#include <optional>

#include "frontend/src/hash.h"
#include "frontend/src/trace.h"

namespace rondo {

Tensor param(const std::string& name, TypeOrDims type, Initializer init, Loc loc) {
  detail::Trace& trace = detail::Trace::current(loc);
  if (!type.dtype.is_float())
    detail::fail(loc, "param: '" + name + "' is " + type.text() +
                          ", but only floats can be trained; what is not trained is a state(name, ..)");
  if (!detail::has_fixed_sizes(type))
    detail::fail(loc, "param: the dims of '" + name + "' must be numbers, found " + type.text() +
                          ": a weight has the same size in every call");
  return trace.declare(trace.full_name(name, loc), {type, std::move(init), true, detail::place(loc)});
}

Tensor state(const std::string& name, TypeOrDims type, Initializer init, Loc loc) {
  detail::Trace& trace = detail::Trace::current(loc);
  return trace.declare(trace.full_name(name, loc), {type, std::move(init), false, detail::place(loc)});
}

Tensor array_constant(const std::string& name, const Array& values, Loc loc) {
  detail::Trace& trace = detail::Trace::current(loc);
  const char* elements = runtime::name(values.type());
  const std::optional<DType> dtype = DType::parse(elements);
  if (!dtype) detail::fail(loc, "array_constant: '" + name + "': no tensor holds " + elements);
  return trace.declare(trace.full_name(name, loc),
                       {.type = {*dtype, {values.shape().begin(), values.shape().end()}},
                        .trained = false,
                        .loc = detail::place(loc),
                        .constant = std::make_shared<const Array>(values)});
}

void update(const Tensor& state, const Tensor& value, Loc loc) {
  detail::Trace::current(loc).update(state, value, loc);
}

Scope::Scope(const std::string& name, Loc loc) : trace_(&detail::Trace::current(loc)) {
  trace_->full_name(name, loc);  // the name must be fit
  trace_->open_scope(name);
}

Scope::~Scope() { trace_->close_scope(); }

bool training(Loc loc) { return detail::Trace::current(loc).training(); }

namespace detail {

Tensor steps_done(Loc loc) {
  return Trace::current(loc).declared(kStep, {i64[{}], zeros_init(), false, place(loc)});
}

Tensor updates_done(Loc loc) {
  const Pace* pace = Trace::current(loc).pace();
  return pace != nullptr ? pace->updates_done : steps_done(loc);
}

namespace {

// The row-major position of each element, i64.
Tensor linear_positions(const std::vector<Dim>& dims) {
  const Type type = i64[dims];
  if (dims.empty()) return zeros(type);
  Tensor position = iota(type, 0);
  for (int64_t i = 1; i < type.rank(); ++i)
    position =
        (dims[i].is_constant() ? position * dims[i].constant() : position * dim(dims[i])) + iota(type, i);
  return position;
}

// Distinct for small distinct (x, y).
Tensor mixed(const Tensor& x, const Tensor& y) { return x * static_cast<int64_t>(0x9E3779B97F4A7C15) + y; }

}  // namespace
}  // namespace detail

// Philox4x32-10: the key is made of name, seed, step and the times of the scans around, the counter is the
// position.
Tensor random_uniform(const std::string& name, const std::vector<Dim>& dims, Loc loc) {
  CalledFrom here(loc);
  detail::Trace& trace = detail::Trace::current(loc);
  const std::string full_name = trace.full_name(name, loc);
  trace.claim_stream(full_name, loc);

  const Tensor seed = trace.declared(detail::kSeed, {i64[{}], zeros_init(), false, detail::place(loc)});
  Tensor key =
      detail::mixed(xor_(seed, static_cast<int64_t>(detail::hash(full_name))), detail::steps_done(loc));
  for (const Tensor& time : trace.time_indices()) key = detail::mixed(key, cast(time, i64));
  const Tensor bits = random_bits(key, detail::linear_positions(dims));
  return cast(shr(bits, 8), f32) * 0x1p-24;
}

}  // namespace rondo
