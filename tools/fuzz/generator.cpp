// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/generator.h"

#include <algorithm>
#include <set>

#include "ir/ops/elementwise.h"
#include "ir/ops/support.h"
#include "tools/fuzz/work.h"

namespace rondo::fuzz {

using namespace rondo::ir;

namespace {

constexpr int64_t kMaxElements = 4000;        // of one value, when every symbol is kTypicalSize
constexpr int64_t kMaxLargeElements = 40000;  // of one value in a program with a large dim
constexpr int64_t kTypicalSize = 5;
constexpr size_t kMaxParams = 8;
constexpr size_t kMaxResults = 10;

const Sizes kTypical = {{"T", kTypicalSize}, {"B", kTypicalSize}};

}  // namespace

const std::vector<std::pair<const OpRow*, Generator::Recipe>>& Generator::recipes() {
  static const std::vector<std::pair<const OpRow*, Recipe>> list = {
      {&ops::compare, &Generator::add_compare},
      {&ops::convert, &Generator::add_convert},
      {&ops::bitcast, &Generator::add_bitcast},
      {&ops::broadcast, &Generator::add_broadcast},
      {&ops::reshape, &Generator::add_reshape},
      {&ops::transpose, &Generator::add_transpose},
      {&ops::slice, &Generator::add_slice},
      {&ops::pad, &Generator::add_pad},
      {&ops::concat, &Generator::add_concat},
      {&ops::split, &Generator::add_split},
      {&ops::reduce_sum, &Generator::add_reduce_sum},
      {&ops::reduce_max, &Generator::add_reduce_max},
      {&ops::reduce_min, &Generator::add_reduce_min},
      {&ops::argmax, &Generator::add_argmax},
      {&ops::dot, &Generator::add_dot},
      {&ops::gather, &Generator::add_gather},
      {&ops::scatter_add, &Generator::add_scatter_add},
      {&ops::scatter_set, &Generator::add_scatter_set},
      {&ops::topk, &Generator::add_topk},
      {&ops::constant, &Generator::add_constant},
      {&ops::iota, &Generator::add_iota},
      {&ops::dim, &Generator::add_dim},
      {&ops::check, &Generator::add_check},
      {&ops::scan, &Generator::add_scan},
      {&ops::cond, &Generator::add_cond},
      {&ops::while_, &Generator::add_while},
      {&ops::call, &Generator::add_call},
  };
  return list;
}

bool Generator::can_draw(const OpRow& row) {
  if (row.is_elementwise() && row.math.arity > 0) return true;
  return std::any_of(recipes().begin(), recipes().end(),
                     [&](const auto& entry) { return entry.first == &row; });
}

std::unique_ptr<Function> Generator::make(const std::string& name) {
  // Around the blocks of dots and of reductions.
  static const std::vector<int64_t> large = {100,  128,  129,  130,  144,  200,  260,
                                             4095, 4096, 4097, 4113, 5000, 8192, 8200};
  large_ = random_.chance(options_.large) ? random_.pick(large) : 0;
  std::unique_ptr<Function> function;
  do {
    function = draw(name);
  } while (work_of(*function, typical_) > kMaxWork);
  if (random_.chance(0.5))
    for (ParamInfo& info : function->param_infos) info.donate = random_.chance(0.5);
  return function;
}

std::unique_ptr<Function> Generator::draw(const std::string& name) {
  auto function = std::make_unique<Function>(name);
  // T and B must each be a whole dim of some parameter.
  const char* whole = random_.chance(0.5) ? "T" : "B";
  Value* x = function->add_param((options_.doubles ? f64 : f32)[{Dim("T"), Dim("B"), 3}], "x");
  derived_ = random_.chance(0.3)
                 ? function->floordiv(Dim(whole), random_.between(2, 3), Loc::in("random.cpp", 1))
                 : 1;
  typical_ = kTypical;
  derive(typical_, function->derived);
  Place place{Builder(function->body, Loc::in("random.cpp", 1)), {x}, 0};
  fill(place, 0, options_.ops / 2);
  if (large_ > 0) add_large(place);
  if (random_.chance(options_.layers)) add_layers(place);
  fill(place, options_.ops / 2, options_.ops);
  if (options_.ends_in_scan) {
    const size_t before = place.pool.size();
    add_scan(place);
    for (size_t i = before; i < place.pool.size(); ++i)
      if (place.pool[i]->type.dtype.is_float()) function->body.results.push_back(place.pool[i]);
  }
  for (Value* value : unused(place, kMaxResults)) function->body.results.push_back(value);
  return function;
}

// What nothing has used yet: yielded, it keeps what was drawn alive. Late values first, floats before others.
Values Generator::unused(const Place& place, size_t most) {
  std::set<const Value*> used(place.b.graph().results.begin(), place.b.graph().results.end());
  for (const auto& op : place.b.graph().ops) used.insert(op->operands.begin(), op->operands.end());
  Values values;
  for (auto value = place.pool.rbegin(); value != place.pool.rend(); ++value)
    if (used.insert(*value).second) values.push_back(*value);
  std::stable_partition(values.begin(), values.end(),
                        [](const Value* value) { return value->type.dtype.is_float(); });
  if (values.size() > most) values.resize(most);
  if (values.empty()) values.push_back(place.pool.back());
  return values;
}

void Generator::fill(Place& place, int begin, int end) {
  static const std::vector<const OpRow*> elementwise = [] {
    std::vector<const OpRow*> rows;
    for (const OpRow* row : all_rows())
      if (row->is_elementwise() && row->math.arity > 0) rows.push_back(row);
    return rows;
  }();
  for (int i = begin; i < end; ++i) {
    place.b.loc = Loc::in("random.cpp", 2 + i);
    if (options_.dots > 0 && random_.chance(options_.dots))
      add_dot(place);
    else if (random_.chance(0.5))
      add_elementwise(place, *random_.pick(elementwise));
    else
      (this->*random_.pick(recipes()).second)(place);
  }
}

// In a smooth program every value is kept within bounds now and then, so that differences stay accurate.
void Generator::keep(Place& place, Value* value) {
  if (options_.smooth && value->type.dtype.is_float() && random_.chance(0.4))
    value = into(place.b, value, -1.5, 1.5);
  place.pool.push_back(value);
}

// Nothing of a smooth program comes nearer to a kink than this: where it does, a check of the program fails, and
// arguments are drawn again. Steps, reduce_max and reduce_min need that; rows such as abs and max state intervals.
constexpr double kKinkDistance = 1e-2;

Value* Generator::far_from_step(Builder& b, const OpRow& row, Value* x) {
  Value* below = b.emit(row, {b.sub(x, b.like(x, kKinkDistance))})->result();
  Value* above = b.emit(row, {b.add(x, b.like(x, kKinkDistance))})->result();
  return b.check(x, b.compare("eq", below, above), "no step is near");
}

// Elements that are equal are taken for copies of one element, which stay equal.
Value* Generator::far_from_tie(Builder& b, const OpRow& row, Value* x, int64_t dim) {
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < x->type.rank(); ++i)
    if (i != dim) kept.push_back(i);
  Value* found = b.emit(row, {x}, {make_attr(row, "dims", {ints({dim})})})->result();
  Value* extreme = b.broadcast(found, kept, x->type.dims);
  Value* far = b.compare("gt", b.abs(b.sub(x, extreme)), b.like(x, kKinkDistance));
  return b.check(x, b.or_(far, b.compare("eq", x, extreme)), "no other element is near the one that counts");
}

