// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// bf16 through the front end: what is rounded where, mixed precision, and files.
#include "tests/frontend/helpers.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

Array narrow(std::vector<int64_t> shape, std::initializer_list<float> values) {
  std::vector<Bfloat16> elements;
  for (float value : values) elements.push_back(Bfloat16::nearest(value));
  return Array::from<Bfloat16>(std::move(shape), std::span<const Bfloat16>(elements));
}

// A layer of a recurrent network whose dots take bf16 and whose weights and state are f32.
struct MixedCell {
  Tensor W, U;
  Tensor operator()(const Tensor& x, const Tensor& h) const {
    return tanh(dot(cast(x, bf16), cast(W, bf16)) + dot(cast(h, bf16), cast(U, bf16)));
  }
};

}  // namespace

TEST_CASE("bf16 is stored, computed with in f32, and contracted into f32") {
  const Dim B("B");
  const auto f = compile(
      [&](Tensor x, Tensor W) {
        CHECK(dot(x, cast(W, bf16)).type() == f32[{B, 2}]);
        struct {
          Tensor scaled, product, total, wide;
        } r{x * 3, dot(x, cast(W, bf16)), sum(x, {1}), cast(x, f32) * 0.1};
        return r;
      },
      {bf16[{B, 2}], f32[{2, 2}]}, kBackend);
  const auto r = f(narrow({2, 2}, {1, 1.0078125, 3, 256}), floats({2, 2}, {1, 0, 1.001f, 1}));
  CHECK(r["scaled"].type() == runtime::ElementType::bf16);
  check_array(r["scaled"], {2, 2}, {3, 3.03125, 9, 768});  // 3 * 1.0078125 = 3.0234375 is a tie
  check_array(r["product"], {2, 2}, {2.0078125, 1.0078125, 259, 256});
  CHECK(r["total"].type() == runtime::ElementType::bf16);
  check_array(r["total"], {2}, {2, 260});  // 2.0078125 and 259, rounded
  check_array(r["wide"], {2, 2}, {0.1, 0.10078125, 0.3, 25.6}, 1e-7);
}

TEST_CASE("functions and losses take bf16 and give it") {
  const Dim B("B");
  const auto all = [](const Tensor& x, const Tensor& labels) {
    struct {
      Tensor softmax, normal, mean, cross_entropy, mse;
    } r{softmax(x), layer_norm(x), mean(x, {1}), cross_entropy(x, labels), mse(x, zeros(x.type()))};
    return r;
  };
  const Array labels = ints({2}, {1, 2});
  const auto in_bf16 =
      compile(all, {bf16[{B, 3}], i32[{B}]}, kBackend)(narrow({2, 3}, {1, 2, -1, 0.5f, 0, 3}), labels);
  const auto in_f32 =
      compile(all, {f32[{B, 3}], i32[{B}]}, kBackend)(floats({2, 3}, {1, 2, -1, 0.5f, 0, 3}), labels);
  for (const char* name : {"softmax", "normal", "mean", "cross_entropy", "mse"}) {
    CAPTURE(name);
    CHECK(in_bf16[name].type() == runtime::ElementType::bf16);
    check_array(in_bf16[name], in_f32[name].shape(), values(in_f32[name]), 0.02);
  }
}

TEST_CASE("a carry of bf16 is rounded at each time step, one of f32 never") {
  const Dim T("T");
  const auto f = compile(
      [&](Tensor x) {
        const auto sum = [](Tensor x, Tensor s) { return s + x; };
        struct {
          Tensor narrow, wide;
        } r{scan(sum, x, {.initial = full(bf16[{}], 256)}).last,
            scan(sum, cast(x, f32), {.initial = full(f32[{}], 256)}).last};
        return r;
      },
      {bf16[{T}]}, kBackend);
  const auto r = f(narrow({3}, {1, 1, 1}));
  check_array(r["narrow"], {}, {256});  // 257 is a tie each time
  check_array(r["wide"], {}, {259});
}

