// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/print.h"

#include <algorithm>
#include <utility>

#include "ir/names.h"
#include "ir/op_row.h"
#include "ir/text.h"

namespace rondo::ir {

namespace {

constexpr size_t kColumns = 110;  // longer heads of functions and regions are broken into lines

template <class List, class Text>
std::string joined(const List& list, Text&& text) {
  std::string out;
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ", ";
    out += text(element);
    first = false;
  }
  return out;
}

std::string loc_text(Loc loc) {
  if (!loc.known()) return {};
  std::string out = " loc(" + quoted(loc.file()) + ":" + std::to_string(loc.line());
  const char* before = " via ";
  for (const std::string& pass : loc.passes()) out += std::exchange(before, ",") + quoted(pass);
  return out + ")";
}

std::string dims_text(const std::vector<Dim>& dims) {
  std::string out = "[";
  for (size_t i = 0; i < dims.size(); ++i) out += (i > 0 ? "," : "") + dims[i].text();
  return out + "]";
}

class Printer {
 public:
  void function(const Function& function);
  void op(const Op& op, const Names& names);
  std::string take() { return std::move(out_); }

 private:
  void begin_line() { out_.append(2 * static_cast<size_t>(indent_), ' '); }
  void graph(const Graph& graph, const Names& names);
  void attributes(const Op& op);
  void region_op(const Op& op, const Names& names);
  void region_head(const Op& op, const Names& names, const Names& inner);
  void further_params(const Graph& region, size_t bound, const Names& names);
  void yield(const Op& op, const BlockSpec& block, const Graph& region, const Names& names);

