// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/parse.h"

#include <set>
#include <unordered_set>

#include "ir/error.h"
#include "ir/graph_parser.h"
#include "ir/text.h"
#include "ir/token_reader.h"

namespace rondo::ir {

namespace {

class Parser {
 public:
  Parser(std::string_view text, std::string_view file) : in_(text, file) {}

  Module module();

 private:
  std::unique_ptr<Function> function();
  void params(Function& function, Scope& scope);
  void facts(Function& function);
  void derived_size(Function& function);
  void check_sizes(const Function& function);
  void end_of_function(Function& function, const Scope& scope, const std::vector<Type>& results);

  TokenReader in_;
  GraphParser graphs_{in_};
  // Of the function that is read:
  std::set<std::string, std::less<>> symbols_;
  std::vector<Token> used_;             // symbols in its head, whose facts come last
  std::vector<Position> derived_from_;  // where numerators of derived sizes stand
};

Module Parser::module() {
  Module module;
  if (in_.accept("rondo")) {
    const Token version = in_.expect(Token::kNumber, "the language's version, 0.1");
    if (version.text != "0.1")
      in_.fail(version.at, "this is a reader of rondo 0.1, the text is of version " + excerpt(version.text));
  }
  std::unordered_set<std::string> names;
  while (!in_.peek_kind(Token::kEnd)) {
    in_.expect("func");
    const Token name = in_.peek();
    auto next = function();
    if (!names.insert(next->name).second)
      in_.fail(name.at, "module_c1: there are two functions @" + next->name);
    module.functions.push_back(std::move(next));
  }
  return module;
}

std::unique_ptr<Function> Parser::function() {
  const Token name = in_.expect(Token::kFunction, "the function's name, such as @main");
  auto function = std::make_unique<Function>(std::string(name.text));
  Scope scope;
  params(*function, scope);
  in_.expect("->");
  in_.expect("(");
  std::vector<Type> results;
  if (!in_.accept(")")) {
    do results.push_back(in_.type());
    while (in_.accept(","));
    in_.expect(")");
  }
  if (in_.accept("where")) facts(*function);
  check_sizes(*function);
  in_.expect("{");
  graphs_.ops(function->body, scope);
  end_of_function(*function, scope, results);
  return function;
}

void Parser::params(Function& function, Scope& scope) {
  used_.clear();
  in_.on_symbol = [this](const Token& symbol) { used_.push_back(symbol); };
  in_.expect("(");
  if (!in_.accept(")")) {
    do {
      const Token name = in_.expect(Token::kValue, "a parameter, such as %x: f32[T,B]");
      in_.expect(":");
      const Type type = in_.type();
      ParamInfo info;
      while (in_.peek().is("donate") || in_.peek().is("name")) {
        const Token word = in_.take();
        if (word.is("donate") ? info.donate : !info.label.empty())
          in_.fail(word.at, "'" + std::string(word.text) + "' stands twice");
        if (word.is("donate")) {
          info.donate = true;
          continue;
        }
        in_.expect("(");
        const Position at = in_.peek().at;
        info.label = in_.string();
        if (info.label.empty()) in_.fail(at, "a parameter's outer name is empty");
        in_.expect(")");
      }
      Value* value = function.add_param(type, GraphParser::name_of(name), info);
      value->loc = in_.optional_loc();
      graphs_.define(scope, name, value);
    } while (in_.accept(","));
    in_.expect(")");
  }
}

// chosen K, Q = T floordiv K+1
void Parser::derived_size(Function& function) {
  const bool chosen = in_.accept("chosen");
  const Position at = in_.peek().at;
  if (!in_.peek_kind(Token::kWord))
    in_.fail_expected(chosen ? "the name of a size" : "'require', 'chosen' or the name of a derived size");
  const Dim name = in_.dim();
  if (!name.is_symbol()) in_.fail(at, "expected the name of a derived size, found the size " + name.text());
  DerivedSize size{.name = name.text(), .chosen = chosen};
  if (!chosen) in_.expect("=");
  derived_from_.push_back(in_.peek().at);
  if (!chosen) {
    size.numerator = in_.dim();
    in_.expect("floordiv");
    const Position divisor_at = in_.peek().at;
    size.divisor = in_.dim();
    if (!provably_at_most(1, size.divisor))
      in_.fail(divisor_at, "func_c6: a divisor is 1 or more, found " + size.divisor.text());
  }
  if (function.derived.size() == kMaxGuards)
    in_.fail(at, "func_c7: a function has more than " + std::to_string(kMaxGuards) + " derived sizes");
  for (const DerivedSize& other : function.derived)
    if (other.name == name.text()) in_.fail(at, "func_c6: the size " + other.name + " is derived twice");
  size.loc = in_.optional_loc();
  function.derived.push_back(std::move(size));
}

// What parameters tell, then what is derived from that, in order; then all that the head uses must be known, and from
// now on each symbol that is read.
void Parser::check_sizes(const Function& function) {
  symbols_.clear();
  for (const auto& param : function.body.params)
    for (Dim dim : param->type.dims)
      if (dim.is_symbol()) symbols_.insert(dim.text());
  for (const DerivedSize& size : function.derived) symbols_.erase(size.name);
  for (size_t i = 0; i < function.derived.size(); ++i) {
    const DerivedSize& size = function.derived[i];
    for (const std::string& symbol : size.symbols())
      if (!symbols_.contains(symbol))
        in_.fail(derived_from_[i],
                 "func_c6: the size " + size.name + " is made of " + symbol + ", which nothing above tells");
    symbols_.insert(size.name);
  }
  in_.on_symbol = [this](const Token& symbol) {
    if (!symbols_.contains(symbol.text))
      in_.fail(symbol.at, "func_c3: the size " + std::string(symbol.text) +
                              " is not a whole dim of any parameter, so nothing tells its value");
  };
  for (const Token& symbol : used_) in_.on_symbol(symbol);
}

void Parser::facts(Function& function) {
  derived_from_.clear();
  do {
    const Position at = in_.peek().at;
    if (!in_.peek().is("require")) {
      derived_size(function);
      continue;
    }
    in_.expect("require");
    const Dim left = in_.dim();
    const bool equal = in_.accept("==");
    if (!equal && !in_.accept("<=")) in_.fail_expected("'==' or '<='");
    const Dim right = in_.dim();
    if (function.guards.size() == kMaxGuards)
      in_.fail(at, "func_c4: a function has more than " + std::to_string(kMaxGuards) + " guards");
    function.guards.push_back({left, equal, right, in_.optional_loc()});
  } while (in_.accept(","));
}

void Parser::end_of_function(Function& function, const Scope& scope, const std::vector<Type>& results) {
  const Position at = in_.peek().at;
  if (!in_.accept("return")) in_.fail_expected("an op or 'return'");
  std::vector<Position> places;
  if (!in_.peek().is("}")) function.body.results = graphs_.use_list(scope, &places);
  if (places.size() != results.size())
    in_.fail(at, "func_c5: the function returns " + counted(places.size(), "value") + ", its head says " +
                     std::to_string(results.size()));
  for (size_t i = 0; i < results.size(); ++i)
    if (const Type& found = function.body.results[i]->type; found != results[i])
      in_.fail(places[i], "func_c5: result " + std::to_string(i) + " is " + found.text() +
                              ", the function's head says " + results[i].text());
  in_.expect("}");
  function.loc = in_.optional_loc();
}

}  // namespace

Module parse(std::string_view text, std::string_view file_name) { return Parser(text, file_name).module(); }

}  // namespace rondo::ir
