// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdlib>
#include <optional>

#include "tests/frontend/helpers.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::testing;

// Files that PyTorch wrote, and what it computed from them, lie in tests/frontend/data; scripts/pytorch-exchange.py
// tells how they are made, and shows PyTorch what these tests write.
namespace {

const std::string kData = "tests/frontend/data/";
constexpr double kTolerance = 1e-5;
constexpr int64_t kInputs = 3, kHidden = 4;
const Dim T("T"), B("B");

Tensor stacked(std::vector<Tensor> parts) {
  for (Tensor& part : parts) part = expand_dims(part, 0);
  return concat(parts, 0);
}

// Row i of a tensor's first dim.
Tensor part(const Tensor& x, int64_t i) {
  return reshape(slice(x, 0, i, i + 1), {x.dims().begin() + 1, x.dims().end()});
}

// A module "rnn", as PyTorch's with the final states of all cells behind one another.
template <class Cell>
auto module_of(int64_t layers, bool bidirectional) {
  const int64_t cells = layers * (bidirectional ? 2 : 1);
  const auto run = [=](Tensor x, Tensor length, const std::vector<typename Cell::State>& initial) {
    const auto module = nn::layers<Cell>("rnn", kInputs, kHidden,
                                         {.layers = layers, .bidirectional = bidirectional, .dropout = 0.5});
    return module(x, {.length = length, .initial = initial});
  };
  const Type x = f32[{T, B, kInputs}], states = f32[{cells, B, kHidden}];
  if constexpr (std::is_same_v<Cell, nn::Lstm>) {
    const auto function = [=](Tensor x, Tensor length, Tensor h0, Tensor c0) {
      std::vector<nn::Lstm::State> initial;
      for (int64_t i = 0; i < cells; ++i) initial.push_back({part(h0, i), part(c0, i)});
      const auto result = run(x, length, initial);
      std::vector<Tensor> h, c;
      for (const auto& state : result.states) h.push_back(state.h), c.push_back(state.c);
      struct {
        Tensor all, h, c;
      } r{result.all, stacked(h), stacked(c)};
      return r;
    };
    return compile(function, {x, i32[{B}], states, states}, kBackend);
  } else {
    const auto function = [=](Tensor x, Tensor length, Tensor h0) {
      std::vector<typename Cell::State> initial;
      for (int64_t i = 0; i < cells; ++i) initial.push_back({part(h0, i)});
      const auto result = run(x, length, initial);
      std::vector<Tensor> h;
      for (const auto& state : result.states) h.push_back(state.h);
      struct {
        Tensor all, h;
      } r{result.all, stacked(h)};
      return r;
    };
    return compile(function, {x, i32[{B}], states}, kBackend);
  }
}

// What a compiled module gives for the inputs of a run: by the names that the run has.
using Named = std::map<std::string, Array>;
template <class Module>
Named results_of(const Module& module, const Weights& weights, const Weights& run) {
  if constexpr (requires { module(weights, run.at("x"), run.at("x"), run.at("x"), run.at("x")); }) {
    const auto r = module(weights, run.at("x"), run.at("length"), run.at("h0"), run.at("c0"));
    return {{"all", r["all"]}, {"h", r["h"]}, {"c", r["c"]}};
  } else if constexpr (requires { module(weights, run.at("x"), run.at("x"), run.at("x")); }) {
    const auto r = module(weights, run.at("x"), run.at("length"), run.at("h0"));
    return {{"all", r["all"]}, {"h", r["h"]}};
  } else {
    return {{"logits", module(weights, run.at("words"), run.at("length"))}};
  }
}

// In PyTorch the GRU's bias of n that is added to h U is no addend of the other one.
bool is_split(const std::string& name, size_t i, size_t size, bool gru) {
  return name.find("bias_hh") != std::string::npos && !(gru && i >= size / 3 * 2);
}

// What PyTorch's tensors are once their two biases are added up in the first of them.
Named summed(Named tensors, bool gru) {
  for (auto& [name, array] : tensors) {
    if (name.find("bias_hh") == std::string::npos) continue;
    std::string other = name;
    other.replace(name.find("bias_hh"), 7, "bias_ih");
    const auto from = array.data<float>(), to = tensors.at(other).data<float>();
    for (size_t i = 0; i < from.size(); ++i)
      if (is_split(name, i, from.size(), gru)) to[i] += std::exchange(from[i], 0.0f);
  }
  return tensors;
}

void check_equal(const Named& found, const Named& expected) {
  REQUIRE(found.size() == expected.size());
  for (const auto& [name, array] : expected) {
    CAPTURE(name);
    REQUIRE(found.contains(name));
    CHECK(found.at(name).type() == array.type());
    check_array(found.at(name), array.shape(), values(array));
  }
}

// Leaves a file, and what is computed from it, for scripts/pytorch-exchange.py.
void keep(const Weights& weights, Weights run, const Named& results, const std::string& name) {
  const char* folder = std::getenv("RONDO_TEST_KEEP");
  if (folder == nullptr) return;
  std::filesystem::create_directories(folder);
  for (const auto& [key, array] : results) run.set(key, array);
  weights.save(std::string(folder) + "/" + name + ".safetensors", {.layout = pytorch});
  run.save(std::string(folder) + "/" + name + ".run.safetensors");
}

template <class Module>
void check_exchange(const std::string& name, const Module& module, bool gru = false) {
  CAPTURE(name);
  const TemporaryFolder folder;
  const Weights run = Weights::read(kData + name + ".run.safetensors");

  // From PyTorch to Rondo.
  Weights weights = module.init(1);
  weights.load(kData + name + ".safetensors", {.layout = pytorch});
  for (const auto& [result, array] : results_of(module, weights, run))
    check_array(array, run.at(result).shape(), values(run.at(result)), kTolerance);

  // From Rondo to PyTorch: the tensors that PyTorch had, but for the sums of biases.
  weights.save(folder / "back", {.layout = pytorch});
  check_equal(Weights::read(folder / "back").arrays(),
              summed(Weights::read(kData + name + ".safetensors").arrays(), gru));

  // From Rondo to Rondo.
  const Weights own = module.init(2);
  own.save(folder / "own", {.layout = pytorch});
  weights.load(folder / "own", {.layout = pytorch});
  check_equal(weights.arrays(), own.arrays());
  keep(own, run, results_of(module, own, run), name);
}

template <class Cell>
void check_kind(const std::string& name) {
  const bool gru = std::is_same_v<Cell, nn::Gru>;
  check_exchange(name, module_of<Cell>(1, false), gru);
  check_exchange(name + "-2", module_of<Cell>(2, false), gru);
  check_exchange(name + "-3-bidirectional", module_of<Cell>(3, true), gru);
}

}  // namespace