  std::string out_;
  int indent_ = 0;
};

std::string attr_arg(const Op& op, AttrKind kind, const AttrArg& arg) {
  switch (kind) {
    case AttrKind::kInt:
    case AttrKind::kDim:
      return std::get<Dim>(arg).text();
    case AttrKind::kInts:
    case AttrKind::kDims:
      return dims_text(std::get<std::vector<Dim>>(arg));
    case AttrKind::kWord:
      return std::get<std::string>(arg);
    case AttrKind::kText:
      return quoted(std::get<std::string>(arg));
    case AttrKind::kNumber:  // an element of the result
      return std::get<Number>(arg).text(op.results.empty() ? f64 : op.result()->type.dtype);
  }
  return {};
}

// In the order of the row, annotations last. The trip count of a region op stands elsewhere.
void Printer::attributes(const Op& op) {
  for (const auto* specs : {&op.row->attrs, &annotations()})
    for (const AttrSpec& spec : *specs)
      for (const Attr& attr : op.attrs) {
        if (attr.spec->name != spec.name || (op.row->region.length && spec.name == "length")) continue;
        out_ += " " + spec.name;
        if (spec.args.empty()) continue;
        out_ += "(";
        for (size_t i = 0; i < attr.args.size(); ++i)
          out_ += (i > 0 ? "," : "") + attr_arg(op, spec.args[i], attr.args[i]);
        out_ += ")";
      }
}

void Printer::op(const Op& op, const Names& names) {
  begin_line();
  if (!op.results.empty()) {
    out_ += joined(op.results, [&](const auto& result) { return "%" + names.of(result.get()); });
    out_ += " = ";
  }
  out_ += op.row->name;
  if (op.row->region.blocks.empty()) {
    if (!op.operands.empty()) out_ += " ";
    out_ += joined(op.operands, [&](const Value* operand) { return names.operand(operand); });
    attributes(op);
  } else {
    region_op(op, names);
  }
  if (!op.results.empty())
    out_ += " : " + joined(op.results, [](const auto& result) { return result->type.text(); });
  out_ += loc_text(op.loc) + "\n";
}

// `T reverse index(%t) over(%xt = %x) carry(%h = %h0) use(%w = %W) {`, a line for each list if it is long.
void Printer::region_head(const Op& op, const Names& names, const Names& inner) {
  const RegionSpec& spec = op.row->region;
  size_t bound = 0;
  for (int count : op.groups) bound += count;
  const size_t line = out_.rfind('\n') + 1;  // 0 if there is none

  if (spec.length && op.has_attr("length")) out_ += " " + op.dim_attr("length").text();
  for (size_t i = bound; i < op.operands.size(); ++i)
    out_ += (i > bound ? ", " : " ") + names.operand(op.operands[i]);
  attributes(op);

  const Graph* region = op.regions.empty() ? nullptr : op.regions[0].get();
  const auto param = [&](size_t i) {
    return "%" + (region != nullptr && i < region->params.size() ? inner.of(region->param(i)) : "?");
  };
  std::vector<std::string> lists;
  size_t next_param = 0, next_operand = 0;
  if (spec.index) lists.push_back("index(" + param(next_param++) + ")");
  for (size_t i = 0; i < spec.binds.size(); ++i) {
    std::string list = spec.binds[i] + "(";
    for (int k = 0; i < op.groups.size() && k < op.groups[i]; ++k, ++next_param, ++next_operand) {
      if (next_operand == op.operands.size()) break;
      list += (k > 0 ? ", " : "") + param(next_param) + " = " + names.operand(op.operands[next_operand]);
      if (region != nullptr && next_param < region->params.size())
        list += loc_text(region->param(next_param)->loc);
    }
    lists.push_back(list + ")");
  }
  size_t width = out_.size() - line;
  for (const std::string& list : lists) width += 1 + list.size();
  for (const std::string& list : lists) {
    if (width + 2 > kColumns) {
      out_ += "\n";
      out_.append(2 * static_cast<size_t>(indent_) + 4, ' ');
    } else {
      out_ += " ";
    }
    out_ += list;
  }
}

void Printer::region_op(const Op& op, const Names& names) {
  const RegionSpec& spec = op.row->region;
  const Names* first = nullptr;
  std::vector<std::unique_ptr<Names>> inner;
  for (const auto& region : op.regions) {
    inner.push_back(std::make_unique<Names>(*region, first));
    first = inner[0].get();
  }
  static const Graph nothing(nullptr);
  static const Names no_names(nothing);
  region_head(op, names, first != nullptr ? *first : no_names);
  for (size_t i = 0; i < op.regions.size() && i < spec.blocks.size(); ++i) {
    const BlockSpec& block = spec.blocks[i];
    if (!block.name.empty()) out_ += " " + block.name;
    if (block.gives == BlockSpec::Gives::kCotangents)
      further_params(*op.regions[i], op.operands.size(), *inner[i]);
    out_ += " {\n";
    ++indent_;
    graph(*op.regions[i], *inner[i]);
    yield(op, block, *op.regions[i], *inner[i]);
    --indent_;
    begin_line();
    out_ += "}";
  }
}

// `(%y, %dy)`: the parameters that no operand is bound to.
void Printer::further_params(const Graph& region, size_t bound, const Names& names) {
  out_ += "(";
  for (size_t i = bound; i < region.params.size(); ++i)
    out_ += (i > bound ? ", %" : "%") + names.of(region.param(static_cast<int>(i)));
  out_ += ")";
}

// `yield carry(%h1) stack(%h1)`: a list that is also bound has as many values as there; the rest are the
// others'.
void Printer::yield(const Op& op, const BlockSpec& block, const Graph& region, const Names& names) {
  const RegionSpec& spec = op.row->region;
  begin_line();
  out_ += "yield";
  size_t next = 0;
  for (const std::string& list : block.yields) {
    const auto bind = std::find(spec.binds.begin(), spec.binds.end(), list);
    size_t end = region.results.size();
    if (const size_t group = bind - spec.binds.begin(); group < op.groups.size() && bind != spec.binds.end())
      end = std::min(end, next + op.groups[group]);
    out_ += " " + list + "(";
    for (const size_t first = next; next < end; ++next)
      out_ += (next > first ? ", " : "") + names.operand(region.results[next]);
    out_ += ")";
  }
  out_ += "\n";
}

void Printer::graph(const Graph& graph, const Names& names) {
  for (const auto& op : graph.ops)
    if (!names.is_inline(*op)) this->op(*op, names);
}

std::string param_text(const Function& function, size_t i, const Names& names) {
  const Value& param = *function.body.params[i];
  std::string text = "%" + names.of(&param) + ": " + param.type.text();
  if (i < function.param_infos.size()) {
    const ParamInfo& info = function.param_infos[i];
    if (info.donate) text += " donate";
    if (!info.label.empty()) text += " name(" + quoted(info.label) + ")";
  }
  return text + loc_text(param.loc);
}

std::string derived_text(const DerivedSize& size) {
  return (size.chosen ? "chosen " + size.name : size.name + " = " + quotient_text(size)) + loc_text(size.loc);
}

std::string guard_text(const Guard& guard) {
  return "require " + guard.left.text() + (guard.equal ? " == " : " <= ") + guard.right.text() +
         loc_text(guard.loc);
}

// On one line, or with a line for each parameter if it is long.
std::string head_text(const Function& function, const Names& names) {
  std::vector<std::string> params;
  for (size_t i = 0; i < function.body.params.size(); ++i) params.push_back(param_text(function, i, names));
  const auto type = [](const Value* result) { return result->type.text(); };
  std::string tail = ") -> (" + joined(function.body.results, type) + ")";
  std::vector<std::string> facts;
  for (const DerivedSize& size : function.derived) facts.push_back(derived_text(size));
  for (const Guard& guard : function.guards) facts.push_back(guard_text(guard));
  const auto same = [](const std::string& text) { return text; };
  if (!facts.empty()) tail += " where " + joined(facts, same);
  tail += " {\n";

  const std::string line = "func @" + function.name + "(" + joined(params, same) + tail;
  if (line.size() <= kColumns + 1 || params.empty()) return line;
  std::string lines = "func @" + function.name + "(";
  for (size_t i = 0; i < params.size(); ++i) lines += (i > 0 ? ",\n    " : "\n    ") + params[i];
  return lines + "\n" + tail;
}

void Printer::function(const Function& function) {
  const Graph& body = function.body;
  const Names names(body);
  out_ += head_text(function, names);
  indent_ = 1;
  graph(body, names);
  out_ += "  return";
  if (!body.results.empty())
    out_ += " " + joined(body.results, [&](const Value* result) { return names.operand(result); });
  out_ += "\n}" + loc_text(function.loc) + "\n";
}

}  // namespace

std::string quotient_text(const DerivedSize& size) {
  return size.numerator.text() + " floordiv " + size.divisor.text();
}

std::string print(const Function& function) {
  Printer printer;
  printer.function(function);
  return printer.take();
}

std::string print(const Module& module) {
  std::string out = "rondo 0.1\n";
  for (const auto& function : module.functions) out += "\n" + print(*function);
  return out;
}

std::string print(const Op& op) {
  static const Graph nothing(nullptr);
  const Names names(op.graph != nullptr ? *op.graph : nothing);
  Printer printer;
  printer.op(op, names);
  std::string text = printer.take();
  text.pop_back();  // the line's end
  return text;
}

}  // namespace rondo::ir
