// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/frontend/misuse.h"

#include <functional>

#include "ir/graph.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");

std::string at(int line) { return place(__FILE__, line); }

}  // namespace

TEST_CASE("element-wise functions: sizes and element types must fit") {
  CHECK_MISUSE(x + y, "add: sizes differ: f32[B,4] and f32[4,3] (4 and 3); only a dim of 1 is stretched");
  CHECK_MISUSE(x * zeros({T, 4}),
               "mul: sizes differ: f32[B,4] and f32[T,4] (B and T); if they always agree, say so by "
               "require_equal(B, T)");
  CHECK_MISUSE(sum(x, {1}) - i,
               "sub: element types differ: f32[B] and i32[B]; convert one of them by cast(x, f32)");
  CHECK_MISUSE(i + 0.5, "add: the number 0.5 is no i32; floats are made of integers by cast(x, f32)");
  CHECK_MISUSE(i * 3e9, "mul: the number 3e+09 is no i32; floats are made of integers by cast(x, f32)");
  CHECK_MISUSE(full(i32[{B}], 1.5),
               "full: the number 1.5 is no i32; floats are made of integers by cast(x, f32)");
  CHECK_MISUSE(exp(i), "exp: it takes f32, f64, bf16, found i32[B]; convert it by cast(x, f32)");
  CHECK_MISUSE(and_(x, x), "and: it takes i32, i64, i1, found f32[B,4]; convert it by cast(x, i64)");
  CHECK_MISUSE(where(x, x, 0), "select: the condition must be i1, found f32[B,4]; compare it, as in x > 0");
  CHECK_MISUSE(max(x, Tensor()), "this tensor is empty: it was declared, but no value was assigned to it");
  CHECK_MISUSE(eq(1, 2), "eq: one of the operands must be a tensor");
}

TEST_CASE("functions of shape") {
  CHECK_MISUSE(
      dot(x, x),
      "dot: inner sizes differ: f32[B,4] . f32[B,4] (4 and B); dot(x, y) sums over the last dim of x and the "
      "first of y: transpose one, or name the dims as in dot(x, y, {.contract_x = {1}, .contract_y = {1}})");
  CHECK_MISUSE(dot(x, sum(x)),
               "dot: operands have at least one dim, found f32[B,4] . f32[]; to scale a tensor write x * y");
  CHECK_MISUSE(reshape(x, {B, 5}),
               "reshape: sizes differ: f32[B,4] has 4*B elements, f32[B,5] has 5*B; a reshape keeps the "
               "number of elements");
  CHECK_MISUSE(transpose(x, {0}),
               "transpose: perm([0]) is no permutation of the dims of f32[B,4]; the order names each dim "
               "once, as in {1, 0}");
  CHECK_MISUSE(slice(x, 1, 2, 9), "slice: limits 2 to 9 do not lie within dim 1 of f32[B,4]");
  CHECK_MISUSE(slice(x, 2, 0, 1),
               "slice: f32[B,4] has no dim 2; its dims are 0 to 1, or -1 to -2 from the last");
  CHECK_MISUSE(
      split<3>(x)[0],
      "split: dim 1 of f32[B,4] has no 3 equal parts; unequal ones are made by split(x, {sizes}, dim)");
  CHECK_MISUSE(split(x, {1, 2}, 1)[0],
               "split: sizes sum to 3, dim 1 of f32[B,4] is 4; the sizes add up to that, slice(x, dim, "
               "first, end) takes a part");
  CHECK_MISUSE(concat({x, y}, 1),
               "concat: operands differ outside dim 1: f32[B,4] and f32[4,3]; the parts agree in element "
               "type and in all other dims: cast, slice or pad them");
  CHECK_MISUSE(concat({}, 1), "concat: there is nothing to join");
  CHECK_MISUSE(broadcast_to(x, {4, B}),
               "broadcast_to: f32[B,4] can't be stretched to f32[4,B]: only a dim of 1 is, and missing dims "
               "come first");
  CHECK_MISUSE(expand_dims(x, 4),
               "expand_dims: f32[B,4,1] has no dim 4; its dims are 0 to 2, or -1 to -3 from the last");
  CHECK_MISUSE(
      zeros({Dim("Z")}),
      "no argument tells the size Z: a symbol must be a whole dim of one, as in f32[Z,3] and not f32[2*Z,3]");
}