TEST_CASE("PyTorch: layers of rnn, one and more, in one direction and both") { check_kind<nn::Rnn>("rnn"); }
TEST_CASE("PyTorch: layers of lstm, one and more, in one direction and both") {
  check_kind<nn::Lstm>("lstm");
}
TEST_CASE("PyTorch: layers of gru, one and more, in one direction and both") { check_kind<nn::Gru>("gru"); }

TEST_CASE("PyTorch: embedding, lstm and linear") {
  const auto classifier = [](Tensor words, Tensor length) {
    const Tensor x = nn::embedding("words", 11, kInputs)(words);
    const auto lstm = nn::layers<nn::Lstm>("lstm", kInputs, kHidden, {.layers = 2, .bidirectional = true});
    return nn::linear("out", 5)(lstm(x, {.length = length}).last);
  };
  check_exchange("classifier", compile(classifier, {i32[{T, B}], i32[{B}]}, kBackend));
}

namespace {

std::vector<std::string> names_of(const Weights& weights) {
  std::vector<std::string> names;
  for (const auto& [name, array] : weights.arrays()) names.push_back(name + " " + type_text(array));
  return names;
}

using List = std::vector<std::string>;

// A gate that PyTorch does not know, beside a cell that it knows.
Tensor mixed_model(Tensor x) {
  const Scope scope("encoder");
  const auto run = scan(nn::gru("cell", 2, 1), x);
  const Tensor gate = param("gate", {2, 3});
  const Tensor seen = state("seen", {});
  update(seen, seen + 1);
  return sum(run.all.h) + sum(gate) + seen;
}

}  // namespace

