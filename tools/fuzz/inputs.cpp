// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/signature.h"
#include "tools/fuzz/work.h"

namespace rondo::fuzz {

using runtime::Array;
using runtime::Bfloat16;
using runtime::ElementType;

std::vector<Array*> Inputs::pointers() {
  std::vector<Array*> list;
  for (Array& array : arrays) list.push_back(&array);
  return list;
}

namespace {

bool guards_hold(const ir::Function& function, const Sizes& sizes) {
  return std::all_of(function.guards.begin(), function.guards.end(), [&](const ir::Guard& guard) {
    const int64_t left = guard.left.evaluate(sizes), right = guard.right.evaluate(sizes);
    return guard.equal ? left == right : left <= right;
  });
}

double draw_float(Random& random, Values values, int lane) {
  if (values == Values::kNormal || lane < 6) return random.normal();
  switch (lane) {
    case 6:
      return 30 * random.normal();
    case 7:
      return static_cast<double>(random.between(-1, 1)) * (random.chance(0.5) ? 1.0 : -1.0);
    case 8:
      return random.normal() * 1e-39;
    default:
      break;
  }
  static const std::vector<double> special = {INFINITY, -INFINITY, NAN, -0.0, 0.0, 1e38, -1e38};
  return random.chance(0.7) ? random.normal() : random.pick(special);
}

int64_t draw_int(Random& random, Values values) {
  static const std::vector<int64_t> special = {std::numeric_limits<int32_t>::min(),
                                               std::numeric_limits<int32_t>::max(),
                                               std::numeric_limits<int64_t>::min(),
                                               -1,
                                               0,
                                               31,
                                               32,
                                               63,
                                               64};
  return values == Values::kMixed && random.chance(0.1) ? random.pick(special) : random.between(-4, 12);
}

template <class T, class Draw>
void fill(Array& array, Draw draw) {
  for (T& element : array.data<T>()) element = static_cast<T>(draw());
}

}  // namespace

Array draw_array(ElementType type, const std::vector<int64_t>& shape, Random& random, Values values) {
  Array array = Array::zeros(type, shape);
  const int lane = static_cast<int>(random.below(10));
  const auto real = [&] { return draw_float(random, values, lane); };
  const auto whole = [&] { return draw_int(random, values); };
  switch (type) {
    case ElementType::f32:
      fill<float>(array, real);
      break;
    case ElementType::f64:
      fill<double>(array, real);
      break;
    case ElementType::bf16:
      for (Bfloat16& element : array.data<Bfloat16>())
        element = Bfloat16::nearest(static_cast<float>(real()));
      break;
    case ElementType::i32:
      fill<int32_t>(array, whole);
      break;
    case ElementType::i64:
      fill<int64_t>(array, whole);
      break;
    default:
      fill<bool>(array, [&] { return random.chance(0.5); });
      break;
  }
  return array;
}

namespace {

double value_of(double x) { return x; }
double value_of(Bfloat16 x) { return x.value(); }

template <class T>
bool same_elements(const Array& x, const Array& y, bool zeros_equal) {
  const auto a = x.data<T>(), b = y.data<T>();
  for (size_t i = 0; i < a.size(); ++i) {
    const double value = value_of(a[i]), other = value_of(b[i]);
    if (std::isnan(value) && std::isnan(other)) continue;
    if (zeros_equal && value == other) continue;
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<Sizes> draw_sizes(const ir::Function& function, Random& random, double most_work) {
  static const std::vector<int64_t> lengths = {0, 1, 2, 3, 4, 7, 17, 33}, large = {64, 130, 300, 4097, 8200};
  for (int tries = 0; tries < 20; ++tries) {
    Sizes sizes = {{"T", random.pick(lengths)}, {"B", random.pick(lengths)}};
    const bool stretch = random.chance(0.2);
    if (stretch) sizes[random.chance(0.5) ? "T" : "B"] = random.pick(large);
    ir::derive(sizes, function.derived);
    if (guards_hold(function, sizes) && work_of(function, sizes) <= most_work) return sizes;
  }
  return std::nullopt;
}

std::optional<Inputs> draw_inputs(const ir::Function& function, Random& random, Values values,
                                  double most_work) {
  const backends::Signature signature(function);
  const std::optional<Sizes> sizes = draw_sizes(function, random, most_work);
  if (!sizes) return std::nullopt;
  Inputs inputs{*sizes, {}};
  for (const backends::Signature::Param& param : signature.params)
    inputs.arrays.push_back(draw_array(backends::element_type(param.type.dtype),
                                       backends::shape_of(param.type, *sizes), random, values));
  return inputs;
}

std::string at_sizes(const Sizes& sizes) {
  std::string text = " at";
  for (const auto& [symbol, value] : sizes) text += " " + symbol + "=" + std::to_string(value);
  return text;
}

bool same_bits(const Array& x, const Array& y, bool zeros_equal) {
  if (x.type() != y.type() || x.shape() != y.shape()) return false;
  if (x.type() == ElementType::f32) return same_elements<float>(x, y, zeros_equal);
  if (x.type() == ElementType::f64) return same_elements<double>(x, y, zeros_equal);
  if (x.type() == ElementType::bf16) return same_elements<Bfloat16>(x, y, zeros_equal);
  return std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
}

bool all_finite(const Array& x) {
  const auto finite = [](auto values) {
    return std::all_of(values.begin(), values.end(),
                       [](auto value) { return std::isfinite(value_of(value)); });
  };
  if (x.type() == ElementType::f32) return finite(x.data<float>());
  if (x.type() == ElementType::f64) return finite(x.data<double>());
  if (x.type() == ElementType::bf16) return finite(x.data<Bfloat16>());
  return true;
}

}  // namespace rondo::fuzz
