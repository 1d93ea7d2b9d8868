// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/safetensors_header.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/text.h"

namespace rondo::runtime {
namespace {

constexpr std::size_t kMostDims = 64;

constexpr std::pair<ElementType, std::string_view> kDtypes[] = {
    {ElementType::f32, "F32"}, {ElementType::f64, "F64"}, {ElementType::bf16, "BF16"},
    {ElementType::i32, "I32"}, {ElementType::i64, "I64"}, {ElementType::i1, "BOOL"}};

[[noreturn]] void fail_at(std::uint64_t offset, const std::string& what) {
  throw Failure("byte " + std::to_string(offset) + ": " + what);
}

void append_utf8(std::string& out, std::uint32_t code) {
  auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

// Reads just the JSON that the format allows, so its depth is fixed, nothing recurses, and each error knows
// its byte.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::uint64_t data_size) : text_(text), data_size_(data_size) {}

  SafetensorsHeader parse() {
    if (std::size_t bad = first_invalid_utf8(text_); bad != text_.size())
      fail_at(kHeaderStart + bad, "the header is not UTF-8");
    if (peek() != '{') fail("'{'");  // no blanks before it: the format says so
    std::set<std::string> names;
    object([&](std::string key, std::uint64_t at) {
      if (!names.insert(key).second) fail_at(at, "duplicate key " + quoted(key));
      if (key == "__metadata__")
        metadata();
      else
        tensor(std::move(key), at);
    });
    skip_blanks();
    if (position_ != text_.size()) fail("the end of the header");
    check_spans();
    return std::move(header_);
  }

 private:
  static constexpr int kEnd = -1;

  int peek() const { return position_ < text_.size() ? static_cast<unsigned char>(text_[position_]) : kEnd; }
  std::uint64_t offset() const { return kHeaderStart + position_; }

  [[noreturn]] void fail(const std::string& expected) const {
    fail_at(offset(), "expected " + expected + ", found " +
                          (peek() == kEnd ? "the end of the header" : quoted(text_.substr(position_, 1))));
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\t' || peek() == '\r') ++position_;
  }

  bool accept(char c) {
    skip_blanks();
    if (peek() != c) return false;
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(std::string("'") + c + "'");
  }

  // {"key": member, ...}; `member` reads the value and is told where the key stands.
  template <class Member>
  void object(Member member) {
    expect('{');
    if (accept('}')) return;
    do {
      skip_blanks();
      std::uint64_t at = offset();
      std::string key = string();
      expect(':');
      member(std::move(key), at);
    } while (accept(','));
    if (!accept('}')) fail("',' or '}'");
  }

  std::vector<std::uint64_t> integers() {
    std::vector<std::uint64_t> values;
    expect('[');
    if (accept(']')) return values;
    do {
      if (values.size() == kMostDims) fail("at most " + std::to_string(kMostDims) + " integers");
      values.push_back(integer());
    } while (accept(','));
    if (!accept(']')) fail("',' or ']'");
    return values;
  }

  std::uint64_t integer() {
    skip_blanks();
    std::uint64_t at = offset(), value = 0;
    std::size_t first = position_;
    for (; peek() >= '0' && peek() <= '9'; ++position_)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, static_cast<std::uint64_t>(peek() - '0'), &value))
        fail_at(at, "the integer is greater than 2^64-1");
    if (position_ == first) fail("an unsigned integer");
    if (text_[first] == '0' && position_ - first > 1) fail_at(at, "an integer may not begin with 0");
    return value;
  }

  std::string string() {
    expect('"');
    std::string out;
    while (peek() != '"') {
      if (peek() == kEnd || peek() < 0x20) fail("a character of a string");
      char c = text_[position_++];
      if (c == '\\')
        escape(out);
      else
        out += c;
    }
    ++position_;
    return out;
  }

  void escape(std::string& out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (peek() == 'u') {
      ++position_;
      return append_utf8(out, code_point());
    }
    std::size_t which = peek() == kEnd ? std::string_view::npos : kLetters.find(static_cast<char>(peek()));
    if (which == std::string_view::npos) fail("an escaped character");
    ++position_;
    out += kMeanings[which];
  }

  // What follows \u: four digits, or a pair of surrogates.
  std::uint32_t code_point() {
    std::uint64_t at = offset();
    std::uint32_t code = hex4();
    if (code < 0xD800 || code > 0xDFFF) return code;
    std::uint32_t low = 0;
    if (code < 0xDC00 && text_.substr(position_, 2) == "\\u") {
      position_ += 2;
      low = hex4();
    }
    if (low < 0xDC00 || low > 0xDFFF) fail_at(at, "half of a surrogate pair");
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }

  std::uint32_t hex4() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++position_) {
      int c = peek();
      if (c >= '0' && c <= '9')
        value = value * 16 + static_cast<std::uint32_t>(c - '0');
      else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c != kEnd)
        value = value * 16 + static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
      else
        fail("a hex digit");
    }
    return value;
  }

  void metadata() {
    object([&](std::string key, std::uint64_t at) {
      skip_blanks();
      if (!header_.metadata.emplace(key, string()).second)
        fail_at(at, "duplicate metadata key " + quoted(key));
    });
  }

  void tensor(std::string name, std::uint64_t at) {
    TensorEntry entry;
    bool has_type = false, has_shape = false, has_span = false;
    object([&](const std::string& key, std::uint64_t key_at) {
      bool* seen = key == "dtype"          ? &has_type
                   : key == "shape"        ? &has_shape
                   : key == "data_offsets" ? &has_span
                                           : nullptr;
      if (!seen) fail_at(key_at, "expected dtype, shape or data_offsets, found " + quoted(key));
      if (std::exchange(*seen, true)) fail_at(key_at, "duplicate key " + quoted(key));
      if (seen == &has_type)
        entry.type = dtype();
      else if (seen == &has_shape)
        entry.shape = shape();
      else
        std::tie(entry.begin, entry.end) = span();
    });
    if (!has_type || !has_shape || !has_span)
      fail_at(at, "tensor " + quoted(name) + " has no " +
                      (!has_type    ? "dtype"
                       : !has_shape ? "shape"
                                    : "data_offsets"));
    check_size(entry, name, at);
    entry.name = std::move(name);
    header_.tensors.push_back(std::move(entry));
  }

  ElementType dtype() {
    skip_blanks();
    std::uint64_t at = offset();
    std::string found = string();
    for (auto& [type, spelling] : kDtypes)
      if (found == spelling) return type;
    fail_at(at, "expected dtype F32, F64, BF16, I32, I64 or BOOL, found " + quoted(found));
  }

  std::vector<std::int64_t> shape() {
    skip_blanks();
    std::uint64_t at = offset();
    std::vector<std::int64_t> dims;
    for (std::uint64_t dim : integers()) {
      if (dim > INT64_MAX) fail_at(at, "a dim is greater than 2^63-1");
      dims.push_back(static_cast<std::int64_t>(dim));
    }
    return dims;
  }

  std::pair<std::uint64_t, std::uint64_t> span() {
    skip_blanks();
    std::uint64_t at = offset();
    auto ends = integers();
    if (ends.size() != 2) fail_at(at, "expected 2 data_offsets, found " + std::to_string(ends.size()));
    if (ends[0] > ends[1] || ends[1] > data_size_)
      fail_at(at, "expected data_offsets in order and at most " + std::to_string(data_size_) + ", found [" +
                      std::to_string(ends[0]) + "," + std::to_string(ends[1]) + "]");
    return {ends[0], ends[1]};
  }

  static void check_size(const TensorEntry& entry, const std::string& name, std::uint64_t at) {
    std::uint64_t needed = 0;
    try {
      needed = static_cast<std::uint64_t>(checked_size(entry.type, entry.shape)) * element_size(entry.type);
    } catch (const Failure& failure) {
      fail_at(at, "tensor " + quoted(name) + ": " + failure.what());
    }
    if (needed != entry.end - entry.begin)
      fail_at(at, "tensor " + quoted(name) + ": expected " + std::to_string(needed) + " bytes for " +
                      type_text(entry.type, entry.shape) + ", found " +
                      std::to_string(entry.end - entry.begin));
  }

  void check_spans() {
    auto& tensors = header_.tensors;
    std::ranges::sort(tensors, {}, [](const TensorEntry& e) { return std::tie(e.begin, e.end, e.name); });
    std::uint64_t data_start = kHeaderStart + text_.size(), end = 0;
    for (const TensorEntry& entry : tensors) {
      if (entry.begin != end)
        fail_at(data_start + entry.begin, "tensor " + quoted(entry.name) + ": expected its data at " +
                                              std::to_string(end) + " of the data section, found " +
                                              std::to_string(entry.begin));
      end = entry.end;
    }
    if (end != data_size_)
      fail_at(data_start + end,
              "expected the end of the file, found " + std::to_string(data_size_ - end) + " more bytes");
  }

  std::string_view text_;
  std::uint64_t data_size_;
  std::size_t position_ = 0;
  SafetensorsHeader header_;
};

std::string json_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (first_invalid_utf8(text) != text.size())
    throw Failure("the name or text " + quoted(text) + " is not UTF-8");
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20)
      out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    else if (c == '"' || c == '\\')
      out += {'\\', c};
    else
      out += c;
  }
  return out + '"';
}

std::string json_tensor(const TensorEntry& entry) {
  auto is_type = [&](auto& row) { return row.first == entry.type; };
  std::string out = json_string(entry.name) + ":{\"dtype\":\"" +
                    std::string(std::ranges::find_if(kDtypes, is_type)->second) + "\",\"shape\":[";
  for (std::size_t i = 0; i < entry.shape.size(); ++i) out += (i ? "," : "") + std::to_string(entry.shape[i]);
  return out + "],\"data_offsets\":[" + std::to_string(entry.begin) + "," + std::to_string(entry.end) + "]}";
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size) {
  return HeaderParser(text, data_size).parse();
}

std::string print_safetensors_header(const SafetensorsHeader& header) {
  std::string out = "{\"__metadata__\":{";
  const char* separator = "";
  for (auto& [key, value] : header.metadata) {
    out += separator + json_string(key) + ":" + json_string(value);
    separator = ",";
  }
  out += "}";
  for (const TensorEntry& entry : header.tensors) out += "," + json_tensor(entry);
  out += "}";
  out.resize((out.size() + 7) / 8 * 8, ' ');
  return out;
}

}  // namespace rondo::runtime
