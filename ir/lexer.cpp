// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/lexer.h"

#include <algorithm>
#include <cctype>

#include "ir/error.h"
#include "ir/text.h"

namespace rondo::ir {

namespace {

constexpr size_t kMaxNumber = 400;  // digits; the longest f64 written out has 325 before or after the point

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

size_t digits(std::string_view text, size_t at) {
  const size_t first = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at - first;
}

// The length of the number that begins the text: digits ["." digits] ["e" ["+"|"-"] digits].
size_t number_length(std::string_view text) {
  size_t length = digits(text, 0);
  if (length < text.size() && text[length] == '.')
    if (const size_t fraction = digits(text, length + 1); fraction > 0) length += 1 + fraction;
  if (length < text.size() && (text[length] == 'e' || text[length] == 'E')) {
    const bool sign = length + 1 < text.size() && (text[length + 1] == '+' || text[length + 1] == '-');
    const size_t exponent = digits(text, length + 1 + sign);
    if (exponent > 0) length += 1 + sign + exponent;
  }
  return length;
}

}  // namespace

void fail_at(std::string_view file, Position at, const std::string& message) {
  throw Error(excerpt(file, 200) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
              ": error: " + message);
}

void Lexer::advance(size_t bytes) {
  at_ += bytes;
  position_.column += static_cast<int>(bytes);
}

void Lexer::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '\n') {
      ++at_;
      position_ = {position_.line + 1, 1};
    } else if (c == ' ' || c == '\t' || c == '\r') {
      advance(1);
    } else if (text_.substr(at_, 2) == "//") {
      while (at_ < text_.size() && text_[at_] != '\n') {
        const size_t length = utf8_length(text_, at_);
        if (length == 0 || text_[at_] == '\0') unexpected_byte();
        advance(length);
      }
    } else {
      return;
    }
  }
}

void Lexer::unexpected_byte() {
  const size_t length = utf8_length(text_, at_);
  const std::string byte = excerpt(text_.substr(at_, std::max<size_t>(length, 1)));
  if (length == 0) fail_at(file_, position_, "the byte '" + byte + "' is not valid UTF-8");
  if (at_ == 0 && text_.substr(0, 3) == "\xef\xbb\xbf")
    fail_at(file_, position_, "the text begins with a byte order mark; save it without one");
  fail_at(file_, position_, "'" + byte + "' begins nothing that is known here");
}

Token Lexer::make(Token::Kind kind, size_t length, size_t sign) {
  const Token token{kind, text_.substr(at_ + sign, length - sign), position_};
  advance(length);
  return token;
}

Token Lexer::name(Token::Kind kind) {
  const size_t sign = kind == Token::kWord ? 0 : 1;
  size_t end = at_ + sign;
  while (end < text_.size() &&
         (is_letter(text_[end]) || is_digit(text_[end]) || (sign > 0 && text_[end] == '.')))
    ++end;
  const std::string_view written = text_.substr(at_, end - at_);
  if (written.size() == sign)
    fail_at(file_, position_, "expected a name after '" + std::string(written) + "'");
  if (written.size() - sign > kMaxIdentifier)
    fail_at(file_, position_,
            "the name '" + excerpt(written) + "' has " + std::to_string(written.size() - sign) +
                " bytes, more than " + std::to_string(kMaxIdentifier));
  return make(kind, written.size(), sign);
}

Token Lexer::number() {
  const size_t length = number_length(text_.substr(at_));
  size_t end = at_ + length;
  while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]) || text_[end] == '.')) ++end;
  const std::string written = excerpt(text_.substr(at_, end - at_));
  if (end != at_ + length)
    fail_at(file_, position_, "'" + written + "' is not a number; numbers are written as 17, 0.5 or 1.5e-7");
  if (length > kMaxNumber)
    fail_at(file_, position_,
            "the number '" + written + "' has " + std::to_string(length) + " characters, more than " +
                std::to_string(kMaxNumber));
  return make(Token::kNumber, length);
}

Token Lexer::string() {
  for (size_t end = at_ + 1; end < text_.size() && text_[end] != '\n';) {
    if (text_[end] == '"') return make(Token::kString, end + 1 - at_);
    if (text_[end] == '\\' && end + 1 < text_.size() && text_[end + 1] != '\n') ++end;
    const size_t length = utf8_length(text_, end);
    if (length == 0 || static_cast<unsigned char>(text_[end]) < 0x20) {
      advance(end - at_);
      if (length == 0) unexpected_byte();
      fail_at(file_, position_,
              "a string holds the control character '" + excerpt(text_.substr(end, 1)) +
                  "'; write it as an escape such as \\x1b");
    }
    end += length;
  }
  fail_at(file_, position_, "the string that begins here does not end on its line");
}

Token Lexer::next() {
  skip_space();
  if (at_ >= text_.size()) return {Token::kEnd, {}, position_};
  const char c = text_[at_];
  if (is_letter(c)) return name(Token::kWord);
  if (c == '%') return name(Token::kValue);
  if (c == '@') return name(Token::kFunction);
  if (is_digit(c)) return number();
  if (c == '"') return string();
  for (std::string_view two : {"->", "==", "<="})
    if (text_.substr(at_, 2) == two) return make(Token::kPunctuation, 2);
  if (std::string_view("(){}[],:=+-*").find(c) != std::string_view::npos) return make(Token::kPunctuation, 1);
  unexpected_byte();
}

}  // namespace rondo::ir