TEST_CASE("reductions, indices and losses") {
  CHECK_MISUSE(sum(x, {0, -2}), "sum: dim 0 of f32[B,4] is named twice");
  CHECK_MISUSE(sum(sum(x), {0}), "sum: f32[] has no dim 0: it is a scalar");
  CHECK_MISUSE(mean(i), "mean: it takes floats, found i32[B]; convert it by cast(x, f32)");
  CHECK_MISUSE(softmax(x, 5),
               "softmax: f32[B,4] has no dim 5; its dims are 0 to 1, or -1 to -2 from the last");
  CHECK_MISUSE(gather(y, x), "gather: indices are integers, found f32[B,4]; convert them by cast(x, i32)");
  CHECK_MISUSE(one_hot(x, 3), "one_hot: indices are integers, found f32[B,4]; convert them by cast(x, i32)");
  CHECK_MISUSE(cross_entropy(x, x),
               "cross_entropy: labels are integers with the dims of the logits but the last, found logits "
               "f32[B,4] and labels f32[B,4]");
  CHECK_MISUSE(
      mse(x, y),
      "mse: the prediction is f32[B,4], the target f32[4,3]: bring them to one type, by reshape or cast");
}

TEST_CASE("weights") {
  CHECK_MISUSE(param("a b", {3}), "a name is made of letters, digits, '_', '-' and '.', found 'a b'");
  CHECK_MISUSE(
      param("w", {B, 3}),
      "param: the dims of 'w' must be numbers, found f32[B,3]: a weight has the same size in every call");
  CHECK_MISUSE(
      param("w", i32[{3}]),
      "param: 'w' is i32[3], but only floats can be trained; what is not trained is a state(name, ..)");
  const std::string first = at(__LINE__ + 1).substr(0, at(__LINE__ + 1).size() - 2);
  const auto declare = [](const std::string& name) { return param(name, {3}); };
  CHECK_MISUSE((declare("w"), param("w", {3})), "'w' is declared a second time, first at " + first +
                                                    ": give it another name, or put it into a Scope");
  CHECK_MISUSE((update(x, x), x), "update: the first tensor is no state: make it by state(name, ..)");
  CHECK_MISUSE((update(state("s", {B}), x), x),
               "update: 's' is f32[B], its new value f32[B,4]: they must agree");
  CHECK_MISUSE(nn::linear("l", 0)(x), "'l': outputs must be 1 or more, found 0");
  CHECK_MISUSE(nn::linear("l", 2)(transpose(x, {1, 0})),
               "linear 'l': the last dim of its input must be a number, found f32[4,B]");
  CHECK_MISUSE(nn::dropout("d", 1)(x), "dropout 'd': the rate is a probability below 1, found 1.000000");
}

TEST_CASE("layers") {
  const auto layers = [](nn::LayersOptions options, Loc loc = {}) {
    return nn::layers<nn::Rnn>("r", 4, 2, options, loc);
  };
  CHECK_MISUSE((layers({.layers = 0}), x), "layers 'r': their number must be 1 or more, found 0");
  CHECK_MISUSE((layers({.dropout = 1}), x),
               "layers 'r': the rate of dropout is a probability below 1, found 1.000000");
  CHECK_MISUSE(layers({.layers = 2})(reshape(x, {1, B, 4}), {.initial = {{zeros({B, 2})}}}).last,
               "layers 'r': expected an initial state for each of 2 cells, found 1");
  CHECK_MISUSE(layers({})(reshape(x, {1, 1, B, 4}), {.length = i}).last,
               "scan: with lengths i32[B] an input is [1,B,..], found 'x' f32[1,1,B,4]");
}

TEST_CASE("forms in PyTorch's layout") {
  const auto form = [](Tensor x, const PytorchForm& form, Loc loc = {}) {
    pytorch_form(x, form, loc);
    return x;
  };
  const auto w = [](std::initializer_list<Dim> dims = {2, 3}) { return param("w", dims); };
  CHECK_MISUSE(form(x, {{.name = "t"}}),
               "pytorch_form: the tensor is no parameter: make it by param(name, ..)");
  CHECK_MISUSE(form(w() + 1, {{.name = "t"}}),
               "pytorch_form: the tensor is no parameter: make it by param(name, ..)");
  CHECK_MISUSE(form(state("s", {2}), {{.name = "t"}}),
               "pytorch_form: the tensor is no parameter: make it by param(name, ..)");
  CHECK_MISUSE(form(w(), {}), "pytorch_form: 'w' is f32[2,3]: it needs a part that holds it");
  CHECK_MISUSE(form(form(w(), {{.name = "t"}}), {{.name = "u"}}),
               "pytorch_form: 'w' is f32[2,3]: its form is told a second time");
  CHECK_MISUSE(form(w(), {{.name = "a b"}}),
               "a name is made of letters, digits, '_', '-' and '.', found 'a b'");
  CHECK_MISUSE(form(w({2}), {{.name = "t", .transposed = true}}),
               "pytorch_form: 'w' is f32[2]: only a whole matrix can be transposed in 't'");
  CHECK_MISUSE(form(w(), {{.name = "t", .transposed = true, .rows = {{0, 2}}}}),
               "pytorch_form: 'w' is f32[2,3]: only a whole matrix can be transposed in 't'");
  CHECK_MISUSE(form(w(), {{.name = "t", .rows = {{5, 6}}}}),
               "pytorch_form: 'w' is f32[2,3]: rows 5 to 6 of 't' can't hold it");
  CHECK_MISUSE(form(w(), {{.name = "t"}, {.name = "u", .rows = {{0, 3}}}}),
               "pytorch_form: 'w' is f32[2,3]: rows 0 to 3 of 'u' can't hold its first rows");
  CHECK_MISUSE(form(w(), {{.name = "t", .rows = {{-2, 0}}}}),
               "pytorch_form: 'w' is f32[2,3]: rows -2 to 0 of 't' can't hold it");
  CHECK_MISUSE(form(w({}), {{.name = "t", .rows = {{0, 1}}}}),
               "pytorch_form: 'w' is f32[]: rows 0 to 1 of 't' can't hold it");
}