TEST_CASE("PyTorch: what has no form there stands as it is, states are left out and stay") {
  const TemporaryFolder folder;
  const auto step = train_step(mixed_model, {f32[{T, B, 2}]}, adam(0.1), kBackend);
  Weights weights = step.init(3);
  weights.metadata["words"] = "a b";
  step(weights, floats({1, 1, 2}, {1, 2}));
  weights.save(folder / "model", {.layout = pytorch});
  const Weights file = Weights::read(folder / "model");
  CHECK(names_of(file) == List{"encoder.cell.bias_hh_l0 f32[3]", "encoder.cell.bias_ih_l0 f32[3]",
                               "encoder.cell.weight_hh_l0 f32[3,1]", "encoder.cell.weight_ih_l0 f32[3,2]",
                               "encoder.gate f32[2,3]"});
  CHECK(file.metadata == weights.metadata);
  check_array(file.at("encoder.gate"), {2, 3}, values(weights.at("encoder.gate")));

  Weights other = step.init(4);
  step(other, floats({1, 1, 2}, {3, 4}));
  step(other, floats({1, 1, 2}, {3, 4}));
  const Weights before = other;
  other.load(folder / "model", {.layout = pytorch});
  CHECK(other.metadata == weights.metadata);
  for (const auto& [name, array] : other.arrays()) {
    const bool is_parameter = name.starts_with("encoder.") && name != "encoder.seen";
    CAPTURE(name);
    CHECK(values(array) == values((is_parameter ? weights : before).at(name)));
  }
}

TEST_CASE("PyTorch: a cell's name tells its layer") {
  const auto f = compile(
      [](Tensor x) {
        const Scope scope("encoder");
        const auto cell = [&](const std::string& name) { return sum(scan(nn::rnn(name, 2, 1), x).last.h); };
        return cell("l12_reverse") + cell("deep.l0") + cell("deep.l0_back") + cell("l") + cell("x.l1.y");
      },
      {f32[{T, B, 2}]}, kBackend);
  const TemporaryFolder folder;
  f.init(0).save(folder / "model", {.layout = pytorch});
  List names;
  const Weights file = Weights::read(folder / "model");
  for (const auto& [name, array] : file.arrays())
    if (array.shape() == std::vector<int64_t>{1, 2}) names.push_back(name);
  CHECK(names == List{"encoder.deep.l0_back.weight_ih_l0", "encoder.deep.weight_ih_l0",
                      "encoder.l.weight_ih_l0", "encoder.weight_ih_l12_reverse",
                      "encoder.x.l1.y.weight_ih_l0"});
}

TEST_CASE("PyTorch: layer norm") {
  const TemporaryFolder folder;
  const auto f = compile([](Tensor x) { return nn::layer_norm("norm", 2)(x); }, {f32[{B, 2}]}, kBackend);
  f.init(0).save(folder / "model", {.layout = pytorch});
  const Weights file = Weights::read(folder / "model");
  CHECK(names_of(file) == List{"norm.bias f32[2]", "norm.weight f32[2]"});
  check_array(file.at("norm.weight"), {2}, {1, 1});
  check_array(file.at("norm.bias"), {2}, {0, 0});
}

TEST_CASE("PyTorch: a form of the user's own, scalars and all types of floats") {
  const TemporaryFolder folder;
  const auto f = compile(
      [](Tensor x) {
        const Tensor w = param("w", f64[{2, 3}]), b = param("b", f64[{3, 2}]), c = param("c", f64[{2, 2}]),
                     s = param("s", f64[{}]);
        pytorch_form(w, {{.name = "weight", .transposed = true}});
        pytorch_form(b, {{.name = "biases", .rows = {{2, 5}}}, {.name = "more"}});
        pytorch_form(c, {{.name = "biases", .rows = {{0, 2}}}});
        pytorch_form(s, {{.name = "scale.log"}});
        return sum(w) + sum(b) + sum(c) + s + cast(sum(x), f64);
      },
      {f32[{B}]}, kBackend);
  Weights weights = f.init(0);
  weights.set("w", doubles({2, 3}, {1, 2, 3, 4, 5, 6}));
  weights.set("b", doubles({3, 2}, {10, 11, 12, 13, 14, 15}));
  weights.set("c", doubles({2, 2}, {20, 21, 22, 23}));
  weights.save(folder / "model", {.layout = pytorch});
  Weights file = Weights::read(folder / "model");
  CHECK(names_of(file) == List{"biases f64[5,2]", "more f64[3,2]", "scale.log f64[]", "weight f64[3,2]"});
  check_array(file.at("weight"), {3, 2}, {1, 4, 2, 5, 3, 6});
  check_array(file.at("biases"), {5, 2}, {20, 21, 22, 23, 10, 11, 12, 13, 14, 15});
  check_array(file.at("more"), {3, 2}, {0, 0, 0, 0, 0, 0});

  file.at("more").data<double>()[5] = 0.5;
  file.save(folder / "changed");
  weights.load(folder / "changed", {.layout = pytorch});
  check_array(weights.at("w"), {2, 3}, {1, 2, 3, 4, 5, 6});
  check_array(weights.at("b"), {3, 2}, {10, 11, 12, 13, 14, 15.5});
  check_array(weights.at("c"), {2, 2}, {20, 21, 22, 23});
}

