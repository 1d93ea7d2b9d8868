// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace rondo::passes {

/// An expression over element-wise ops: a variable, a number, or a row applied to expressions.
struct Expression {
  const ir::OpRow* row = nullptr;
  std::vector<Expression> operands = {};
  std::string variable = {};
  double number = 0;  // if it is neither of the others

  using Variables = std::map<std::string, ir::Value*>;
  /// True if `value` is computed so; binds variables, each to one value wherever it occurs.
  bool matches(ir::Value* value, Variables& variables) const;
  /// Writes the ops. Numbers become constants of the operands' type.
  ir::Value* build(ir::Builder& b, const Type& type, const Variables& variables) const;
};

/// An equation that holds bit for bit, written `mul(x, 1) = x`: an op that matches the left side may be
/// replaced by the right side. Numbers stand for elements of the operands' type, so that `-0.0` is 0 among
/// integers and `-1` is true.
class Equation {
 public:
  /// Throws InternalError if the text is no equation.
  explicit Equation(std::string_view text);

  const std::string& text() const { return text_; }
  const Expression& left() const { return left_; }
  const Expression& right() const { return right_; }

  /// The right side for an op that matches the left one, else nullptr.
  ir::Value* apply(ir::Builder& b, const ir::Op& op) const;

 private:
  std::string text_;
  Expression left_, right_;
};

}  // namespace rondo::passes
