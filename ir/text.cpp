// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/text.h"

#include <algorithm>
#include <cstdint>

namespace rondo::ir {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

void append_escaped(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const size_t length = utf8_length(bytes, i);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += bytes[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f || length == 0) {
      out += "\\x";
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
    } else {
      out += bytes.substr(i, length);
    }
    i += std::max<size_t>(length, 1);
  }
}

}  // namespace

bool is_identifier(std::string_view name) {
  return !name.empty() && name.size() <= kMaxIdentifier && std::ranges::all_of(name, is_name_character);
}

std::string to_identifier(std::string_view name) {
  std::string out(name.substr(0, kMaxIdentifier));
  std::ranges::replace_if(out, [](char c) { return !is_name_character(c); }, '_');
  return out;
}

size_t utf8_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> uint32_t {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint32_t first = byte(0);
  if (at >= text.size()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const uint32_t code = (first & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return follows(1) && follows(2) && code >= 0x800 && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const uint32_t code = (first & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
    return follows(1) && follows(2) && follows(3) && code >= 0x10000 && code < 0x110000 ? 4 : 0;
  }
  return 0;
}

std::string quoted(std::string_view bytes) {
  std::string out = "\"";
  append_escaped(out, bytes);
  return out + '"';
}

std::string excerpt(std::string_view bytes, size_t limit) {
  std::string out;
  if (bytes.size() <= limit) {
    append_escaped(out, bytes);
    return out;
  }
  while (limit > 0 && (static_cast<unsigned char>(bytes[limit]) & 0xc0) == 0x80) --limit;
  append_escaped(out, bytes.substr(0, limit));
  return out + "..";
}

std::string counted(size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace rondo::ir
