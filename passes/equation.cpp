// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/equation.h"

#include <cctype>

#include "ir/op_row.h"

namespace rondo::passes {

using namespace ir;

namespace {

// expression := name | number | name "(" expression {"," expression} ")"
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Expression expression() {
    const std::string_view word = take_word();
    Expression e;
    if (std::isalpha(static_cast<unsigned char>(word[0])) == 0) {
      e.number = std::stod(std::string(word));
    } else if (!take('(')) {
      e.variable = word;
    } else {
      e.row = find_row(word);
      if (e.row == nullptr || !e.row->is_elementwise() || !e.row->attrs.empty()) fail();
      do e.operands.push_back(expression());
      while (take(','));
      if (!take(')') || e.operands.size() != e.row->operands.size()) fail();
    }
    return e;
  }

  bool take(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool at_end() const { return at_ == text_.size(); }
  [[noreturn]] void fail() const { throw InternalError("no equation: " + std::string(text_)); }

 private:
  std::string_view take_word() {
    while (take(' ')) {
    }
    const size_t first = at_;
    while (at_ < text_.size() && std::string_view(" (),=").find(text_[at_]) == std::string_view::npos) ++at_;
    if (at_ == first) fail();
    return text_.substr(first, at_ - first);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

bool Expression::matches(Value* value, Variables& variables) const {
  if (!variable.empty()) return variables.try_emplace(variable, value).first->second == value;
  if (value->op == nullptr) return false;
  if (row == nullptr)
    return value->op->row == &ops::constant &&
           value->op->number_attr("value").same(number, value->type.dtype);
  if (value->op->row != row) return false;
  for (size_t i = 0; i < operands.size(); ++i)
    if (!operands[i].matches(value->op->operands[i], variables)) return false;
  return true;
}

Value* Expression::build(Builder& b, const Type& type, const Variables& variables) const {
  if (!variable.empty()) return variables.at(variable);
  if (row == nullptr) return b.constant(type, number);
  Values values;
  for (size_t i = 0; i < operands.size(); ++i) {
    const bool condition = i == 0 && row->math.first_is_condition;
    values.push_back(operands[i].build(b, condition ? type.with(i1) : type, variables));
  }
  return b.emit(*row, std::move(values))->result();
}

Equation::Equation(std::string_view text) : text_(text) {
  Reader reader(text);
  left_ = reader.expression();
  if (!reader.take('=') || left_.row == nullptr) reader.fail();
  right_ = reader.expression();
  if (!reader.at_end()) reader.fail();
}

Value* Equation::apply(Builder& b, const Op& op) const {
  Expression::Variables variables;
  if (!left_.matches(op.result(), variables)) return nullptr;
  return right_.build(b, op.operands.back()->type, variables);
}

}  // namespace rondo::passes