TEST_CASE("PyTorch: a file that does not fit is one message and changes nothing") {
  const TemporaryFolder folder;
  const std::string here = "tests/frontend/pytorch_test.cpp:";
  const auto f = compile(mixed_model, {f32[{T, B, 2}]}, kBackend);
  Weights weights = f.init(1), file;
  const Weights before = weights;
  file.set("encoder.cell.bias_hh_l0", floats({2}, {1, 2}));
  file.set("encoder.cell.bias_ih_l0", floats({3}, {1, 2, 3}));
  file.set("encoder.cell.weight_hh_l0", doubles({3, 1}, {1, 2, 3}));
  file.set("encoder.cell.weight_ih_l0", floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  file.set("encoder.seen", floats({}, {1}));
  file.save(folder / "file");
  const int line = __LINE__ + 1;
  CHECK(error_of([&] { weights.load(folder / "file", {.layout = pytorch}); }) ==
        here + std::to_string(line) + ": the weights in '" + (folder / "file") +
            "' do not fit the model:\n"
            "  'encoder.cell.bias_hh_l0': expected f32[3], found f32[2]\n"
            "  'encoder.cell.weight_hh_l0': expected f32[3,1], found f64[3,1]\n"
            "  'encoder.cell.weight_ih_l0': expected f32[3,2], found f32[2,3]\n"
            "  'encoder.gate': expected f32[2,3], but the file has none\n"
            "  'encoder.seen': f32[] in the file is no weight of this model");
  check_equal(weights.arrays(), before.arrays());

  CHECK(error_of([&] { file.save(folder / "again", {.layout = pytorch}); }) ==
        here + std::to_string(__LINE__ - 1) +
            ": PyTorch's layout is known of weights that come from init(seed): call that, and load a file "
            "into them");
  weights.set("encoder.cell.bn", floats({3}, {1, 2, 3}));
  CHECK(error_of([&] { weights.save(folder / "again", {.layout = pytorch}); }) ==
        here + std::to_string(__LINE__ - 1) +
            ": 'encoder.cell.bn' is f32[3], which is not what init made: rows 2 to 3 of "
            "'encoder.cell.bias_hh_l0' can't hold it");
  CHECK(!std::filesystem::exists(folder / "again"));
}

TEST_CASE("PyTorch: parts that do not make up a tensor are told when they meet") {
  const TemporaryFolder folder;
  const auto message = [&](auto declare) {
    const auto f = compile(
        [&](Tensor x) {
          declare();
          return x;
        },
        {f32[{B}]}, kBackend);
    const std::string text = error_of([&] { f.init(0).save(folder / "model", {.layout = pytorch}); });
    const size_t place = text.find(": ");
    return place == std::string::npos ? text : text.substr(place + 2);
  };
  const std::string rest =
      ": parts of one tensor follow each other without gap; if two layers get one name there, name one of "
      "them otherwise";
  CHECK(message([] { nn::rnn("a", 1, 2), param("a.weight_ih_l0", {2, 1}); }) ==
        "in PyTorch's layout 'a.weight_ih_l0' would have rows 0 to 2 of f32[2,1] for 'a.W', rows 0 to 2 of "
        "f32[2,1] for 'a.weight_ih_l0'" +
            rest);
  const auto parts = [](Rows first, Rows second, int64_t width) {
    return [=] {
      pytorch_form(param("p", {first.end - first.first, 1}), {{.name = "t", .rows = first}});
      pytorch_form(param("q", {second.end - second.first, width}), {{.name = "t", .rows = second}});
    };
  };
  CHECK(message(parts({0, 2}, {2, 3}, 1)) == "no error");
  CHECK(message(parts({2, 3}, {0, 2}, 1)) == "no error");
  CHECK(
      message(parts({0, 2}, {3, 4}, 1)) ==
      "in PyTorch's layout 't' would have rows 0 to 2 of f32[2,1] for 'p', rows 3 to 4 of f32[4,1] for 'q'" +
          rest);
  CHECK(message(parts({0, 2}, {2, 4}, 2)).ends_with("rows 2 to 4 of f32[4,2] for 'q'" + rest));
  CHECK(message(parts({1, 2}, {2, 4}, 1)).ends_with("rows 2 to 4 of f32[4,1] for 'q'" + rest));
  CHECK(message([] {
          param("a", {});
          pytorch_form(param("b", {}), {{.name = "a"}});
        }).ends_with("rows 0 to 1 of f32[] for 'a', rows 0 to 1 of f32[] for 'b'" + rest));
}
