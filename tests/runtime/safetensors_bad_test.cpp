// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files that are not what they say: each must be refused, with the byte, what was expected and what was
// found.
#include <doctest/doctest.h>

#include "runtime/safetensors.h"
#include "runtime/safetensors_header.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo::runtime;

namespace {

std::string message_of_file(const std::string& bytes) {
  static const TemporaryFolder folder;
  write_text(folder / "m", bytes);
  const std::string name = "'" + (folder / "m") + "': ";
  try {
    read_safetensors(folder / "m");
  } catch (const Failure& failure) {
    const std::string text = failure.what();
    CHECK(text.starts_with(name));
    return text.substr(name.size());
  }
  return "no error";
}

std::string file_of(std::string_view header, std::string_view data, std::uint64_t length) {
  return std::string(reinterpret_cast<const char*>(&length), 8) + std::string(header) + std::string(data);
}

std::string message_of(std::string_view header, std::string_view data = "") {
  return message_of_file(file_of(header, data, header.size()));
}

// A header that is right but for the text given: `tensor` is what stands between the braces of tensor "w".
std::string of_tensor(const std::string& tensor, std::string_view data = "") {
  return message_of("{\"w\":{" + tensor + "}}", data);
}

// A right tensor of no bytes, to stand beside wrong ones.
const std::string kEmpty = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";

struct Row {
  std::string header;
  std::string message;
};

}  // namespace

TEST_CASE("safetensors: bad header length") {
  CHECK(message_of_file("") == "byte 0: expected 8 bytes of header length, found 0");
  CHECK(message_of_file("1234567") == "byte 0: expected 8 bytes of header length, found 7");
  CHECK(message_of_file(file_of("{}", "", 3)) == "byte 0: expected a header of at most 2 bytes, found 3");
  CHECK(message_of_file(file_of("{}", "", UINT64_MAX)) ==
        "byte 0: expected a header of at most 2 bytes, found 18446744073709551615");
  CHECK(message_of_file(file_of("{}", "", UINT64_MAX - 7)) ==
        "byte 0: expected a header of at most 2 bytes, found 18446744073709551608");
  CHECK(message_of_file(file_of("", "", 0)) == "byte 8: expected '{', found the end of the header");
}

TEST_CASE("safetensors: a header over the format's limit is refused unread") {
  TemporaryFolder folder;
  std::uint64_t length = kMostHeaderBytes + 1;
  write_text(folder / "m", file_of("", "", length));
  std::filesystem::resize_file(folder / "m", 8 + length);  // sparse
  CHECK_THROWS_WITH_AS(
      read_safetensors(folder / "m"),
      ("'" + (folder / "m") + "': byte 0: expected a header of at most 100000000 bytes, found 100000001")
          .c_str(),
      Failure);
}