TEST_CASE("what happens once") {
  const auto draw = [] { return random_uniform("noise", {3}); };
  const std::string first = at(__LINE__ - 1), drawn = first.substr(0, first.size() - 2);
  CHECK_MISUSE((draw(), random_uniform("noise", {3})),
               "the random numbers 'noise' are drawn a second time, first at " + drawn +
                   ", and would be the same ones: give them another name, or put them into a Scope");
  const auto twice = [](Tensor x) {
    const Tensor s = state("s", {});
    update(s, s + 1);
    update(s, s + 2);
    return x;
  };
  const std::string update_place = at(__LINE__ - 3);
  CHECK(message([&](Tensor x, Tensor, Tensor) { return twice(x); }) ==
        update_place + "update: 's' is updated a second time");
}

TEST_CASE("cells") {
  const auto add = [](Tensor x, Tensor s) { return s + x; };
  const auto narrow = [](Tensor, Tensor s) { return slice(s, 0, 0, 1); };
  struct Wide {
    struct State {
      Tensor h, c;
    };
    State initial(Dim rows) const { return {zeros({rows, 2}), zeros({rows, 2})}; }
    State operator()(Tensor, State s) const { return {s.h, concat({s.c, s.c}, 1)}; }
  };
  Tensor escaped;
  const auto leak = [&](Tensor x, Tensor s) { return escaped = s + x; };
  const auto updating = [&](Tensor x, Tensor s) {
    const Tensor count = state("count", {});
    update(count, count + 1);
    return s + x;
  };
  const std::string update_place = at(__LINE__ - 3);
  CHECK_MISUSE(
      scan(add, x, {}).last,
      "scan: the cell has no initial(Dim rows): add it, or give the state before the first step by .initial");
  CHECK_MISUSE(scan(add, sum(x), {.initial = sum(x)}).last,
               "scan: an input has the time as its first dim, found 'x' f32[]");
  CHECK_MISUSE(scan(narrow, y, {.initial = zeros({3})}).last,
               "scan: carry 'state' enters as f32[3] and leaves as f32[1]: the cell must return each part of "
               "its state with the type that the initial state gives it");
  CHECK_MISUSE(scan(Wide(), reshape(y, {2, 2, 3})).last.h,
               "scan: carry 'c' enters as f32[2,2] and leaves as f32[2,4]: the cell must return each part of "
               "its state with the type that the initial state gives it");
  CHECK_MISUSE(scan(Wide(), i).last.h,
               "scan: cell.initial(rows) takes the second dim of the input, which is i32[B]; give the state "
               "by .initial");
  CHECK_MISUSE(scan(add, x, {.initial = zeros({4}), .unroll = 0}).last,
               "scan: .unroll is 0, expected a number of time steps, 1 or more");
  CHECK_MISUSE(scan(add, x, {.length = x, .initial = zeros({4})}).last,
               "scan: length is i32 or i64 with one dim, the rows, found f32[B,4]");
  CHECK_MISUSE(scan(add, x, {.length = i, .initial = zeros({4})}).last,
               "scan: with lengths i32[B] an input is [B,B,..], found 'x' f32[B,4]");
  CHECK_MISUSE(scan(add, i, {.length = i, .initial = zeros(i32[{}])}).last,
               "scan: with lengths i32[B] an input is [B,B,..], found 'x' i32[B]");
  CHECK_MISUSE(scan(add, zeros({T, B}), {.length = i, .initial = zeros({})}).last,
               "scan: carry 'state' enters as f32[] and leaves as f32[B]: the cell must return each part of "
               "its state with the type that the initial state gives it");
  CHECK_MISUSE((scan(leak, x, {.initial = zeros({4})}), escaped * 2),
               "this tensor has outlived its trace: a tensor lives only while the function, or the scan's "
               "cell, that made it is traced; let the function or the cell return it instead");
  CHECK(message([&](Tensor x, Tensor, Tensor) { return scan(updating, x, {.initial = zeros({4})}).last; }) ==
        update_place +
            "update: 'count' can't be updated inside a cell or a branch: let it return the value, and update "
            "it "
            "with that outside, with run.last of a scan");
}

