// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/safetensors.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/runtime/temporary_folder.h"

using namespace rondo::runtime;

namespace {

bool same(const Array& a, const Array& b) {
  return a.type() == b.type() && a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

bool same(const TensorFile& a, const TensorFile& b) {
  auto equal = [](auto& x, auto& y) { return x.first == y.first && same(x.second, y.second); };
  return a.metadata == b.metadata &&
         std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(), equal);
}

std::uint64_t header_length(const std::string& file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  return length;
}

TensorFile every_type() {
  constexpr float inf = std::numeric_limits<float>::infinity();
  TensorFile file;
  file.tensors["f32"] = Array::from({2, 3}, {0.f, -0.f, inf, -inf, std::nanf("7"), 1e-45f});
  file.tensors["f64"] = Array::from({1}, {0.1});
  file.tensors["bf16"] = Array::from({3}, {Bfloat16{0x3F80}, Bfloat16{0xFFFF}, Bfloat16{0}});
  file.tensors["i32"] = Array::scalar(std::numeric_limits<std::int32_t>::min());
  file.tensors["i64"] = Array::from({2, 1}, {std::numeric_limits<std::int64_t>::max(), std::int64_t{-1}});
  file.tensors["i1"] = Array::from({3}, {true, false, true});
  file.tensors["empty"] = Array::zeros(ElementType::f64, {4, 0});
  file.metadata = {{"vocabulary", "a\nb\t\"c\"\\ \xc3\xa9 \xf0\x9f\x8e\xb5"}, {"", std::string("\0\x1f", 2)}};
  return file;
}

}  // namespace

TEST_CASE("safetensors: every type, value and text comes back as it was") {
  TemporaryFolder folder;
  TensorFile file = every_type();
  write_safetensors(folder / "m", file);
  CHECK(same(read_safetensors(folder / "m"), file));
}

TEST_CASE("safetensors: a file may be empty, names may be anything in UTF-8") {
  TemporaryFolder folder;
  write_safetensors(folder / "m", {});
  CHECK(same(read_safetensors(folder / "m"), {}));

  TensorFile file;
  for (const char* name : {"", "\"", "\\u0041", "a/b", "\x1b[31m", "\xc3\xa9", "dtype"})
    file.tensors[name] = Array::scalar(1.f);
  write_safetensors(folder / "m", file);
  CHECK(same(read_safetensors(folder / "m"), file));
}

TEST_CASE("safetensors: the same content gives the same bytes, 8-byte aligned, wide types first") {
  TemporaryFolder folder;
  write_safetensors(folder / "a", every_type());
  write_safetensors(folder / "b", every_type());
  std::string file = read_text(folder / "a");
  CHECK(file == read_text(folder / "b"));
  CHECK(header_length(file) % 8 == 0);
  std::size_t last = 0;
  for (const char* name :
       {"\"empty\":{", "\"f64\":{", "\"i64\":{", "\"f32\":{", "\"i32\":{", "\"bf16\":{", "\"i1\":{"}) {
    std::size_t at = file.find(name);
    REQUIRE(at != std::string::npos);
    CHECK(at > last);
    last = at;
  }
}

// The bytes are those of the format's specification, written here by hand.
TEST_CASE("safetensors: reads what others write") {
  TemporaryFolder folder;
  std::string header = R"({ "b" : {"shape":[2],"dtype":"I32","data_offsets":[4,12]} ,
    "\u0061\uD83C\uDFB5":{"data_offsets":[0,4],"dtype":"F32","shape":[]}, "__metadata__":{"format":"pt"}}   )";
  std::uint64_t length = header.size();
  std::string file(reinterpret_cast<char*>(&length), 8);
  file += header + std::string("\0\0\x80\x3f\x07\0\0\0\xff\xff\xff\xff", 12);
  write_text(folder / "m", file);
  TensorFile read = read_safetensors(folder / "m");
  CHECK(read.tensors.size() == 2);
  CHECK(read.tensors.at("a\xf0\x9f\x8e\xb5").item<float>() == 1.f);
  CHECK(read.tensors.at("b").data<std::int32_t>()[0] == 7);
  CHECK(read.tensors.at("b").data<std::int32_t>()[1] == -1);
  CHECK(read.metadata == std::map<std::string, std::string>{{"format", "pt"}});
}

