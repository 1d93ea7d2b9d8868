// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/misuse.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim S("S"), T("T"), B("B");

// keys [S,B,width], or part of them: f64 numbers and their places.
struct Numbers {
  Array array;
  std::vector<double> values = rondo::testing::values(array);
  double operator()(int64_t a, int64_t b, int64_t c) const {
    return values[(a * array.shape()[1] + b) * array.shape()[2] + c];
  }
};

// The mean of values [S,rows,width] by exp(score(s)) over the first `length` time steps, of one row.
template <class Score>
std::vector<double> expected_context(Score score, const Numbers& seen, int64_t row, int64_t length) {
  std::vector<double> context(seen.array.shape()[2], 0.0);
  double total = 0;
  for (int64_t s = 0; s < length; ++s) total += std::exp(score(s));
  for (int64_t s = 0; s < length; ++s)
    for (size_t i = 0; i < context.size(); ++i) context[i] += std::exp(score(s)) / total * seen(s, row, i);
  return context;
}

const Numbers kKeys{noise({4, 3, 2}, 1)}, kValues{noise({4, 3, 5}, 2)}, kQuery{noise({1, 3, 2}, 3)};
const std::vector<int32_t> kLengths = {4, 0, 2};

Array query_of_a_step() { return Array::from<double>({3, 2}, std::span<const double>(kQuery.values)); }

}  // namespace

TEST_CASE("dot attention is the mean of values by the softmax of scaled products, within lengths") {
  const auto f =
      compile([](Tensor query, Tensor keys, Tensor values,
                 Tensor length) { return dot_attention(query, keys, {.values = values, .length = length}); },
              {f64[{B, 2}], f64[{S, B, 2}], f64[{S, B, 5}], i32[{B}]}, kBackend);
  const auto r = f(query_of_a_step(), kKeys.array, kValues.array, Array::from<int32_t>({3}, kLengths));
  std::vector<double> expected;
  for (int64_t row = 0; row < 3; ++row) {
    const auto score = [&](int64_t s) {
      return (kQuery(0, row, 0) * kKeys(s, row, 0) + kQuery(0, row, 1) * kKeys(s, row, 1)) / std::sqrt(2);
    };
    const auto context = expected_context(score, kValues, row, kLengths[row]);
    expected.insert(expected.end(), context.begin(), context.end());
  }
  check_array(r["context"], {3, 5}, expected, 1e-14);
  const std::vector<double> weights = values(r["weights"]);
  REQUIRE(weights.size() == 12);
  CHECK(weights[0] + weights[1] + weights[2] + weights[3] == doctest::Approx(1).epsilon(1e-15));
  for (const size_t padding : {4, 5, 6, 7, 10, 11}) CHECK(weights[padding] == 0);
}

TEST_CASE("a scale of 1 is Luong's dot; without values the keys are seen") {
  const auto f =
      compile([](Tensor query, Tensor keys) { return dot_attention(query, keys, {.scale = 1}).context; },
              {f64[{B, 2}], f64[{S, B, 2}]}, kBackend);
  std::vector<double> expected;
  for (int64_t row = 0; row < 3; ++row) {
    const auto score = [&](int64_t s) {
      return kQuery(0, row, 0) * kKeys(s, row, 0) + kQuery(0, row, 1) * kKeys(s, row, 1);
    };
    const auto context = expected_context(score, kKeys, row, 4);
    expected.insert(expected.end(), context.begin(), context.end());
  }
  check_array(f(query_of_a_step(), kKeys.array), {3, 2}, expected, 1e-14);
}

namespace {

struct Looks {
  Tensor context, weights;
};

// All three kinds, asked at once for T time steps and one after another in a scan.
template <class MakeAttend>
void check_at_once(MakeAttend make_attend) {
  const auto f = compile(
      [&](Tensor queries, Tensor keys, Tensor length) {
        const auto attend = make_attend(keys, length);
        const Attention at_once = attend(queries);
        const auto cell = [&](Tensor query, Tensor count) {
          const Attention look = attend(query);
          return Step{count + 1, Looks{look.context, look.weights}};
        };
        const auto run = scan(cell, queries, {.initial = zeros({})});
        return std::array{at_once.context, at_once.weights, run.out.context, run.out.weights};
      },
      {f32[{T, B, 2}], f32[{S, B, 3}], i32[{B}]}, kBackend);
  const auto narrow = [](std::vector<int64_t> shape, uint64_t seed) {
    const std::vector<double> wide = values(noise(shape, seed));
    return Array::from<float>(std::move(shape), std::vector<float>(wide.begin(), wide.end()));
  };
  const auto r =
      f(f.init(1), narrow({2, 3, 2}, 4), narrow({4, 3, 3}, 5), Array::from<int32_t>({3}, kLengths));
  check_array(r["[0]"], {2, 3, 3}, values(r["[2]"]), 1e-6);
  check_array(r["[1]"], {2, 3, 4}, values(r["[3]"]), 1e-6);
  double total = 0;
  for (const double weight : values(r["[1]"])) total += weight;
  CHECK(total == doctest::Approx(4).epsilon(1e-6));  // two rows of three have a memory
}

}  // namespace

