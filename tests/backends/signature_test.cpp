// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/signature.h"

#include <doctest/doctest.h>

#include "backends/executable.h"
#include "ir/error.h"
#include "ir/parse.h"

using namespace rondo;
using backends::Signature;
using runtime::Array;
using runtime::ElementType;

namespace {

Signature signature_of(const std::string& head) {
  return Signature(*ir::parse(head + " { return }", "test").functions[0]);
}

Array of_shape(std::vector<int64_t> shape) { return Array::zeros(ElementType::f32, std::move(shape)); }

std::string error_of(const Signature& signature, std::vector<Array> arrays) {
  std::vector<Array*> pointers;
  for (Array& array : arrays) pointers.push_back(&array);
  try {
    signature.bind(pointers);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a parameter is called by its label, else its name, else its number") {
  const Signature signature =
      signature_of(R"(func @f(%w: f32[B] donate name("enc.W"), %x: f32[B], %0: f32[]) -> ())");
  REQUIRE(signature.params.size() == 3);
  CHECK(signature.function == "f");
  CHECK(signature.params[0].name == "enc.W");
  CHECK(signature.params[0].donate);
  CHECK(signature.params[1].name == "x");
  CHECK_FALSE(signature.params[1].donate);
  CHECK(signature.params[2].name == "2");
}

TEST_CASE("binding finds each symbol's value and checks every dim") {
  const Signature signature = signature_of("func @f(%x: f32[2*T+B,T], %y: f32[B,3], %z: f32[]) -> ()");
  std::vector<Array> arrays;
  for (const auto& shape : std::vector<std::vector<int64_t>>{{14, 5}, {4, 3}, {}})
    arrays.push_back(of_shape(shape));
  std::vector<Array*> pointers = {&arrays[0], &arrays[1], &arrays[2]};
  CHECK(signature.bind(pointers) == Sizes{{"T", 5}, {"B", 4}});

  const auto error = [&](std::vector<int64_t> x, std::vector<int64_t> y) {
    return error_of(signature, {of_shape(std::move(x)), of_shape(std::move(y)), of_shape({})});
  };
  CHECK(error({14, 5}, {4, 3}) == "no error");
  CHECK(error({0, 0}, {0, 3}) == "no error");
  CHECK(error({13, 5}, {4, 3}) ==
        "@f: argument 'x': expected f32[B+2*T,T], found f32[13,5]: dim 0 must be 14");
  CHECK(error({14, 5}, {4, 2}) == "@f: argument 'y': expected f32[B,3], found f32[4,2]: dim 1 must be 3");
  CHECK(error({14, 5, 1}, {4, 3}) == "@f: argument 'x': expected f32[B+2*T,T], found f32[14,5,1]");
  CHECK(error_of(signature, {of_shape({14, 5}), of_shape({4, 3})}) == "@f: expected 3 arguments, found 2");
  CHECK(error_of(signature, {of_shape({14, 5}), of_shape({4, 3}), Array::scalar<double>(0)}) ==
        "@f: argument 'z': expected f32[], found f64[]");
}

TEST_CASE("a symbol that two arguments tell differently is an error that names both") {
  const Signature signature = signature_of("func @f(%x: f32[T], %y: f32[B,T]) -> ()");
  CHECK(error_of(signature, {of_shape({3}), of_shape({2, 4})}) ==
        "@f: argument 'y': expected f32[B,T], found f32[2,4]: T is 4 here and 3 in 'x'");
}

TEST_CASE("guards are checked when sizes are bound, with the user's line") {
  const Signature signature = signature_of(
      "func @f(%x: f32[T], %y: f32[S]) -> () where require T == 2*S loc(\"mine.cpp\":3), require 1 <= S "
      "loc(\"mine.cpp\":4)");
  CHECK(error_of(signature, {of_shape({6}), of_shape({3})}) == "no error");
  CHECK(error_of(signature, {of_shape({6}), of_shape({2})}) ==
        "mine.cpp:3: sizes must have T == 2*S, found 6 and 4");
  CHECK(error_of(signature, {of_shape({0}), of_shape({0})}) ==
        "mine.cpp:4: sizes must have 1 <= S, found 1 and 0");
}

TEST_CASE("sizes that leave 64 bits are an error") {
  const Signature signature = signature_of("func @f(%x: f32[T,0], %y: f32[T*T]) -> ()");
  CHECK(error_of(signature, {of_shape({int64_t{1} << 40, 0}), of_shape({0})}) ==
        "the size T*T does not fit 64 bits");
}

TEST_CASE("an array that was moved from is refused, as is one that is donated and passed again") {
  const Signature signature = signature_of("func @f(%w: f32[] donate, %x: f32[], %y: f32[]) -> ()");
  Array w = of_shape({}), x = of_shape({});
  const auto bind = [&](std::vector<Array*> arguments) { signature.bind(arguments); };
  CHECK_NOTHROW(bind({&w, &x, &x}));
  CHECK_THROWS_WITH_AS(bind({&w, &x, &w}),
                       "@f: argument 'y' is the same array as 'w', and one of them is donated", Error);
  const Array taken = std::move(w);
  CHECK_THROWS_WITH_AS(bind({&w, &x, &x}),
                       "@f: argument 'w': the array was moved from; was it donated to an earlier run?",
                       Error);
}

TEST_CASE("shapes are whole numbers that fit memory") {
  const Dim T("T");
  CHECK(backends::shape_of(f32[{T, 2 * T, 3}], {{"T", 4}}) == std::vector<int64_t>{4, 8, 3});
  CHECK(backends::shape_of(f32[{}], {}).empty());
  CHECK_THROWS_WITH_AS(backends::shape_of(f32[{T - 5}], {{"T", 4}}), "dim T-5 of f32[T-5] is negative: -1",
                       Error);
  CHECK_THROWS_WITH_AS(backends::shape_of(f32[{T}], {}), "the size of dim T is not known", Error);
  const int64_t most = (int64_t{1} << 61) - 1;
  CHECK(backends::shape_of(f32[{T}], {{"T", most}}) == std::vector<int64_t>{most});
  CHECK_THROWS_WITH_AS(backends::shape_of(f32[{T}], {{"T", most + 1}}),
                       "an array of more than 2^63-1 bytes was asked for: f32[2305843009213693952]", Error);
}

TEST_CASE("a recorded error is told by the op's number in program order, regions included") {
  const ir::Module module = ir::parse(R"(
func @f(%x: f32[T,4], %ids: i32[T]) -> (f32[T], f32[T,4]) {
  %ys = scan T index(%t) over(%xt = %x, %id = %ids) carry() use() {
    %one = gather %xt, %id axis(0) batch_dims(0) loc("mine.cpp":5)
    yield carry() stack(%one)
  }
  %ok = compare %x, 0.5 is(lt)
  %z = check %x, %ok message("it \"fits\"")
  return %ys, %z
})",
                                      "test");
  const ir::Function& f = *module.functions[0];
  CHECK(std::string(backends::recorded_error(f, 1, 0).what()) ==
        "mine.cpp:5: gather: the index at position 0 of i32[] is out of range for dim 0 of f32[4]");
  CHECK(std::string(backends::recorded_error(f, 4, 7).what()) ==
        "@f: %z: check: it \"fits\" (at position 7)");
  CHECK_THROWS_WITH_AS(backends::recorded_error(f, 5, 0), "@f has no op number 5", InternalError);
}
