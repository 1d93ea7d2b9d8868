// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/replace_file.h"
#include "runtime/safetensors_header.h"
#include "runtime/text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace rondo::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::string_view kChecksumKey = "rondo.xxh64.";

std::string checksum(const Array& array) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(XXH64(array.raw(), array.bytes(), 0)));
  return text;
}

// Index of the first byte of an i1 array that is neither 0 nor 1, or the number of bytes.
std::size_t first_non_boolean(const Array& array) {
  if (array.type() != ElementType::i1) return array.bytes();
  auto values = array.data<std::uint8_t>();
  return static_cast<std::size_t>(std::ranges::find_if(values, [](auto v) { return v > 1; }) -
                                  values.begin());
}

class InputFile {
 public:
  explicit InputFile(const std::string& path) {
    if (path.find('\0') != std::string::npos) throw Failure("NUL in the name");
    // Without O_NONBLOCK opening a pipe would wait for a writer.
    handle_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (handle_ < 0) throw Failure(std::string("can't open: ") + std::strerror(errno));
    struct stat facts{};
    if (fstat(handle_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      close(handle_);
      throw Failure("it is not a regular file");
    }
    size_ = static_cast<std::uint64_t>(facts.st_size);
  }
  ~InputFile() { close(handle_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const { return size_; }

  void read(std::uint64_t offset, void* to, std::size_t count) const {
    auto* out = static_cast<char*>(to);
    while (count > 0) {
      ssize_t got = pread(handle_, out, count, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Failure("byte " + std::to_string(offset) + ": " + std::strerror(errno));
      if (got == 0)
        throw Failure("byte " + std::to_string(offset) + ": the file became shorter while it was read");
      out += got;
      offset += static_cast<std::uint64_t>(got);
      count -= static_cast<std::size_t>(got);
    }
  }

 private:
  int handle_ = -1;
  std::uint64_t size_ = 0;
};

std::string read_header(const InputFile& file) {
  if (file.size() < kHeaderStart)
    throw Failure("byte 0: expected 8 bytes of header length, found " + std::to_string(file.size()));
  std::uint64_t length = 0;
  file.read(0, &length, sizeof length);
  std::uint64_t most = std::min(file.size() - kHeaderStart, kMostHeaderBytes);
  if (length > most)
    throw Failure("byte 0: expected a header of at most " + std::to_string(most) + " bytes, found " +
                  std::to_string(length));
  std::string text(length, '\0');
  file.read(kHeaderStart, text.data(), text.size());
  return text;
}

// All tensors have a checksum or none: a file that lost one of them was tampered with.
void verify_checksums(TensorFile& file) {
  std::size_t verified = 0;
  for (auto it = file.metadata.lower_bound(std::string(kChecksumKey));
       it != file.metadata.end() && it->first.starts_with(kChecksumKey); it = file.metadata.erase(it)) {
    std::string name = it->first.substr(kChecksumKey.size());
    auto tensor = file.tensors.find(name);
    if (tensor == file.tensors.end())
      throw Failure("a checksum is given for " + quoted(name) + ", which is not there");
    if (std::string found = checksum(tensor->second); found != it->second)
      throw Failure("tensor " + quoted(name) + " is damaged: expected checksum " + quoted(it->second) +
                    ", found " + quoted(found));
    ++verified;
  }
  if (verified != 0 && verified != file.tensors.size())
    throw Failure("some tensors have a checksum, others have none");
}

TensorFile read_checked(const std::string& path) {
  InputFile input(path);
  std::string text = read_header(input);
  std::uint64_t data_start = kHeaderStart + text.size();
  SafetensorsHeader header = parse_safetensors_header(text, input.size() - data_start);
  TensorFile file{{}, std::move(header.metadata)};
  for (TensorEntry& entry : header.tensors) {
    Array array = Array::uninitialised(entry.type, std::move(entry.shape));
    input.read(data_start + entry.begin, array.raw(), array.bytes());
    if (std::size_t bad = first_non_boolean(array); bad != array.bytes())
      throw Failure("byte " + std::to_string(data_start + entry.begin + bad) + ": tensor " +
                    quoted(entry.name) + ": expected 0 or 1 in a BOOL, found another value");
    file.tensors.emplace(std::move(entry.name), std::move(array));
  }
  verify_checksums(file);
  return file;
}

SafetensorsHeader header_of(const TensorFile& file) {
  SafetensorsHeader header{{}, file.metadata};
  for (auto& [name, array] : file.tensors) {
    if (name == "__metadata__") throw Failure("a tensor can't be called '__metadata__'");
    if (first_non_boolean(array) != array.bytes())
      throw Failure("tensor " + quoted(name) + ": an i1 holds a byte that is neither 0 nor 1");
    header.tensors.push_back({name, array.type(), array.shape()});
    header.metadata[std::string(kChecksumKey) + name] = checksum(array);
  }
  std::ranges::sort(header.tensors, {}, [](const TensorEntry& e) {
    return std::pair(-static_cast<int>(element_size(e.type)), std::string_view(e.name));
  });
  std::uint64_t end = 0;
  for (TensorEntry& entry : header.tensors) {
    entry.begin = end;
    end += file.tensors.at(entry.name).bytes();
    entry.end = end;
  }
  return header;
}

std::string checked_header_text(const TensorFile& file, const SafetensorsHeader& header) {
  for (auto& [key, value] : file.metadata)
    if (key.starts_with(kChecksumKey))
      throw Failure("metadata key " + quoted(key) + " is kept for checksums");
  std::string text = print_safetensors_header(header);
  if (text.size() > kMostHeaderBytes)
    throw Failure("the header would have " + std::to_string(text.size()) + " bytes, the format allows " +
                  std::to_string(kMostHeaderBytes));
  return text;
}

}  // namespace

TensorFile read_safetensors(const std::string& path) try {
  return read_checked(path);
} catch (const Failure& failure) {
  throw Failure(quoted(path) + ": " + failure.what());
}

void write_safetensors(const std::string& path, const TensorFile& file) {
  SafetensorsHeader header;
  std::string text;
  try {
    header = header_of(file);
    text = checked_header_text(file, header);
  } catch (const Failure& failure) {
    throw Failure("can't save " + quoted(path) + ": " + failure.what());
  }
  std::uint64_t length = text.size();
  std::vector<std::span<const std::byte>> chunks{std::as_bytes(std::span(&length, 1)),
                                                 std::as_bytes(std::span(text))};
  for (const TensorEntry& entry : header.tensors) {
    const Array& array = file.tensors.at(entry.name);
    chunks.emplace_back(static_cast<const std::byte*>(array.raw()), array.bytes());
  }
  replace_file(path, chunks);
}

}  // namespace rondo::runtime
