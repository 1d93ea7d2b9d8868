// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/attention.h"

#include <cmath>

#include "frontend/src/lengths.h"
#include "frontend/src/options.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"
#include "rondo/param.h"

namespace rondo {

namespace detail {

Memory::Memory(std::string label, const Tensor& keys, const Tensor& values, const Tensor& length, Loc loc)
    : label_(std::move(label)), keys_(keys), values_(values.is_empty() ? keys : values) {
  const Type& key = keys_.type(loc);
  const Type& value = values_.type(loc);
  if (key.rank() != 3) fail(loc, label_ + ": keys are [time steps, rows, width], found " + key.text());
  if (value.rank() != 3 || value.dims[0] != key.dims[0] || value.dims[1] != key.dims[1])
    fail(loc, label_ + ": values have the time steps and rows of the keys " + key.text() + ", found " +
                  value.text());
  if (length.is_empty()) return;
  const Tensor lengths = checked_lengths(label_, length, key.dims[0], loc);
  if (lengths.dim(0) != key.dims[1])
    fail(loc, label_ + ": length has one element for each row of the keys " + key.text() + ", found " +
                  length.type().text());
  mask_ = transpose(mask_of_lengths(lengths, key.dims[0]), {1, 0});
}

void Memory::check_query(const Tensor& query, Loc loc) const {
  const Type& type = query.type(loc);
  const Dim rows = keys_.dim(1);
  if ((type.rank() != 2 && type.rank() != 3) || type.dims[type.rank() - 2] != rows)
    fail(loc, label_ + ": a query is [" + rows.text() + ",width] or [T," + rows.text() +
                  ",width], by the rows of the keys, found " + type.text());
}

Attention Memory::look(const Tensor& scores) const {
  const Tensor weights = mask_.is_empty() ? softmax(scores) : masked_softmax(scores, mask_);
  if (scores.rank() == 2)
    return {dot(weights, values_, {.contract_x = {1}, .contract_y = {0}, .batch_x = {0}, .batch_y = {1}}),
            weights};
  const Tensor by_rows =
      dot(weights, values_, {.contract_x = {2}, .contract_y = {0}, .batch_x = {1}, .batch_y = {1}});
  return {transpose(by_rows, {1, 0, 2}), weights};
}

}  // namespace detail

namespace {

// query . key: [rows, S] or [T, rows, S].
Tensor products(const Tensor& query, const Tensor& keys) {
  if (query.rank() == 2)
    return dot(keys, query, {.contract_x = {2}, .contract_y = {1}, .batch_x = {1}, .batch_y = {0}});
  return transpose(dot(query, keys, {.contract_x = {2}, .contract_y = {2}, .batch_x = {1}, .batch_y = {1}}),
                   {1, 0, 2});
}

int64_t fixed_width(const std::string& label, const char* what, const Tensor& x, Loc loc) {
  const Dim width = x.dim(-1, loc);
  if (!width.is_constant())
    detail::fail(loc, label + ": the width of " + what + " must be a number, found " + x.type().text());
  return width.constant();
}

// As PyTorch's linear layers begin.
Initializer uniform_within(int64_t inputs) {
  const double limit = 1 / std::sqrt(static_cast<double>(inputs));
  return uniform(-limit, limit);
}

std::string label_of(const std::string& name) { return "attention '" + name + "'"; }

// Throws Error unless a query has the width of what it is multiplied with.
void check_width(const std::string& label, const Tensor& query, Dim width, Loc loc) {
  if (query.dim(-1) != width)
    detail::fail(loc, label + ": a query must be as wide as the keys, " + width.text() + ", found " +
                          query.type().text());
}

}  // namespace

Attention dot_attention(const Tensor& query, const Tensor& keys, DotAttentionOptions options, Loc loc) {
  CalledFrom here(loc);
  const detail::Memory memory("dot_attention", keys, options.values, options.length, loc);
  memory.check_query(query, loc);
  check_width("dot_attention", query, keys.dim(-1), loc);
  const Tensor scaled =
      options.scale ? query * *options.scale : query * rsqrt(cast(dim(keys.dim(-1)), query.dtype()));
  return memory.look(products(scaled, keys));
}

namespace nn {

AdditiveAttention::AdditiveAttention(const std::string& name, int64_t units, const Tensor& keys,
                                     MemoryOptions options, Loc loc)
    : memory_(label_of(name), keys, options.values, options.length, loc),
      full_name_(detail::Trace::current(loc).full_name(name, loc)),
      units_(units),
      loc_(detail::place(loc)) {
  CalledFrom here(loc);
  detail::check_count(label_of(name), "units", units, loc);
  const int64_t width = fixed_width(label_of(name), "keys", keys, loc);
  const Initializer init = uniform_within(width);
  projected_ = dot(keys, param(name + ".W", {width, units}, init)) + param(name + ".b", {units}, init);
  v_ = param(name + ".v", {units}, uniform_within(units));
}

Attention AdditiveAttention::operator()(const Tensor& query, Loc loc) const {
  CalledFrom here(loc);
  memory_.check_query(query, loc);
  const int64_t width = fixed_width(label_of(full_name_), "a query", query, loc);
  if (U_->is_empty())
    *U_ = detail::Trace::current(loc).declare(full_name_ + ".U",
                                              {f32[{width, units_}], uniform_within(width), true, loc_});
  const Tensor looked_for = expand_dims(dot(query, *U_), query.rank() - 2);
  const Tensor scores = dot(tanh(projected_ + looked_for), v_);  // [.., S, rows]
  return memory_.look(query.rank() == 2 ? transpose(scores, {1, 0}) : transpose(scores, {0, 2, 1}));
}

LuongAttention::LuongAttention(const std::string& name, int64_t query_width, const Tensor& keys,
                               MemoryOptions options, Loc loc)
    : memory_(label_of(name), keys, options.values, options.length, loc), name_(name) {
  CalledFrom here(loc);
  detail::check_count(label_of(name), "query_width", query_width, loc);
  const int64_t width = fixed_width(label_of(name), "keys", keys, loc);
  projected_ = dot(keys, param(name + ".W", {width, query_width}, uniform_within(width)));
}

Attention LuongAttention::operator()(const Tensor& query, Loc loc) const {
  CalledFrom here(loc);
  memory_.check_query(query, loc);
  check_width(label_of(name_), query, projected_.dim(-1), loc);
  return memory_.look(products(query, projected_));
}

}  // namespace nn
}  // namespace rondo
