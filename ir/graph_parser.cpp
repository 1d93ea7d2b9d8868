// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/graph_parser.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/literal.h"
#include "ir/text.h"

namespace rondo::ir {

void GraphParser::ops(Graph& graph, Scope& scope) {
  while (!in_.peek().is("return") && !in_.peek().is("yield")) {
    if (!in_.peek_kind(Token::kValue) && !in_.peek_kind(Token::kWord))
      in_.fail_expected(graph.owner == nullptr ? "an op or 'return'" : "an op or 'yield'");
    op(graph, scope);
  }
}

void GraphParser::op(Graph& graph, Scope& scope) {
  Draft draft;
  if (in_.peek_kind(Token::kValue)) {
    do draft.results.push_back(in_.expect(Token::kValue, "a result, such as %y"));
    while (in_.accept(","));
    in_.expect("=");
  }
  const Token name = in_.expect(Token::kWord, "an op");
  draft.at = name.at;
  draft.op->row = find_row(name.text);
  draft.op->graph = &graph;
  if (draft.op->row == nullptr) in_.fail(name.at, "unknown op '" + excerpt(name.text) + "'");

  if (draft.op->row->region.blocks.empty()) {
    operands(draft, scope);
    attributes(draft);
  } else {
    region_op(draft, graph, scope);
  }
  if (in_.accept(":")) {
    do {
      draft.declared_at.push_back(in_.peek().at);
      draft.declared.push_back(in_.type());
    } while (in_.accept(","));
  }
  draft.op->loc = in_.optional_loc();
  finish(draft, graph, scope);
}

void GraphParser::operands(Draft& draft, const Scope& scope) {
  if (!in_.peek_kind(Token::kValue) && !in_.at_number()) return;
  do {
    if (in_.at_number())
      draft.operands.push_back({nullptr, in_.number()});
    else
      draft.operands.push_back({use(scope)});
  } while (in_.accept(","));
}

void GraphParser::attributes(Draft& draft) {
  const OpRow& row = *draft.op->row;
  while (in_.peek_kind(Token::kWord)) {
    const Token name = in_.peek();
    const AttrSpec* spec = row.find_attr(name.text);
    const bool elsewhere = row.region.length && name.text == "length";
    if (spec == nullptr || elsewhere) {
      const bool other = name.is("loc") || name.is("return") || name.is("yield") ||
                         find_row(name.text) != nullptr || !row.region.blocks.empty();
      if (other) return;
      in_.fail(name.at, "op_c1: " + row.name + " has no attribute '" + excerpt(name.text) + "'");
    }
    in_.take();
    if (draft.op->has_attr(spec->name))
      in_.fail(name.at, "op_c1: the attribute '" + spec->name + "' stands twice");
    Attr attr = attribute(draft, *spec);
    draft.op->attrs.push_back(std::move(attr));
  }
}

Attr GraphParser::attribute(Draft& draft, const AttrSpec& spec) {
  Attr attr{&spec, {}};
  if (spec.args.empty()) return attr;
  in_.expect("(");
  for (size_t i = 0; i < spec.args.size(); ++i) {
    if (i > 0) in_.expect(",");
    attr.args.push_back(attribute_arg(draft, spec, i));
  }
  in_.expect(")");
  return attr;
}

AttrArg GraphParser::attribute_arg(Draft& draft, const AttrSpec& spec, size_t arg) {
  switch (spec.args[arg]) {
    case AttrKind::kInt:
      return in_.constant_dim();
    case AttrKind::kDim:
      return in_.dim();
    case AttrKind::kInts: {
      std::vector<Dim> ints;
      in_.expect("[");
      if (in_.accept("]")) return ints;
      do ints.push_back(in_.constant_dim());
      while (in_.accept(","));
      in_.expect("]");
      return ints;
    }
    case AttrKind::kDims:
      return in_.dims();
    case AttrKind::kText:
      return in_.string();
    case AttrKind::kNumber:
      draft.number_args.push_back({draft.op->attrs.size(), arg, in_.number()});
      return Number(0);  // until the result type is known
    case AttrKind::kWord: {
      std::string all;
      for (const std::string& word : spec.words) all += (all.empty() ? "" : ", ") + word;
      if (std::ranges::find(spec.words, in_.peek().text) == spec.words.end())
        in_.fail_expected("one of " + all);
      return std::string(in_.take().text);
    }
  }
  return Number(0);
}

void GraphParser::finish(Draft& draft, Graph& graph, Scope& scope) {
  Op& op = *draft.op;
  numbers_to_constants(draft, graph);
  std::vector<Type> types = inferred(draft);
  check_results(draft, types);
  for (size_t i = 0; i < types.size(); ++i)
    define(scope, draft.results[i], op.add_result(std::move(types[i]), name_of(draft.results[i])));
  for (const auto& [attr, arg, number] : draft.number_args) {
    const DType dtype = op.results.empty() ? f64 : op.result()->type.dtype;
    op.attrs[attr].args[arg] = in_.element(number, dtype);
  }
  graph.append(std::move(draft.op));
}

void GraphParser::check_results(const Draft& draft, const std::vector<Type>& types) {
  const std::string has = "op_c3: " + draft.op->row->name + " has " + counted(types.size(), "result");
  for (size_t i = 0; i < draft.declared.size(); ++i) {
    const Position at = draft.declared_at[i];
    if (i >= types.size()) in_.fail(at, has + ", found " + counted(draft.declared.size(), "type"));
    if (draft.declared[i] != types[i])
      in_.fail(at, "op_c3: the result of " + draft.op->row->name + " is " + types[i].text() + ", found " +
                       draft.declared[i].text());
  }
  if (!draft.declared.empty() && draft.declared.size() < types.size())
    in_.fail(draft.declared_at.back(), has + ", found " + counted(draft.declared.size(), "type"));
  if (draft.results.size() != types.size())
    in_.fail(draft.at, has + ", found " + counted(draft.results.size(), "name"));
  for (const Type& type : types) {
    if (type.rank() > kMaxRank)
      in_.fail(draft.at, "type_c1: the result has more than " + std::to_string(kMaxRank) + " dims");
    if (const std::string flaw = type.flaw(); !flaw.empty())
      in_.fail(draft.at, "type_c3: the result " + flaw);
  }
}

void GraphParser::numbers_to_constants(Draft& draft, Graph& graph) {
  if (!draft.op->row->region.blocks.empty()) return;
  std::vector<const Type*> types;
  for (const Operand& operand : draft.operands)
    types.push_back(operand.value != nullptr ? &operand.value->type : nullptr);
  const Type* result = draft.declared.size() == 1 ? &draft.declared[0] : nullptr;
  for (size_t i = 0; i < draft.operands.size(); ++i) {
    Operand& operand = draft.operands[i];
    if (operand.value == nullptr) {
      const std::optional<Type> type = number_type(*draft.op->row, types, result, i);
      if (!type)
        in_.fail(operand.number.token.at,
                 "nothing tells the type of this number: a number may stand as an operand of an element-wise "
                 "op, beside another operand");
      auto constant = std::make_unique<Op>();
      constant->row = &ops::constant;
      constant->loc = draft.op->loc;
      constant->attrs.push_back(
          {constant->row->find_attr("value"), {in_.element(operand.number, type->dtype)}});
      operand.value = constant->add_result(*type);
      graph.append(std::move(constant));
    }
    draft.op->operands.push_back(operand.value);
  }
}

std::vector<Type> GraphParser::inferred(const Draft& draft) {
  constexpr size_t kLongest = 400;  // of a message that quotes an operand's type
  try {
    return infer(*draft.op, draft.declared);
  } catch (const ConstraintError& error) {
    in_.fail(draft.at, error.label + ": " + excerpt(error.detail, kLongest));
  } catch (const Error& error) {
    in_.fail(draft.at, draft.op->row->name + ": " + excerpt(error.what(), kLongest));
  }
}

void GraphParser::region_op(Draft& draft, Graph& graph, const Scope& scope) {
  const RegionSpec& spec = draft.op->row->region;
  if (++nesting_ > kMaxNesting)
    in_.fail(draft.at, "graph_c3: regions nest deeper than " + std::to_string(kMaxNesting));
  if (spec.length) draft.op->attrs.push_back({draft.op->row->find_attr("length"), {in_.dim()}});
  Values plain;
  if (in_.peek_kind(Token::kValue)) plain = use_list(scope);
  const size_t expected = draft.op->row->operands.size();
  if (plain.size() != expected)
    in_.fail(draft.at, "op_c2: " + draft.op->row->name + " has " + counted(plain.size(), "operand") +
                           " before its lists, expected " + std::to_string(expected));
  attributes(draft);
  const std::vector<Bind> bound = binds(draft, scope);
  draft.op->operands.insert(draft.op->operands.end(), plain.begin(), plain.end());
  for (const BlockSpec& block : spec.blocks) {
    if (!block.name.empty()) in_.expect(block.name);
    std::vector<Bind> params = bound;
    if (block.gives == BlockSpec::Gives::kCotangents) further_params(*draft.op->regions[0], params);
    region(draft, block, params, scope, graph.function);
  }
  --nesting_;
}

// `index(%t) over(%xt = %x) carry(%h = %h0) use(%w = %W)`. What an `over` binds is one time step's part.
std::vector<GraphParser::Bind> GraphParser::binds(Draft& draft, const Scope& scope) {
  const RegionSpec& spec = draft.op->row->region;
  std::vector<Bind> bound;
  if (spec.index) {
    in_.expect("index");
    in_.expect("(");
    const Token param = in_.expect(Token::kValue, "the index, such as %t");
    bound.push_back({param, i32[{}], Loc::unknown()});
    in_.expect(")");
  }
  for (const std::string& list : spec.binds) {
    in_.expect(list);
    in_.expect("(");
    draft.op->groups.push_back(0);
    if (in_.accept(")")) continue;
    do {
      const Token param = in_.expect(Token::kValue, "a parameter of the region, such as %h");
      in_.expect("=");
      Value* outer = use(scope);
      Type type = outer->type;
      if (list == "over" && !type.dims.empty()) type.dims.erase(type.dims.begin());
      bound.push_back({param, type, in_.optional_loc()});
      draft.op->operands.push_back(outer);
      ++draft.op->groups.back();
    } while (in_.accept(","));
    in_.expect(")");
  }
  return bound;
}

// `(%y, %dy)`: what the first block yields, then a cotangent for each float among that.
void GraphParser::further_params(const Graph& first, std::vector<Bind>& params) {
  std::vector<Type> types;
  for (const Value* value : first.results) types.push_back(value->type);
  for (const Value* value : first.results)
    if (value->type.dtype.is_float()) types.push_back(value->type);
  in_.expect("(");
  for (size_t i = 0; i < types.size(); ++i) {
    if (i > 0) in_.expect(",");
    params.push_back(
        {in_.expect(Token::kValue, "a parameter of the region, such as %h"), types[i], Loc::unknown()});
  }
  in_.expect(")");
}

void GraphParser::region(Draft& draft, const BlockSpec& block, const std::vector<Bind>& binds,
                         const Scope& outer, Function* function) {
  draft.op->regions.push_back(std::make_unique<Graph>(function, draft.op.get()));
  Graph& graph = *draft.op->regions.back();
  Scope scope{&outer};
  for (const Bind& bind : binds)
    define(scope, bind.param, graph.add_param(bind.type, name_of(bind.param), bind.loc));
  in_.expect("{");
  ops(graph, scope);
  yield(draft, block, graph, scope);
  in_.expect("}");
}

void GraphParser::yield(const Draft& draft, const BlockSpec& block, Graph& region, const Scope& scope) {
  const OpRow& row = *draft.op->row;
  in_.expect("yield");
  for (const std::string& list : block.yields) {
    const Position at = in_.peek().at;
    if (!list.empty()) in_.expect(list);
    in_.expect("(");
    Values values;
    if (!in_.peek().is(")")) values = use_list(scope);
    in_.expect(")");
    const auto bind = std::ranges::find(row.region.binds, list);
    const bool bound = bind != row.region.binds.end();
    const int expected = bound ? draft.op->groups[bind - row.region.binds.begin()] : 0;
    if (bound && static_cast<int>(values.size()) != expected)
      in_.fail(at, "op_c2: '" + list + "' yields " + counted(values.size(), "value") + ", expected " +
                       std::to_string(expected) + ", one for each that is bound");
    region.results.insert(region.results.end(), values.begin(), values.end());
  }
}

Value* GraphParser::use(const Scope& scope) {
  const Token name = in_.expect(Token::kValue, "a value, such as %x");
  auto found = scope.values.find(name.text);
  if (found != scope.values.end()) return found->second.value;
  const std::string text(name.text);
  for (const Scope* outer = scope.outer; outer != nullptr; outer = outer->outer)
    if (outer->values.contains(name.text))
      in_.fail(name.at, "graph_c1: %" + text +
                            " belongs to the graph outside; a region takes it in by a bind such as use(%" +
                            text + " = %" + text + ")");
  in_.fail(name.at, "graph_c1: %" + text + " is not defined above");
}

Values GraphParser::use_list(const Scope& scope, std::vector<Position>* places) {
  Values values;
  do {
    if (places != nullptr) places->push_back(in_.peek().at);
    values.push_back(use(scope));
  } while (in_.accept(","));
  return values;
}

void GraphParser::define(Scope& scope, const Token& name, Value* value) {
  auto [entry, fresh] = scope.values.try_emplace(name.text, Scope::Definition{value, name.at.line});
  if (!fresh)
    in_.fail(name.at, "graph_c2: %" + std::string(name.text) + " is defined already, in line " +
                          std::to_string(entry->second.line));
}

std::string GraphParser::name_of(const Token& name) {
  const bool number = std::ranges::all_of(name.text, [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::string() : std::string(name.text);
}

}  // namespace rondo::ir
