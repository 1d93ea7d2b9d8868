// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/text.h"

#include <algorithm>

namespace rondo::runtime {
namespace {

constexpr std::size_t kMostPrinted = 80;

// Length of the well-formed sequence at the start of `s`, 0 if there is none.
std::size_t utf8_length(std::string_view s) {
  auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  auto in = [&](std::size_t i, unsigned lo, unsigned hi) { return byte(i) >= lo && byte(i) <= hi; };
  auto tail = [&](std::size_t i) { return in(i, 0x80, 0xBF); };
  unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (in(0, 0xC2, 0xDF)) return tail(1) ? 2 : 0;
  if (in(0, 0xE0, 0xEF)) {
    unsigned lo = lead == 0xE0 ? 0xA0 : 0x80, hi = lead == 0xED ? 0x9F : 0xBF;
    return in(1, lo, hi) && tail(2) ? 3 : 0;
  }
  if (in(0, 0xF0, 0xF4)) {
    unsigned lo = lead == 0xF0 ? 0x90 : 0x80, hi = lead == 0xF4 ? 0x8F : 0xBF;
    return in(1, lo, hi) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// Of one well-formed character. U+0080 to U+009F act on terminals, too.
bool is_control(std::string_view character) {
  if (character.size() == 1) return (character < " " && character != "\n") || character == "\x7f";
  return character.size() == 2 && character < "\xc2\xa0";
}

std::string escaped(unsigned char byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  return {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text.substr(0, kMostPrinted)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E || c == '\'' || c == '\\')
      out += escaped(byte);
    else
      out += c;
  }
  return out + (text.size() > kMostPrinted ? "...'" : "'");
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || is_control(character))
      for (char c : character) out += escaped(static_cast<unsigned char>(c));
    else
      out += character;
    text.remove_prefix(character.size());
  }
  return out;
}

std::size_t first_invalid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t length = utf8_length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return i;
}

}  // namespace rondo::runtime
