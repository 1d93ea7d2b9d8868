// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/manual.h"

#include <algorithm>
#include <utility>

#include "ir/op_row.h"
#include "ir/ops/elementwise.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace rondo::ir {

namespace {

std::string arg_form(const AttrSpec& spec, AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt:
      return "int";
    case AttrKind::kInts:
      return "[int,..]";
    case AttrKind::kDim:
      return "size";
    case AttrKind::kDims:
      return "[size,..]";
    case AttrKind::kText:
      return "\"text\"";
    case AttrKind::kNumber:
      return "number";
    case AttrKind::kWord: {
      std::string words;
      for (const std::string& word : spec.words) words += (words.empty() ? "" : "|") + word;
      return words;
    }
  }
  return {};
}

std::string attr_form(const AttrSpec& spec) {
  std::string form = spec.name;
  for (size_t i = 0; i < spec.args.size(); ++i) form += (i > 0 ? "," : "(") + arg_form(spec, spec.args[i]);
  if (!spec.args.empty()) form += ")";
  return spec.optional ? "[" + form + "]" : form;
}

// `scan size [reverse] index(%i) over(..) carry(..) use(..) { .. yield carry(..) stack(..) }`
std::string region_form(const OpRow& row) {
  const RegionSpec& spec = row.region;
  std::string form = spec.length ? " size" : "";
  for (const OperandSpec& operand : row.operands) form += " %" + operand.name;
  for (const AttrSpec& attr : row.attrs)
    if (!(spec.length && attr.name == "length")) form += " " + attr_form(attr);
  if (spec.index) form += " index(%i)";
  for (const std::string& list : spec.binds) form += " " + list + "(..)";
  for (const BlockSpec& block : spec.blocks) {
    if (!block.name.empty()) form += " " + block.name;
    if (block.gives == BlockSpec::Gives::kCotangents) form += "(%y, .., %dy, ..)";
    form += " { .. yield";
    for (const std::string& list : block.yields) form += " " + list + "(..)";
    form += " }";
  }
  return form;
}

std::string form(const OpRow& row) {
  if (!row.region.blocks.empty()) return row.name + region_form(row);
  std::string form = row.name;
  for (size_t i = 0; i < row.operands.size(); ++i) {
    const std::string operand = (i > 0 ? ", %" : " %") + row.operands[i].name;
    form += row.operands[i].optional ? "[" + operand + "]" : operand;
  }
  if (row.variadic) form += ", ..";
  for (const AttrSpec& attr : row.attrs) form += " " + attr_form(attr);
  return form + (row.declared_results ? " : type" : "");
}

std::string derivative(const OpRow& row) {
  const Derivative& fact = row.derivative;
  if (!fact.none.empty()) return "none: " + fact.none;
  if (!fact.by_pass.empty()) return fact.by_pass;
  if (fact.transpose != nullptr || fact.joint_transpose != nullptr) return "its transpose";
  return fact.weights != nullptr ? "a weighted sum" : "its partials";
}

// What the arithmetic of an element-wise op takes.
std::string element_types(const OpRow& row) {
  const ElementMath& math = row.math_by_word.empty() ? row.math : row.math_by_word.begin()->second;
  std::string types;
  for (int id = 0; id < DType::kCount; ++id)
    if (const DType dtype(static_cast<DType::Id>(id)); math.takes(dtype))
      types += (types.empty() ? "" : " ") + std::string(dtype.text());
  return types;
}

std::string ulp(const OpRow& row) {
  if (row.max_ulp == 0) return "";
  const std::string digits = std::to_string(row.max_ulp);
  return digits.substr(0, digits.find_last_not_of("0.") + 1);
}

std::string constraint_lines(const OpRow& row, size_t first) {
  std::string text;
  for (size_t i = first; i < row.constraints.size(); ++i)
    text += "- `" + row.name + "_c" + std::to_string(i + 1) + "` " + row.constraints[i] + "\n";
  return text;
}

// Element-wise ops whose types are checked by what they have in common; the others are entries of their own.
bool stands_in_table(const OpRow& row) { return row.is_elementwise() && !row.declared_results; }
constexpr size_t kCommon = 2;  // constraints that all ops of the table have

// A bar would end the cell of a table.
std::string cell(std::string text) {
  for (size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, "\\");
  return text + " | ";
}