TEST_CASE("attention for all time steps at once is that of each in a cell") {
  check_at_once([](Tensor keys, Tensor length) {
    const Tensor narrow = slice(keys, -1, 0, 2);
    return [=](Tensor query) { return dot_attention(query, narrow, {.values = keys, .length = length}); };
  });
  check_at_once([](Tensor keys, Tensor length) {
    return nn::additive_attention("attention", 7, keys, {.length = length});
  });
  check_at_once([](Tensor keys, Tensor length) {
    return nn::luong_attention("attention", 2, keys, {.length = length});
  });
}

TEST_CASE("the layers are their formulas, and declare their weights once") {
  const auto f = compile(
      [](Tensor query, Tensor keys) {
        const auto additive = nn::additive_attention("additive", 1, keys);
        const auto luong = nn::luong_attention("luong", 2, keys);
        additive(query);
        return std::array{additive(query).context, luong(query).context};
      },
      {f32[{B, 2}], f32[{S, B, 1}]}, kBackend);
  Weights weights = f.init(0);
  std::string names;
  for (const auto& [name, array] : weights.arrays()) names += name + " " + type_text(array) + ", ";
  CHECK(names ==
        "additive.U f32[2,1], additive.W f32[1,1], additive.b f32[1], additive.v f32[1], luong.W f32[1,2], ");
  weights.set("additive.W", floats({1, 1}, {0.5}));
  weights.set("additive.U", floats({2, 1}, {1, -1}));
  weights.set("additive.b", floats({1}, {0.25}));
  weights.set("additive.v", floats({1}, {3}));
  weights.set("luong.W", floats({1, 2}, {2, -1}));
  const auto r = f(weights, floats({1, 2}, {0.5, 0.125}), floats({2, 1, 1}, {1, -2}));
  const double bahdanau = 3 * (std::tanh(0.5 + 0.375 + 0.25) - std::tanh(-1 + 0.375 + 0.25));
  const auto between = [](double scores) { return -2 + 3 / (1 + std::exp(-scores)); };  // of 1 and -2
  check_array(r["[0]"], {1, 1}, {between(bahdanau)}, 1e-6);
  check_array(r["[1]"], {1, 1}, {between(3 * (0.5 * 2 - 0.125))}, 1e-6);
}

TEST_CASE("the gradient of attention is the finite difference") {
  check_gradient(
      [](Tensor query, Tensor keys, Tensor values) {
        const Tensor length = iota(i32[{B}], 0);
        const Attention look = dot_attention(query, keys, {.values = values, .length = length});
        return sum(look.context * look.context) + sum(look.weights * look.weights);
      },
      {f64[{B, 2}], f64[{S, B, 2}], f64[{S, B, 5}]}, {query_of_a_step(), kKeys.array, kValues.array});
}

TEST_CASE("attention says what does not fit") {
  const auto keys = [] { return zeros({T, 5, 4}); };
  // x f32[B,4], y f32[4,3], i i32[B]; T is a size that no argument tells, but these fail before that matters.
  CHECK_MISUSE(dot_attention(x, x).context,
               "dot_attention: keys are [time steps, rows, width], found f32[B,4]");
  CHECK_MISUSE(dot_attention(sum(x), keys()).context,
               "dot_attention: a query is [5,width] or [T,5,width], by the rows of the keys, found f32[]");
  CHECK_MISUSE(dot_attention(x, keys()).context,
               "dot_attention: a query is [5,width] or [T,5,width], by the rows of the keys, found f32[B,4]");
  CHECK_MISUSE(dot_attention(zeros({5, 3}), keys()).context,
               "dot_attention: a query must be as wide as the keys, 4, found f32[5,3]");
  CHECK_MISUSE(dot_attention(zeros({5, 4}), keys(), {.values = zeros({T, 4, 4})}).context,
               "dot_attention: values have the time steps and rows of the keys f32[T,5,4], found f32[T,4,4]");
  CHECK_MISUSE(dot_attention(zeros({5, 4}), keys(), {.length = i}).context,
               "dot_attention: length has one element for each row of the keys f32[T,5,4], found i32[B]");
  CHECK_MISUSE(dot_attention(zeros({5, 4}), keys(), {.length = x}).context,
               "dot_attention: length is i32 or i64 with one dim, the rows, found f32[B,4]");
  CHECK_MISUSE(nn::additive_attention("a", 0, keys())(x).context,
               "attention 'a': units must be 1 or more, found 0");
  CHECK_MISUSE(nn::additive_attention("a", 3, zeros({5, 4, T}))(x).context,
               "attention 'a': the width of keys must be a number, found f32[5,4,T]");
  CHECK_MISUSE(nn::additive_attention("a", 3, keys())(zeros({5, T})).context,
               "attention 'a': the width of a query must be a number, found f32[5,T]");
  CHECK_MISUSE(nn::luong_attention("a", 3, keys())(zeros({5, 2})).context,
               "attention 'a': a query must be as wide as the keys, 3, found f32[5,2]");
}