TEST_CASE("a loop whose dots take bf16 gives f32 weights the gradients of f32, but for rounding") {
  const Dim T("T"), B("B");
  const auto loss = [](const auto& cell, const Tensor& x) {
    const Tensor initial = zeros({x.dim(1), 3});
    return mean(scan(cell, x, {.initial = initial}).all * 4);
  };
  const auto gradients = [&](auto cell_of) {
    return compile(
        [&, cell_of](Tensor x, Tensor W, Tensor U) {
          const auto both = value_and_grad([&](Tensor w, Tensor u) { return loss(cell_of(w, u), x); })(W, U);
          struct {
            Tensor value, dW, dU;
          } r{both.value, both.gradient[0], both.gradient[1]};
          return r;
        },
        {f32[{T, B, 2}], f32[{2, 3}], f32[{3, 3}]}, kBackend);
  };
  const auto mixed = gradients([](Tensor W, Tensor U) { return MixedCell{W, U}; });
  const auto wide = gradients(
      [](Tensor W, Tensor U) { return [=](Tensor x, Tensor h) { return tanh(dot(x, W) + dot(h, U)); }; });
  const Array x = floats({4, 1, 2}, {0.3f, -0.7f, 1.1f, 0.2f, -0.4f, 0.9f, 0.5f, -1.2f});
  const Array W = floats({2, 3}, {0.11f, -0.3f, 0.7f, 0.23f, 0.51f, -0.6f});
  const Array U = floats({3, 3}, {0.3f, -0.21f, 0.4f, 0.13f, 0.2f, -0.37f, -0.5f, 0.31f, 0.1f});
  const auto found = mixed(x, W, U), expected = wide(x, W, U);
  for (const char* name : {"value", "dW", "dU"}) {
    CAPTURE(name);
    CHECK(found[name].type() == runtime::ElementType::f32);
    check_array(found[name], expected[name].shape(), values(expected[name]), 0.02);
  }
}

TEST_CASE("a loss of bf16 is a number, and a training step keeps f32 weights") {
  const auto step = train_step(
      [](Tensor x, Tensor target) {
        const Tensor W = param("W", {2, 1}, zeros_init());
        return cast(mse(dot(x, cast(W, bf16)), target), bf16);
      },
      {bf16[{2, 2}], f32[{2, 1}]}, sgd(0.05), kBackend);
  Weights weights = step.init(1);
  const Array x = narrow({2, 2}, {1, 2, 3, -1}), target = floats({2, 1}, {5, 1});
  CHECK(double{step(weights, x, target)} == 13);
  CHECK(weights.at("W").type() == runtime::ElementType::f32);
  double last = 13;
  for (int i = 0; i < 200; ++i) last = step(weights, x, target);
  CHECK(last < 1e-3);
  check_array(weights.at("W"), {2, 1}, {1, 2}, 0.02);
}

TEST_CASE("with bf16 as precision a loop's weights are rounded once a step, and train to nearly the same") {
  constexpr int64_t kWidth = 8;
  const Dim T("T"), B("B");
  const auto make = [&](const std::string& precision) {
    Options options = kBackend;
    options.precision = precision;
    return train_step(
        [](Tensor x, Tensor target) {
          const auto run = scan(nn::lstm("cell", kWidth, kWidth), x);
          return mse(nn::linear("out", 1)(run.last.h), target);
        },
        {f32[{T, B, kWidth}], f32[{B, 1}]}, adam(0.02), options);
  };
  const auto step = make("bf16"), wide_step = make("f32");
  const std::string ir = step.optimised_ir();
  const std::string loop = ir.substr(ir.find("scan T"), ir.find("return") - ir.find("scan T"));
  CHECK(ir.find(": bf16[8,32]") < ir.find("scan T"));  // a weight
  CHECK(loop.find("dot ") != std::string::npos);
  CHECK(wide_step.optimised_ir().find(": bf16[") == std::string::npos);

  Weights weights = step.init(1), wide_weights = wide_step.init(1);
  CHECK(weights.at("cell.U").type() == runtime::ElementType::f32);
  const Array target = floats({2, 1}, {0.5f, -0.25f});
  Array x = Array::zeros(runtime::ElementType::f32, {5, 2, kWidth});
  for (size_t i = 0; i < x.data<float>().size(); ++i) x.data<float>()[i] = std::sin(static_cast<float>(i));
  const double first = step(weights, x, target), wide_first = wide_step(wide_weights, x, target);
  CHECK(first != wide_first);
  CHECK(first == doctest::Approx(wide_first).epsilon(0.02));
  double last = first;
  for (int i = 0; i < 60; ++i) last = step(weights, x, target);
  CHECK(last < 0.05 * first);
}

TEST_CASE("weights of bf16 begin rounded, and come back from a file as they were") {
  const TemporaryFolder folder;
  const auto f =
      compile([](Tensor x) { return x * param("w", bf16[{3}], constant(0.1)); }, {bf16[{3}]}, kBackend);
  Weights weights = f.init(1);
  CHECK(weights.at("w").type() == runtime::ElementType::bf16);
  check_array(weights.at("w"), {3}, std::vector<double>(3, Bfloat16::nearest(0.1f).value()));
  weights.set("w", narrow({3}, {1.5f, -2, 0x1p-130f}));
  weights.save(folder / "narrow.safetensors");
  Weights loaded = f.init(2);
  loaded.load(folder / "narrow.safetensors");
  check_array(loaded.at("w"), {3}, {1.5, -2, 0x1p-130});
  check_array(f(loaded, narrow({3}, {2, 3, 4})), {3}, {3, -6, 0x1p-128});
}
