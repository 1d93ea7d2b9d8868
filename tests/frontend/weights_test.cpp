// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/helpers.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

Weights two_weights() {
  Weights weights;
  weights.set("a", floats({2}, {1, 2}));
  weights.set("b", ints({}, {3}));
  return weights;
}

}  // namespace

TEST_CASE("weights come back from a file as they were") {
  const TemporaryFolder folder;
  Weights saved = two_weights();
  saved.metadata["vocabulary"] = "the\nof";
  saved.save(folder / "model.safetensors");

  Weights loaded = two_weights();
  loaded.set("a", floats({2}, {0, 0}));
  loaded.load(folder / "model.safetensors");
  check_array(loaded.at("a"), {2}, {1, 2});
  check_array(loaded.at("b"), {}, {3});
  CHECK(loaded.metadata == saved.metadata);

  const Weights read = Weights::read(folder / "model.safetensors");
  check_array(read.at("a"), {2}, {1, 2});
}

TEST_CASE("training goes on from a file as if it had not stopped") {
  const TemporaryFolder folder;
  const Dim B("B");
  const auto step = train_step([](Tensor x) { return mean(nn::dropout("d", 0.5)(nn::linear("l", 3)(x))); },
                               {f32[{B, 2}]}, adam(0.1), kBackend);
  const Array x = floats({2, 2}, {1, 2, 3, 4});
  Weights whole = step.init(9);
  for (int i = 0; i < 3; ++i) step(whole, x);
  whole.save(folder / "half.safetensors");
  Weights resumed = step.init(0);
  resumed.load(folder / "half.safetensors");
  for (int i = 0; i < 3; ++i) CHECK(step(whole, x) == step(resumed, x));
  for (const auto& [name, array] : whole.arrays()) CHECK(values(resumed.at(name)) == values(array));
}

TEST_CASE("a state without sizes may be in the file or not") {
  const TemporaryFolder folder;
  const Dim B("B");
  const auto f = compile(
      [&](Tensor x) {
        const Tensor h = state("h", {B});
        update(h, h + x);
        return h;
      },
      {f32[{B}]}, kBackend);
  Weights fresh = f.init(0), used = f.init(0);
  fresh.save(folder / "fresh");
  f(used, floats({2}, {1, 2}));
  used.save(folder / "used");
  fresh.load(folder / "used");
  check_array(f(fresh, floats({2}, {0, 0})), {2}, {1, 2});
  used.load(folder / "fresh");
  check_array(f(used, floats({3}, {0, 0, 0})), {3}, {0, 0, 0});
}