TEST_CASE("scans nest so deep and no deeper") {
  std::function<Tensor(Tensor, int)> nested = [&](Tensor x, int depth) {
    if (depth == 0) return x;
    const auto cell = [&](Tensor, Tensor s) { return nested(s, depth - 1); };
    return scan(cell, zeros({1}), {.initial = x}, Loc("deep.cpp", depth)).last;
  };
  const auto message = [&](int depth) {
    return error_of([&] { compile([&](Tensor x) { return nested(x, depth); }, {f32[{}]}, kBackend); });
  };
  CHECK(message(ir::kMaxNesting) == "no error");
  CHECK(message(ir::kMaxNesting + 1) == "deep.cpp:1: scans and the like are nested more than 64 deep");
}

TEST_CASE("a gradient may keep of a loop what sizes can say") {
  std::function<Tensor(Tensor, int)> nested = [&](Tensor x, int depth) {
    const auto cell = [&](Tensor, Tensor s) { return depth == 1 ? tanh(s) : nested(s, depth - 1); };
    return scan(cell, zeros({1000}), {.initial = x}, Loc("deep.cpp", depth)).last;
  };
  const auto message = [&](int depth) {
    return error_of([&] { compile(grad([&](Tensor x) { return nested(x, depth); }), {f32[{}]}, kBackend); });
  };
  CHECK(message(5) == "no error");
  CHECK(message(20).starts_with("deep.cpp:"));
  CHECK(message(20).find(": vjp: a scan of 1000 steps would have to keep %") != std::string::npos);
  CHECK(
      message(20).ends_with(" has too many elements: a size does not fit 64 bits; nest fewer scans, or "
                            "stop_gradient what needs no gradient"));
}

TEST_CASE("gradients") {
  CHECK_MISUSE(grad([](Tensor x) { return x * x; })(x),
               "grad: the function must return one float, found f32[B,4]; reduce it, by sum(x) or mean(x)");
  CHECK_MISUSE(grad([](Tensor i) { return sum(cast(i, f32)); })(i),
               "grad: argument 0 is i32[B], only floats have gradients: capture it instead, grad([&](Tensor "
               "x) { return f(x, labels); })");
}

TEST_CASE("tensors live while their function is traced") {
  Tensor kept;
  compile([&](Tensor x) { return kept = x; }, {f32[{2}]}, kBackend);
  CHECK_MISUSE(kept + 1,
               "this tensor has outlived its trace: a tensor lives only while the function, or the scan's "
               "cell, that made it is traced; let the function or the cell return it instead");
  const std::string outside =
      "tensors are made only while a function is traced: do this inside the function that is given to "
      "compile or "
      "train_step";
  CHECK_ERROR(kept + 1, outside);
  CHECK_ERROR(zeros({3}), outside);
  CHECK_ERROR(param("w", {3}), outside);
  CHECK_ERROR(training(), outside);
}

TEST_CASE("compiling") {
  const auto same = [](Tensor x) { return x; };
  CHECK_ERROR(compile(same, {f32[{2}], f32[{3}]}), "the function takes 1, but types are given for 2");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.backend = "gpu"}),
              "there is no backend 'gpu'; there are: llvm, reference");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.without = {"sinks"}}), "without: there is no pass 'sinks'");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.without = {"plan-memory"}}),
              "without: plan-memory cannot be left out: it says where values are");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.precision = "f16"}), "precision is 'f16', expected f32 or bf16");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.dots = "onednn", .precision = "bf16"}),
              "precision is bf16, and oneDNN computes dots of f32: leave dots to 'llvm'");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.dots = "mkl"}), "'mkl' computes no dots; what does: llvm, onednn");
  CHECK_ERROR(compile(same, {f32[{2}]}, {.backend = "reference", .dots = "onednn"}),
              "the backend 'reference' computes dots itself: leave dots to 'onednn' on another backend");
  CHECK_ERROR(compile(same, {f32[{2 * B}]}),
              "no argument tells the size B: a symbol must be a whole dim of one, as in f32[B,3] and not "
              "f32[2*B,3]");
  CHECK_ERROR(train_step(same, {f32[{2}]}, sgd(1)),
              "train_step: the loss must be one float, found f32[2]; reduce it, by mean(x)");
  CHECK_ERROR(train_step(same, {f32[{}]}, sgd(1)),
              "train_step: the loss depends on no parameter: declare weights by param(name, dims)");
}