TEST_CASE("safetensors: bad JSON") {
  const Row rows[] = {
      {"[]", "byte 8: expected '{', found '['"},
      {" {}", "byte 8: expected '{', found ' '"},
      {"{", "byte 9: expected '\"', found the end of the header"},
      {"{}}", "byte 10: expected the end of the header, found '}'"},
      {std::string("{}\0", 3), "byte 10: expected the end of the header, found '\\x00'"},
      {"{a:1}", "byte 9: expected '\"', found 'a'"},
      {"{\"a\"}", "byte 12: expected ':', found '}'"},
      {"{\"a", "byte 11: expected a character of a string, found the end of the header"},
      {"{\"a\nb\":{}}", "byte 11: expected a character of a string, found '\\x0a'"},
      {"{\"a\":" + kEmpty + ",}", "byte 62: expected '\"', found '}'"},
      {"{\"a\":" + kEmpty + " \"b\"", "byte 62: expected ',' or '}', found '\"'"},
      {"{\"\\x\":1}", "byte 11: expected an escaped character, found 'x'"},
      {"{\"\\", "byte 11: expected an escaped character, found the end of the header"},
      {"{\"\\u12g4\":1}", "byte 14: expected a hex digit, found 'g'"},
      {"{\"\\u12", "byte 14: expected a hex digit, found the end of the header"},
      {"{\"\\ud800\":1}", "byte 12: half of a surrogate pair"},
      {"{\"\\udc00\\ud800\":1}", "byte 12: half of a surrogate pair"},
      {"{\"\\ud800\\u0041\":1}", "byte 12: half of a surrogate pair"},
      {"{\"\xff\":1}", "byte 10: the header is not UTF-8"},
      {"{\"\xed\xa0\x80\":1}", "byte 10: the header is not UTF-8"},
      {"\xef\xbb\xbf{}", "byte 8: expected '{', found '\\xef'"},
      {"{\"a\":[]}", "byte 13: expected '{', found '['"},
      {"{\"a\":null}", "byte 13: expected '{', found 'n'"},
      {std::string(100'000, '{'), "byte 9: expected '\"', found '{'"},
      {"{\"a\":" + std::string(100'000, '['), "byte 13: expected '{', found '['"},
  };
  for (auto& [header, message] : rows) CHECK(message_of(header) == message);
}

TEST_CASE("safetensors: bad members") {
  const Row rows[] = {
      {R"("dtype":"F32","shape":[0])", "byte 9: tensor 'w' has no data_offsets"},
      {R"("dtype":"F32","data_offsets":[0,0])", "byte 9: tensor 'w' has no shape"},
      {R"("shape":[0],"data_offsets":[0,0])", "byte 9: tensor 'w' has no dtype"},
      {"", "byte 9: tensor 'w' has no dtype"},
      {R"("dtype":"F32","dtype":"F32")", "byte 28: duplicate key 'dtype'"},
      {R"("name":"w")", "byte 14: expected dtype, shape or data_offsets, found 'name'"},
      {R"("dtype":"F16")", "byte 22: expected dtype F32, F64, BF16, I32, I64 or BOOL, found 'F16'"},
      {R"("dtype":"f32")", "byte 22: expected dtype F32, F64, BF16, I32, I64 or BOOL, found 'f32'"},
      {R"("dtype":"\u001b[2J")",
       "byte 22: expected dtype F32, F64, BF16, I32, I64 or BOOL, found '\\x1b[2J'"},
      {R"("dtype":32)", "byte 22: expected '\"', found '3'"},
      {R"("shape":3)", "byte 22: expected '[', found '3'"},
      {R"("shape":[3)", "byte 24: expected ',' or ']', found '}'"},
      {R"("shape":[3,])", "byte 25: expected an unsigned integer, found ']'"},
      {R"("shape":[-1])", "byte 23: expected an unsigned integer, found '-'"},
      {R"("shape":[1.0])", "byte 24: expected ',' or ']', found '.'"},
      {R"("shape":[1e3])", "byte 24: expected ',' or ']', found 'e'"},
      {R"("shape":["1"])", "byte 23: expected an unsigned integer, found '\"'"},
      {R"("shape":[01])", "byte 23: an integer may not begin with 0"},
      {R"("shape":[18446744073709551616])", "byte 23: the integer is greater than 2^64-1"},
      {R"("shape":[99999999999999999999999])", "byte 23: the integer is greater than 2^64-1"},
      {R"("shape":[9223372036854775808])", "byte 22: a dim is greater than 2^63-1"},
      {R"("shape":[[1]])", "byte 23: expected an unsigned integer, found '['"},
      {R"("data_offsets":[0])", "byte 29: expected 2 data_offsets, found 1"},
      {R"("data_offsets":[0,0,0])", "byte 29: expected 2 data_offsets, found 3"},
      {R"("data_offsets":[1,0])", "byte 29: expected data_offsets in order and at most 0, found [1,0]"},
      {R"("data_offsets":[0,1])", "byte 29: expected data_offsets in order and at most 0, found [0,1]"},
      {R"("data_offsets":[0,18446744073709551615])",
       "byte 29: expected data_offsets in order and at most 0, found [0,18446744073709551615]"},
  };
  for (auto& [tensor, message] : rows) CHECK(of_tensor(tensor) == message);

  std::string ones = "1";
  for (int i = 0; i < 64; ++i) ones += ",1";
  CHECK(of_tensor("\"shape\":[" + ones + "]") == "byte 151: expected at most 64 integers, found '1'");
}

TEST_CASE("safetensors: shape, type and span disagree") {
  auto tensor = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return of_tensor("\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" + std::string(shape) +
                         "],\"data_offsets\":[" + std::string(offsets) + "]",
                     "12345678");
  };
  CHECK(tensor("F32", "3", "0,8") == "byte 9: tensor 'w': expected 12 bytes for f32[3], found 8");
  CHECK(tensor("F64", "2", "0,8") == "byte 9: tensor 'w': expected 16 bytes for f64[2], found 8");
  CHECK(tensor("F32", "", "0,8") == "byte 9: tensor 'w': expected 4 bytes for f32[], found 8");
  CHECK(tensor("F32", "0", "0,8") == "byte 9: tensor 'w': expected 0 bytes for f32[0], found 8");
  CHECK(tensor("BOOL", "9", "0,8") == "byte 9: tensor 'w': expected 9 bytes for i1[9], found 8");
  // Products that wrap around to 8 and to 0 bytes in 64 bits.
  CHECK(tensor("I32", "2305843009213693954,2", "0,8")
            .starts_with("byte 9: tensor 'w': an array of more than 2^63-1"));
  CHECK(tensor("F32", "4294967296,4294967296", "0,0")
            .starts_with("byte 9: tensor 'w': an array of more than 2^63-1"));
  CHECK(tensor("F32", "0,9223372036854775807", "0,0")
            .starts_with("byte 9: tensor 'w': an array of more than 2^63-1"));
  CHECK(tensor("BOOL", "8", "0,8") == "byte 63: tensor 'w': expected 0 or 1 in a BOOL, found another value");
}

TEST_CASE("safetensors: data with holes, overlaps or a rest") {
  auto two = [](std::string_view a, std::string_view b, std::string_view data) {
    auto tensor = [](std::string_view offsets) {
      return R"({"dtype":"F32","shape":[1],"data_offsets":[)" + std::string(offsets) + "]}";
    };
    return message_of("{\"a\":" + tensor(a) + ",\"b\":" + tensor(b) + "}", data);
  };
  CHECK(two("0,4", "4,8", "12345678") == "no error");
  CHECK(two("4,8", "0,4", "12345678") == "no error");
  CHECK(two("0,4", "8,12", "123456789012") ==
        "byte 124: tensor 'b': expected its data at 4 of the data section, found 8");
  CHECK(two("0,4", "2,6", "123456") ==
        "byte 117: tensor 'b': expected its data at 4 of the data section, found 2");
  CHECK(two("0,4", "0,4", "1234") ==
        "byte 115: tensor 'b': expected its data at 4 of the data section, found 0");
  CHECK(two("4,8", "8,12", "123456789012") ==
        "byte 120: tensor 'a': expected its data at 0 of the data section, found 4");
  CHECK(two("0,4", "4,8", "12345678+") == "byte 123: expected the end of the file, found 1 more bytes");
  CHECK(message_of("{}", "x") == "byte 10: expected the end of the file, found 1 more bytes");
}

TEST_CASE("safetensors: keys twice") {
  CHECK(message_of("{\"a\":" + kEmpty + ",\"a\":" + kEmpty + "}") == "byte 62: duplicate key 'a'");
  CHECK(message_of("{\"a\":" + kEmpty + ",\"\\u0061\":" + kEmpty + "}") == "byte 62: duplicate key 'a'");
  CHECK(message_of(R"({"__metadata__":{},"__metadata__":{}})") == "byte 27: duplicate key '__metadata__'");
  CHECK(message_of(R"({"__metadata__":{"k":"1","k":"2"}})") == "byte 33: duplicate metadata key 'k'");
}

TEST_CASE("safetensors: metadata are texts") {
  CHECK(message_of(R"({"__metadata__":{"k":1}})") == "byte 29: expected '\"', found '1'");
  CHECK(message_of(R"({"__metadata__":{"k":null}})") == "byte 29: expected '\"', found 'n'");
  CHECK(message_of(R"({"__metadata__":{"k":{"l":"v"}}})") == "byte 29: expected '\"', found '{'");
  CHECK(message_of(R"({"__metadata__":[]})") == "byte 24: expected '{', found '['");
}

TEST_CASE("safetensors: checksums that do not fit") {
  auto with = [](const std::string& metadata) {
    return message_of("{\"__metadata__\":{" + metadata + "},\"a\":" + kEmpty + ",\"b\":" + kEmpty + "}");
  };
  const std::string good = "ef46db3751d8e999";  // XXH64 of nothing
  CHECK(with("\"rondo.xxh64.a\":\"" + good + "\",\"rondo.xxh64.b\":\"" + good + "\"") == "no error");
  CHECK(with("\"rondo.xxh64.a\":\"" + good + "\"") == "some tensors have a checksum, others have none");
  CHECK(with("\"rondo.xxh64.c\":\"" + good + "\"") == "a checksum is given for 'c', which is not there");
  CHECK(with(R"("rondo.xxh64.a":"00")") ==
        "tensor 'a' is damaged: expected checksum '00', found 'ef46db3751d8e999'");
}
