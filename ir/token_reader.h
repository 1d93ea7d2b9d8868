// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ir/lexer.h"
#include "ir/loc.h"
#include "ir/number.h"
#include "ir/type.h"

namespace rondo::ir {

/// A number as written; what it is depends on the element type that it is read as.
struct NumberText {
  bool negative = false;
  Token token;
};

/// Reads the parts that functions and ops are written with: dims, types, numbers, strings, places.
///
/// One token of lookahead. Everything throws rondo::Error with the place of the token that does not fit.
class TokenReader {
 public:
  TokenReader(std::string_view text, std::string_view file) : lexer_(text, file), file_(file) {
    token_ = lexer_.next();
  }

  /// Called with each symbol of a dim that is read.
  std::function<void(const Token& symbol)> on_symbol;

  const Token& peek() const { return token_; }
  bool peek_kind(Token::Kind kind) const { return token_.kind == kind; }
  Token take();
  /// Takes the token if it is this word or punctuation.
  bool accept(std::string_view what);
  void expect(std::string_view what);
  /// `what` says in words what was expected.
  Token expect(Token::Kind kind, std::string_view what);

  [[noreturn]] void fail(Position at, const std::string& message) const { fail_at(file_, at, message); }
  /// "expected `what`, found" the next token.
  [[noreturn]] void fail_expected(std::string_view what) const;

  Dim dim();
  std::vector<Dim> dims();
  Dim constant_dim();
  Type type();
  std::string string();
  bool at_number() const;
  NumberText number();
  /// The number as an element of `dtype`, which must be able to hold it.
  Number element(const NumberText& number, DType dtype) const;
  /// `loc("mine.cpp":14 via "hoist")` if it comes next.
  Loc optional_loc();

 private:
  Dim monomial();
  template <class Arithmetic>
  Dim at_place(Position at, Arithmetic&& arithmetic) const;
  int64_t integer(const Token& digits) const;

  Lexer lexer_;
  std::string_view file_;
  Token token_;
};

}  // namespace rondo::ir