std::string table_row(const OpRow& row) {
  return "| " + cell("`" + form(row) + "`") + cell(row.doc) + cell(element_types(row)) + cell(ulp(row)) +
         derivative(row) + " |\n";
}

std::string op_entry(const OpRow& row) {
  std::string text = "**`" + form(row) + "`** " + row.doc + (row.doc.ends_with('.') ? "" : ".");
  return text + " Derivative: " + derivative(row) + ".\n" + constraint_lines(row, 0) + "\n";
}

std::string elementwise_table() {
  std::string table, extra;
  for (const OpRow* row : all_rows()) {
    if (!stands_in_table(*row)) continue;
    table += table_row(*row);
    extra += constraint_lines(*row, kCommon);
  }
  const std::vector<std::string>& common = ops::add.constraints;
  return "Each element of the result comes from the elements of the operands at its index. Of every op NAME "
         "in the\n"
         "table, `NAME_c1`: " +
         common[0] + "; `NAME_c2`: " + common[1] +
         ".\n\n"
         "| op | each element is | takes | ulp in f32 | derivative |\n|---|---|---|---|---|\n" +
         table + "\n" + extra + "\n";
}

std::string_view title(Family family) {
  switch (family) {
    case Family::kElementwise:
      return "Element by element";
    case Family::kShape:
      return "Shapes";
    case Family::kReduce:
      return "Reductions";
    case Family::kContraction:
      return "Contraction";
    case Family::kIndexed:
      return "Computed places";
    case Family::kMake:
      return "Making values";
    case Family::kError:
      return "Errors";
    case Family::kRegion:
      return "Ops with regions";
  }
  return {};
}

}  // namespace

std::string op_list() {
  std::string text;
  for (const OpRow* row : all_rows()) text += form(*row) + "\n    " + row->doc + "\n";
  return text;
}

std::string op_manual() {
  std::string text = "## Rules of all functions\n\n| label | rule |\n|---|---|\n";
  for (const Rule& rule : rules())
    text += "| `" + std::string(rule.label) + "` | " + std::string(rule.text) + " |\n";
  text += "\n## Ops\n\n";
  const Family* family = nullptr;
  for (const OpRow* row : all_rows()) {
    if (family == nullptr || *family != row->family) {
      text += "### " + std::string(title(row->family)) + "\n\n";
      if (row->is_elementwise()) text += elementwise_table();
    }
    family = &row->family;
    if (!stands_in_table(*row)) text += op_entry(*row);
  }
  text.pop_back();  // the file ends with one line end
  return text;
}

namespace {

// One fact of an explained op; further lines of it stand below the first.
std::string fact(const std::string& title, const std::vector<std::string>& lines) {
  constexpr size_t kIndent = 14;
  std::string text;
  for (const std::string& line : lines) {
    const std::string& head = text.empty() ? title : "";
    text += head + std::string(kIndent - head.size(), ' ') + line + "\n";
  }
  return text;
}

// A paragraph in lines of at most kColumns, indented.
std::string paragraph(std::string_view words) {
  constexpr size_t kColumns = 110;
  const std::string indent(4, ' ');
  std::string text, line;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    const std::string_view word = words.substr(at, end - at);
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > kColumns)
      text += indent + std::exchange(line, {}) + "\n";
    line += (line.empty() ? "" : " ") + std::string(word);
    at = end + 1;
  }
  return text + indent + line + "\n";
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::vector<std::string> operand_facts(const OpRow& row) {
  std::vector<std::string> lines;
  for (const OperandSpec& operand : row.operands)
    lines.push_back("%" + operand.name + (operand.optional ? ", may be left out" : "") +
                    (operand.doc.empty() ? "" : ": " + operand.doc));
  if (row.variadic) lines.back() += ", and any number more";
  for (const std::string& list : row.region.binds) lines.push_back("any number, bound in " + list + "(..)");
  return lines.empty() ? std::vector<std::string>{"none"} : lines;
}

std::vector<std::string> attr_facts(const OpRow& row) {
  std::vector<std::string> lines;
  for (const AttrSpec& attr : row.attrs) {
    AttrSpec plain = attr;
    plain.optional = false;
    const bool leads = row.region.length && attr.name == "length";
    lines.push_back(leads ? "size, after the op's name"
                          : attr_form(plain) + (attr.optional ? ", may be left out" : ""));
  }
  return lines;
}

