// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/token_reader.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "ir/bfloat16.h"
#include "ir/error.h"
#include "ir/text.h"

namespace rondo::ir {

namespace {

constexpr int kMaxPasses = 100;  // named by one place

std::string described(const Token& token) {
  const std::string text = excerpt(token.text);
  switch (token.kind) {
    case Token::kEnd:
      return "the end of the text";
    case Token::kValue:
      return "'%" + text + "'";
    case Token::kFunction:
      return "'@" + text + "'";
    case Token::kString:
      return "a string";
    default:
      return "'" + text + "'";
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Token TokenReader::take() {
  const Token token = token_;
  token_ = lexer_.next();
  return token;
}

bool TokenReader::accept(std::string_view what) {
  if (!token_.is(what)) return false;
  take();
  return true;
}

void TokenReader::expect(std::string_view what) {
  if (!accept(what)) fail_expected("'" + std::string(what) + "'");
}

Token TokenReader::expect(Token::Kind kind, std::string_view what) {
  if (token_.kind != kind) fail_expected(what);
  return take();
}

void TokenReader::fail_expected(std::string_view what) const {
  fail(token_.at, "expected " + std::string(what) + ", found " + described(token_));
}

int64_t TokenReader::integer(const Token& digits) const {
  int64_t value = 0;
  const char* end = digits.text.data() + digits.text.size();
  const auto [stop, error] = std::from_chars(digits.text.data(), end, value);
  if (error == std::errc::result_out_of_range)
    fail(digits.at, "the size " + excerpt(digits.text) + " does not fit 64 bits");
  if (stop != end) fail(digits.at, "expected a whole number, found '" + excerpt(digits.text) + "'");
  return value;
}

template <class Arithmetic>
Dim TokenReader::at_place(Position at, Arithmetic&& arithmetic) const {
  try {
    return arithmetic();
  } catch (const Error& error) {  // a size too great, or too long a name: the arithmetic knows no place
    fail(at, error.what());
  }
}

// int {"*" sym} | sym {"*" sym}
Dim TokenReader::monomial() {
  Dim product = 1;
  if (peek_kind(Token::kNumber)) {
    product = integer(take());
    if (!accept("*")) return product;
  }
  do {
    const Token symbol = expect(Token::kWord, "a size: a whole number or a symbol");
    if (on_symbol) on_symbol(symbol);
    product = at_place(symbol.at, [&] { return product * Dim(symbol.text); });
  } while (accept("*"));
  return product;
}

Dim TokenReader::dim() {
  const Position at = token_.at;
  const bool negative = accept("-");
  Dim sum = monomial();
  if (negative) sum = at_place(at, [&] { return Dim(0) - sum; });
  while (token_.is("+") || token_.is("-")) {
    const Token sign = take();
    const Dim next = monomial();
    sum = at_place(sign.at, [&] { return sign.is("+") ? sum + next : sum - next; });
  }
  return sum;
}

std::vector<Dim> TokenReader::dims() {
  std::vector<Dim> list;
  expect("[");
  if (accept("]")) return list;
  do list.push_back(dim());
  while (accept(","));
  expect("]");
  return list;
}

Dim TokenReader::constant_dim() {
  const Position at = token_.at;
  const Dim value = dim();
  if (!value.is_constant()) fail(at, "expected a whole number, found the size " + excerpt(value.text()));
  return value;
}

Type TokenReader::type() {
  const Token name = expect(Token::kWord, "a type such as f32[T,B]");
  const std::optional<DType> dtype = DType::parse(name.text);
  if (!dtype)
    fail(name.at,
         "unknown element type '" + excerpt(name.text) + "'; there are f32, f64, bf16, i32, i64 and i1");
  Type type{*dtype, {}};
  expect("[");
  if (accept("]")) return type;
  do {
    const Position at = token_.at;
    type.dims.push_back(dim());
    if (type.dims.back().is_constant() && type.dims.back().constant() < 0)
      fail(at, "type_c2: a dim is " + type.dims.back().text() + ", a negative number");
    if (type.rank() > kMaxRank)
      fail(at, "type_c1: a type has more than " + std::to_string(kMaxRank) + " dims");
  } while (accept(","));
  expect("]");
  if (const std::string flaw = type.flaw(); !flaw.empty()) fail(name.at, "type_c3: " + flaw);
  return type;
}

std::string TokenReader::string() {
  const Token token = expect(Token::kString, "a string");
  const std::string_view body = token.text.substr(1, token.text.size() - 2);
  std::string out;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\') {
      out += body[i];
      continue;
    }
    const char escape = ++i < body.size() ? body[i] : '\0';
    const int high = i + 1 < body.size() ? hex_digit(body[i + 1]) : -1;
    const int low = i + 2 < body.size() ? hex_digit(body[i + 2]) : -1;
    if (escape == '"' || escape == '\\') {
      out += escape;
    } else if (escape == 'n') {
      out += '\n';
    } else if (escape == 't') {
      out += '\t';
    } else if (escape == 'x' && high >= 0 && low >= 0) {
      out += static_cast<char>(16 * high + low);
      i += 2;
    } else {
      const Position at{token.at.line, token.at.column + static_cast<int>(i)};
      fail(at, "unknown escape; there are \\\" \\\\ \\n \\t and \\x with two digits 0-9a-f");
    }
  }
  return out;
}

bool TokenReader::at_number() const {
  return token_.kind == Token::kNumber || token_.is("-") || token_.is("inf") || token_.is("nan");
}

NumberText TokenReader::number() {
  NumberText number;
  number.negative = accept("-");
  if (!at_number() || token_.is("-") || (number.negative && token_.is("nan"))) fail_expected("a number");
  number.token = take();
  return number;
}

Number TokenReader::element(const NumberText& number, DType dtype) const {
  const std::string text = (number.negative ? "-" : "") + std::string(number.token.text);
  const auto check = [&](bool fits) {
    if (!fits)
      fail(number.token.at,
           "expected a number of type " + std::string(dtype.text()) + ", found " + excerpt(text));
  };
  const auto read = [&](auto value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    check(error == std::errc() && end == text.data() + text.size());
    return value;
  };
  switch (dtype.id()) {
    case DType::kF32:
      return static_cast<double>(read(float{}));
    case DType::kF64:
      return read(double{});
    case DType::kBf16: {
      const double value = read(double{}), element = Bfloat16(value);
      check(std::isinf(element) == std::isinf(value) && (element == 0) == (value == 0));
      return element;
    }
    case DType::kI32:
      return int64_t{read(int32_t{})};
    case DType::kI64:
      return read(int64_t{});
    case DType::kI1:
      if (text != "0" && text != "1") fail(number.token.at, "expected 0 or 1, an i1, found " + excerpt(text));
      return int64_t{text == "1"};
  }
  return 0;
}

Loc TokenReader::optional_loc() {
  if (!accept("loc")) return Loc::unknown();
  expect("(");
  const Position at = token_.at;
  const std::string file = string();
  if (file.empty() || file.find('\0') != std::string::npos) fail(at, "expected the name of a file");
  expect(":");
  const Token line = expect(Token::kNumber, "a line number");
  const int64_t value = integer(line);
  if (value > std::numeric_limits<int>::max())
    fail(line.at, "the line number " + excerpt(line.text) + " is too great");
  Loc loc = Loc::in(file, static_cast<int>(value));
  if (accept("via")) {
    int passes = 0;
    do {
      if (++passes > kMaxPasses)
        fail(token_.at, "a place names more than " + std::to_string(kMaxPasses) + " passes");
      loc = loc.via(string());
    } while (accept(","));
  }
  expect(")");
  return loc;
}

}  // namespace rondo::ir
