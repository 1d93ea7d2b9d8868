// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/array.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <utility>

using namespace rondo::runtime;

namespace {

bool aligned(const Array& array) { return reinterpret_cast<std::uintptr_t>(array.raw()) % 64 == 0; }

// What a failure of a call on this line begins with.
std::string here(Array::Where where = Array::Where::current()) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": ";
}

template <class Call>
std::string failure_of(Call&& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "no failure";
}

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("array: names and sizes of the element types") {
  CHECK(std::string(name(ElementType::f32)) == "f32");
  CHECK(std::string(name(ElementType::f64)) == "f64");
  CHECK(std::string(name(ElementType::bf16)) == "bf16");
  CHECK(std::string(name(ElementType::i32)) == "i32");
  CHECK(std::string(name(ElementType::i64)) == "i64");
  CHECK(std::string(name(ElementType::i1)) == "i1");
  CHECK(element_size(ElementType::f64) == 8);
  CHECK(element_size(ElementType::bf16) == 2);
  CHECK(element_size(ElementType::i1) == 1);
}

TEST_CASE("array: zeros of every type are aligned and zero") {
  for (auto type : {ElementType::f32, ElementType::f64, ElementType::bf16, ElementType::i32, ElementType::i64,
                    ElementType::i1}) {
    Array array = Array::zeros(type, {3, 5});
    CHECK(array.size() == 15);
    CHECK(array.bytes() == 15 * element_size(type));
    CHECK(aligned(array));
    auto* bytes = static_cast<const unsigned char*>(array.raw());
    for (std::size_t i = 0; i < array.bytes(); ++i) REQUIRE(bytes[i] == 0);
  }
}

TEST_CASE("array: from keeps row-major values and counts them") {
  Array array = Array::from({2, 3}, {1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
  CHECK(type_text(array) == "f32[2,3]");
  CHECK(array.data<float>()[1 * 3 + 2] == 6.f);

  std::vector<std::int64_t> values{7, 8};
  CHECK(Array::from<std::int64_t>({2}, values).data<std::int64_t>()[1] == 8);
  CHECK(Array::from<float>({0, 4}, {}).size() == 0);

  CHECK(failure_of([] { Array::from<float>({2, 2}, {1, 2, 3}); }) ==
        here() + "f32[2,2] has 4 elements, 3 were given");
  CHECK(failure_of([] { Array::from<float>({}, {}); }) == here() + "f32[] has 1 elements, 0 were given");
}

TEST_CASE("array: a scalar has no dims and one element") {
  Array array = Array::scalar(std::int32_t{-4});
  CHECK(array.shape().empty());
  CHECK(array.size() == 1);
  CHECK(array.item<std::int32_t>() == -4);
  CHECK(type_text(array) == "i32[]");
}

TEST_CASE("array: i1 reads as bool and as bytes") {
  Array array = Array::from({3}, {true, false, true});
  CHECK(array.type() == ElementType::i1);
  CHECK(array.data<std::uint8_t>()[0] == 1);
  CHECK(array.data<std::uint8_t>()[1] == 0);
  CHECK(array.data<bool>()[2]);
}

TEST_CASE("array: a wrong type or size is told with both sides") {
  Array array = Array::zeros(ElementType::f32, {2});
  CHECK(failure_of([&] { array.data<double>(); }) ==
        here() + "data of type f64 was asked of an array that is f32[2]");
  CHECK(failure_of([&] { array.item<float>(); }) ==
        here() + "item() wants an array of one element, this is f32[2]");
  CHECK_THROWS_AS(Array::zeros(ElementType::f32, {0}).item<float>(), Failure);
  CHECK(Array::zeros(ElementType::f32, {1, 1}).item<float>() == 0.f);
}

TEST_CASE("array: copies are deep, moves keep the memory") {
  Array a = Array::from({2}, {1.0, 2.0});
  Array b = a;
  b.data<double>()[0] = 9.0;
  CHECK(a.data<double>()[0] == 1.0);

  const void* memory = a.raw();
  Array c = std::move(a);
  CHECK(c.raw() == memory);
  a = b;
  CHECK(a.data<double>()[0] == 9.0);
  a = std::move(c);
  CHECK(a.raw() == memory);
  a = *&a;
  CHECK(a.data<double>()[1] == 2.0);
}

TEST_CASE("array: any dim may be 0") {
  Array array = Array::zeros(ElementType::i64, {3, 0, 5});
  CHECK(array.size() == 0);
  CHECK(array.bytes() == 0);
  CHECK(array.raw() != nullptr);
  CHECK(array.data<std::int64_t>().empty());
  CHECK(Array(array).shape() == array.shape());
  CHECK(type_text(Array()) == "f32[0]");
}

TEST_CASE("array: sizes are checked before memory is taken") {
  CHECK(failure_of([] { Array::zeros(ElementType::f32, {2, -1}); }) ==
        here() + "an array can't have a negative dim: f32[2,-1]");
  CHECK_THROWS_AS(Array::zeros(ElementType::f32, {kHuge}), Failure);
  CHECK_THROWS_AS(Array::zeros(ElementType::i1, {kHuge, 2}), Failure);
  CHECK_THROWS_AS(Array::zeros(ElementType::f64, {std::int64_t{1} << 31, std::int64_t{1} << 31}), Failure);
  // No elements, but a stride would not fit an i64.
  CHECK_THROWS_AS(Array::zeros(ElementType::f32, {0, kHuge, 3}), Failure);
  CHECK_THROWS_AS(Array::from<float>({kHuge, kHuge}, {1}), Failure);
#ifndef __SANITIZE_ADDRESS__  // its operator new aborts where the real one throws
  CHECK_THROWS_AS(Array::uninitialised(ElementType::i1, {kHuge}), Failure);
#endif
}