// `f32 f64 -> i1`, or `f32 f64` where the result has the operands' element type.
std::vector<std::string> type_facts(const OpRow& row) {
  if (!row.is_elementwise() || row.declared_results) return {};
  const ElementMath& math = row.math_by_word.empty() ? row.math : row.math_by_word.begin()->second;
  std::vector<std::string> lines;
  for (int id = 0; id < DType::kCount; ++id) {
    const DType dtype(static_cast<DType::Id>(id));
    if (!math.takes(dtype)) continue;
    const DType result = math.results[id];
    lines.push_back(std::string(dtype.text()) + (result == dtype ? "" : " -> " + std::string(result.text())) +
                    (math.expand[id] != nullptr ? ", by a formula in primitive ops" : ""));
  }
  return lines;
}

std::vector<std::string> constraint_facts(const OpRow& row) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < row.constraints.size(); ++i)
    lines.push_back(row.name + "_c" + std::to_string(i + 1) + "  " + row.constraints[i]);
  return lines;
}

std::string derivative_fact(const OpRow& row) {
  std::vector<std::string> by;
  for (size_t i = 0; i < row.derivative.partials.size(); ++i)
    if (row.derivative.partials[i] != nullptr) by.push_back("%" + row.operands.at(i).name);
  return derivative(row) + (by.empty() ? "" : ", by " + joined(by));
}

std::string smooth_fact(const OpRow& row) {
  std::vector<std::string> intervals;
  for (size_t i = 0; i < row.smooth.size(); ++i)
    intervals.push_back("%" + row.operands.at(i).name + " in [" + Number(row.smooth[i].low).text(f64) + ", " +
                        Number(row.smooth[i].high).text(f64) + "]");
  return intervals.empty() ? "everywhere" : joined(intervals);
}

std::vector<std::string> flag_facts(const OpRow& row) {
  std::vector<std::string> lines;
  if (row.declared_results) lines.push_back("its result type is part of what it means: it must be written");
  if (row.cheap)
    lines.push_back("cheap: the gradient of a loop computes it again, and keeps no result of it");
  if (row.keeps_elements)
    lines.push_back("keeps elements: the result may be the buffer of its first operand");
  if (row.updates >= 0)
    lines.push_back("updates: the result may overwrite %" + row.operands[row.updates].name);
  return lines;
}

// How many characters must be inserted, deleted or replaced (Levenshtein 1966).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j)
      diagonal = std::exchange(row[j + 1], std::min({row[j] + 1, row[j + 1] + 1, diagonal + (a[i] != b[j])}));
  }
  return row.back();
}

[[noreturn]] void fail_unknown(std::string_view name) {
  constexpr size_t kNamed = 3;
  const std::string_view start = name.substr(0, kMaxIdentifier);
  std::vector<std::pair<size_t, std::string>> nearest;
  for (const OpRow* row : all_rows()) nearest.emplace_back(edit_distance(start, row->name), row->name);
  std::ranges::stable_sort(nearest, {}, &std::pair<size_t, std::string>::first);
  std::vector<std::string> names;
  for (size_t i = 0; i < kNamed; ++i) names.push_back(nearest[i].second);
  throw Error("there is no op '" + excerpt(name) + "'; the nearest names are " + joined(names));
}

}  // namespace

std::string explain_op(std::string_view name) {
  const OpRow* found = find_row(name);
  if (found == nullptr) fail_unknown(name);
  const OpRow& row = *found;
  std::string text = form(row) + "\n" + paragraph(row.doc) + "\n";
  text += fact("family", {std::string(title(row.family))});
  text += fact("operands", operand_facts(row));
  text += fact("attributes", attr_facts(row));
  text += fact("types", type_facts(row));
  text += fact("constraints", constraint_facts(row));
  text += fact("derivative", {derivative_fact(row)});
  if (row.is_elementwise())
    text +=
        fact("error", {row.max_ulp == 0 ? "none: rounded correctly" : "at most " + ulp(row) + " ulp in f32"});
  if (row.is_elementwise() && row.derivative.none.empty()) text += fact("smooth", {smooth_fact(row)});
  return text + fact("flags", flag_facts(row));
}

}  // namespace rondo::ir
