// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>

namespace rondo::ir {

/// A place in a text: line and column from 1; columns count bytes.
struct Position {
  int line = 1;
  int column = 1;
};

/// Throws rondo::Error `FILE:LINE:COL: error: MESSAGE`.
[[noreturn]] void fail_at(std::string_view file, Position at, const std::string& message);

struct Token {
  enum Kind { kEnd, kWord, kValue, kFunction, kNumber, kString, kPunctuation };
  Kind kind = kEnd;
  /// As written, but for %value and @function, which stand here without their sign.
  std::string_view text;
  Position at;

  bool is(std::string_view punctuation_or_word) const {
    return (kind == kPunctuation || kind == kWord) && text == punctuation_or_word;
  }
};

/// Cuts a text into tokens. `//` begins a comment; line ends may be LF or CRLF.
///
/// Every byte is looked at once. What can't begin a token, invalid UTF-8, a name of more than kMaxIdentifier
/// bytes or a malformed number throws rondo::Error.
class Lexer {
 public:
  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Token next();

 private:
  void skip_space();
  void advance(size_t bytes);
  Token make(Token::Kind kind, size_t length, size_t sign = 0);
  Token name(Token::Kind kind);
  Token number();
  Token string();
  [[noreturn]] void unexpected_byte();

  std::string_view text_;
  std::string_view file_;
  size_t at_ = 0;
  Position position_;
};

}  // namespace rondo::ir
