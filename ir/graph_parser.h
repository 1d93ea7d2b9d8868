// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "ir/op_row.h"
#include "ir/token_reader.h"

namespace rondo::ir {

/// The values that are defined so far in one graph.
struct Scope {
  struct Definition {
    Value* value;
    int line;
  };
  const Scope* outer = nullptr;
  std::unordered_map<std::string_view, Definition> values = {};
};

/// Reads the ops of a function's body and of the regions below it, guided by the rows.
class GraphParser {
 public:
  explicit GraphParser(TokenReader& in) : in_(in) {}

  /// Ops up to `return` or `yield`.
  void ops(Graph& graph, Scope& scope);
  /// `%x, %y`: one value or more, all defined; where each stands, if asked for.
  Values use_list(const Scope& scope, std::vector<Position>* places = nullptr);
  void define(Scope& scope, const Token& name, Value* value);
  /// What a value is called. A whole number is no name: the printer numbers values anew.
  static std::string name_of(const Token& name);

 private:
  struct Operand {
    Value* value = nullptr;  // nullptr: a number
    NumberText number = {};
  };

  struct NumberArg {  // of an attribute: an element of the result type, which is known last
    size_t attr, arg;
    NumberText number;
  };

  /// An op as read, before its numbers have become constants.
  struct Draft {
    std::unique_ptr<Op> op = std::make_unique<Op>();
    Position at = {};
    std::vector<Token> results = {};
    std::vector<Operand> operands = {};
    std::vector<NumberArg> number_args = {};
    std::vector<Type> declared = {};
    std::vector<Position> declared_at = {};
  };

  /// One entry of a bind list: `%h = %h0`.
  struct Bind {
    Token param;
    Type type;
    Loc loc;
  };

  void op(Graph& graph, Scope& scope);
  void operands(Draft& draft, const Scope& scope);
  void attributes(Draft& draft);
  Attr attribute(Draft& draft, const AttrSpec& spec);
  AttrArg attribute_arg(Draft& draft, const AttrSpec& spec, size_t arg);
  void finish(Draft& draft, Graph& graph, Scope& scope);
  void check_results(const Draft& draft, const std::vector<Type>& types);
  void numbers_to_constants(Draft& draft, Graph& graph);
  std::vector<Type> inferred(const Draft& draft);

  void region_op(Draft& draft, Graph& graph, const Scope& scope);
  std::vector<Bind> binds(Draft& draft, const Scope& scope);
  void further_params(const Graph& first, std::vector<Bind>& params);
  void region(Draft& draft, const BlockSpec& block, const std::vector<Bind>& binds, const Scope& outer,
              Function* function);
  void yield(const Draft& draft, const BlockSpec& block, Graph& region, const Scope& scope);
  Value* use(const Scope& scope);

  TokenReader& in_;
  int nesting_ = 0;
};

}  // namespace rondo::ir