TEST_CASE("calls") {
  const auto f =
      compile([](Tensor x, Tensor y) { return x * param("w", {1}) + y; }, {f32[{B}], f32[{B}]}, kBackend);
  const auto counted = compile(
      [](Tensor x) {
        const Tensor count = state("count", {});
        update(count, count + 1);
        return x;
      },
      {f32[{B}]}, kBackend);
  Weights weights = f.init(1);
  const Weights none;
  const Array two = floats({2}, {1, 2}), three = floats({3}, {1, 2, 3}), whole = ints({2}, {1, 2});
  CHECK_ERROR(f(weights, two, three),
              "@main: argument 'arg1': expected f32[B], found f32[3]: B is 3 here and 2 in 'arg0'");
  CHECK_ERROR(f(weights, two, whole), "@main: argument 'arg1': expected f32[B], found i32[2]");
  CHECK_ERROR(f(none, two, two),
              "the weights lack w f32[1]: they come from init(seed), or from a file that holds them");
  CHECK_ERROR(f(two, two),
              "the weights lack w f32[1]: they come from init(seed), or from a file that holds them");
  CHECK_ERROR(counted(two), "the function changes 'count': call it with weights that are not const");
  CHECK_ERROR(weights.at("v"), "there is no weight 'v'; there are: 'w'");
  CHECK_ERROR(weights.reset("w"), "reset: 'w' is no state whose sizes the call decides");
  const auto both = compile(
      [](Tensor x) {
        struct {
          Tensor twice, thrice;
        } r{2 * x, 3 * x};
        return r;
      },
      {f32[{B}]}, kBackend);
  CHECK_ERROR(both(two)["half"], "the results have no field 'half'; they have: twice, thrice");
  const auto running = compile(
      [](Tensor x) {
        const Tensor total = state("total", {B});
        update(total, total + x);
        return x;
      },
      {f32[{B}]}, kBackend);
  Weights totals = running.init(1);
  CHECK_ERROR(running(totals, floats({1, 1}, {1})),
              "@main: argument 'arg0': expected f32[B], found f32[1,1]");
  const auto huge = compile([](Tensor x) { return zeros({int64_t{1} << 58}) + x; }, {f32[{}]}, kBackend);
  CHECK(error_of([&] { huge(floats({}, {1})); }).starts_with(at(__LINE__)));
  const auto large =
      compile([](Tensor x) { return sum(x + param("w", {int64_t{1} << 58})); }, {f32[{}]}, kBackend);
  CHECK_ERROR(large.init(1), "out of memory: f32[288230376151711744] takes 1152921504606846976 bytes");
  weights.set("w", three);
  CHECK_ERROR(f(weights, two, two), "@main: argument 'w': expected f32[1], found f32[3]: dim 0 must be 1");
}

TEST_CASE("weight files") {
  const TemporaryFolder folder;
  const std::string path = folder / "w";
  Weights weights;
  weights.set("same", floats({1}, {1}));
  weights.set("shape", floats({2}, {1, 2}));
  weights.set("type", ints({1}, {1}));
  weights.set("extra", ints({1}, {1}));
  weights.save(path);
  Weights model;
  model.set("same", floats({1}, {5}));
  model.set("shape", floats({3}, {1, 2, 3}));
  model.set("type", floats({1}, {1}));
  model.set("missing", floats({}, {1}));
  CHECK_ERROR(model.load(path),
              "the weights in '" + path +
                  "' do not fit the model:" + "\n  'missing': expected f32[], but the file has none" +
                  "\n  'shape': expected f32[3], found f32[2]" + "\n  'type': expected f32[1], found i32[1]" +
                  "\n  'extra': i32[1] in the file is no weight of this model");
  CHECK(model.at("same").item<float>() == 5);
  CHECK_ERROR(model.load(path + "2"), "'" + path + "2': can't open: No such file or directory");
  CHECK_ERROR(Weights::read(path + "2"), "'" + path + "2': can't open: No such file or directory");
  CHECK_ERROR(model.save(folder / "no/such/folder"),
              "can't save '" + (folder / "no/such/folder") + "': open: No such file or directory");
}
