// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/manual.h"

#include <algorithm>

#include "ir/op_row.h"
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
  for (size_t i = 0; i < row.operands.size(); ++i) form += (i > 0 ? ", %" : " %") + row.operands[i].name;
  if (row.variadic) form += ", ..";
  for (const AttrSpec& attr : row.attrs) form += " " + attr_form(attr);
  return form + (row.declared_results ? " : type" : "");
}

std::string derivative(const OpRow& row) {
  const Derivative& fact = row.derivative;
  if (!fact.none.empty()) return "none: " + fact.none;
  if (!fact.by_pass.empty()) return fact.by_pass;
  if (fact.transpose != nullptr) return "its transpose";
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

}  // namespace rondo::ir