// The values that the hash's own and other implementations publish for "", "as" and "asdf", seed 0.
TEST_CASE("safetensors: the checksum is XXH64 of the tensor's bytes") {
  TemporaryFolder folder;
  TensorFile file;
  file.tensors["0"] = Array::zeros(ElementType::f32, {0});
  file.tensors["2"] = Array::scalar(Bfloat16{0x7361});
  file.tensors["4"] = Array::scalar(std::int32_t{0x66647361});
  write_safetensors(folder / "m", file);
  std::string bytes = read_text(folder / "m");
  CHECK(bytes.find(R"("rondo.xxh64.0":"ef46db3751d8e999")") != std::string::npos);
  CHECK(bytes.find(R"("rondo.xxh64.2":"1c330fb2d66be179")") != std::string::npos);
  CHECK(bytes.find(R"("rondo.xxh64.4":"415872f599cea71e")") != std::string::npos);
}

TEST_CASE("safetensors: truncated at any byte is an error") {
  TemporaryFolder folder;
  TensorFile file = every_type();
  write_safetensors(folder / "m", file);
  std::string bytes = read_text(folder / "m");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_text(folder / "cut", bytes.substr(0, length));
    CHECK_THROWS_AS(read_safetensors(folder / "cut"), Failure);
  }
  write_text(folder / "longer", bytes + '\0');
  CHECK_THROWS_AS(read_safetensors(folder / "longer"), Failure);
}

TEST_CASE("safetensors: any byte changed gives an error or a file that holds together, never wrong data") {
  TemporaryFolder folder;
  TensorFile file;
  file.tensors["w"] = Array::from({2, 2}, {1.f, 2.f, 3.f, 4.f});
  file.tensors["n"] = Array::scalar(std::int64_t{5});
  file.tensors["mask"] = Array::from({2}, {true, false});
  file.metadata["k"] = "v";
  write_safetensors(folder / "m", file);
  const std::string bytes = read_text(folder / "m");
  const std::size_t data_start = 8 + header_length(bytes);
  const int damage = open((folder / "m").c_str(), O_WRONLY);
  int loaded = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int change = 255; change >= 0; --change) {
      const char damaged = static_cast<char>(bytes[at] ^ change);
      REQUIRE(pwrite(damage, &damaged, 1, static_cast<off_t>(at)) == 1);
      if (change == 0) break;
      try {
        TensorFile read = read_safetensors(folder / "m");
        ++loaded;
        REQUIRE(at < data_start);
        for (auto& [name, array] : read.tensors)
          REQUIRE(std::memcmp(array.raw(), file.tensors.at(name).raw(), array.bytes()) == 0);
      } catch (const Failure&) {
      }
    }
  }
  close(damage);
  CHECK(read_text(folder / "m") == bytes);
  CHECK(loaded > 0);  // such as another letter in the metadata
}

TEST_CASE("safetensors: what can't be written is refused and the old file stays") {
  TemporaryFolder folder;
  TensorFile good = every_type();
  write_safetensors(folder / "m", good);
  auto refuses = [&](const char* name, const char* key, const char* value) {
    TensorFile bad;
    bad.tensors[name] = Array::scalar(1.f);
    bad.metadata[key] = value;
    CHECK_THROWS_AS(write_safetensors(folder / "m", bad), Failure);
  };
  refuses("__metadata__", "k", "v");
  refuses("\xff", "k", "v");
  refuses("w", "\xc0\x80", "v");
  refuses("w", "k", "\xed\xa0\x80");
  refuses("w", "rondo.xxh64.w", "v");
  TensorFile torn;
  torn.tensors["m"] = Array::from<bool>({1}, {true});
  torn.tensors["m"].data<std::uint8_t>()[0] = 2;
  CHECK_THROWS_AS(write_safetensors(folder / "m", torn), Failure);
  CHECK_THROWS_AS(write_safetensors(folder / "no/m", good), Failure);
  CHECK_THROWS_AS(write_safetensors(folder.path().string(), good), Failure);
  CHECK(same(read_safetensors(folder / "m"), good));
  CHECK(folder.list() == std::vector<std::string>{"m"});
}

TEST_CASE("safetensors: what is no file is told at once") {
  TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(read_safetensors("/no/such"), "'/no/such': can't open: No such file or directory",
                       Failure);
  CHECK_THROWS_WITH_AS(read_safetensors("/tmp"), "'/tmp': it is not a regular file", Failure);
  CHECK_THROWS_WITH_AS(read_safetensors("/dev/zero"), "'/dev/zero': it is not a regular file", Failure);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(read_safetensors(folder / "pipe"), Failure);
  CHECK_THROWS_AS(read_safetensors(std::string("a\0b", 3)), Failure);
}