Value* Generator::into(Builder& b, Value* x, double low, double high) {
  return b.add(b.mul(b.tanh(x), b.like(x, (high - low) / 2)), b.like(x, (high + low) / 2));
}

bool Generator::fits(const Type& type) const {
  return type.rank() <= 4 &&
         std::all_of(type.dims.begin(), type.dims.end(), [](Dim d) { return d.terms().size() <= 3; }) &&
         type.size().evaluate(typical_) <= (large_ > 0 ? kMaxLargeElements : kMaxElements);
}

Dim Generator::random_dim() {
  if (large_ > 0 && random_.chance(0.2)) return large_;
  switch (random_.below(8)) {
    case 0:
    case 1:
      return Dim("T");
    case 2:
    case 3:
      return Dim("B");
    case 4:
      return derived_;
    case 5:
      return random_.chance(0.1) ? 17 : 2;
    default:
      return random_.between(2, 5);
  }
}

std::vector<Dim> Generator::random_dims(int max_rank) {
  std::vector<Dim> dims(static_cast<size_t>(random_.between(0, max_rank)));
  for (Dim& dim : dims) dim = random_dim();
  while (!fits({f32, dims})) dims.pop_back();
  return dims;
}

DType Generator::random_dtype() {
  static const std::vector<DType> types = {f32, f32, f32, f64, bf16, i32, i64, i1};
  return allowed(random_.pick(types));
}

// The type, or what the options have in its place.
DType Generator::allowed(DType type) const {
  if (options_.doubles && type.is_float()) return f64;
  return !options_.narrow && type == bf16 ? f32 : type;
}

// Late values more often than early ones: that makes chains and not bushes.
Value* Generator::any(Place& place) {
  const int64_t n = static_cast<int64_t>(place.pool.size());
  return place.pool[static_cast<size_t>(n - 1 - std::min(random_.below(n), random_.below(n)))];
}

Value* Generator::any_of(Place& place, bool (*suits)(const Type&)) {
  for (int tries = 0; tries < 8; ++tries) {
    Value* value = any(place);
    if (suits(value->type)) return value;
  }
  for (int tries = 0; tries < 32; ++tries) {
    const Type type{random_dtype(), random_dims(3)};
    if (suits(type)) return of_type(place, type);
  }
  return of_type(place, (options_.doubles ? f64 : f32)[{3}]);
}

Value* Generator::of_type(Place& place, const Type& type) {
  Values matches;
  for (Value* value : place.pool)
    if (value->type == type) matches.push_back(value);
  if (!matches.empty() && random_.chance(0.8)) return random_.pick(matches);
  Value* value = fresh(place, type);
  place.pool.push_back(value);
  return value;
}

Value* Generator::new_param(Place& place, const Type& type) {
  Function& function = place.b.function();
  return function.add_param(type, "p" + std::to_string(function.body.params.size()));
}

// A new value of that type: a parameter if this is the function's body, else made of what there is.
Value* Generator::fresh(Place& place, const Type& type) {
  if (place.depth == 0 && place.b.graph().params.size() < kMaxParams && random_.chance(0.5))
    return new_param(place, type);
  for (Value* value : place.pool)
    if (value->type.dims == type.dims && value->type.dtype.is_float() == type.dtype.is_float())
      return place.b.convert(value, type.dtype);
  for (Value* value : place.pool)
    if (value->type.rank() == 0 && value->type.dtype == type.dtype) return place.b.splat(value, type);
  if (type.dtype.is_int() && type.rank() > 0 && random_.chance(0.5))
    return place.b.iota(type, random_.below(type.rank()));
  return place.b.constant(type,
                          type.dtype.is_float() ? Number(random_.normal()) : Number(random_.between(-3, 9)));
}

}  // namespace rondo::fuzz
