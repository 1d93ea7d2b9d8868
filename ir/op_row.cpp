// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/op_row.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "ir/ops/elementwise.h"

namespace rondo::ir {

const AttrSpec* OpRow::find_attr(std::string_view name) const {
  for (const auto* specs : {&attrs, &annotations()})
    for (const AttrSpec& spec : *specs)
      if (spec.name == name) return &spec;
  return nullptr;
}

const ElementMath& element_math(const Op& op) {
  if (op.row->math_by_word.empty()) return op.row->math;
  for (const Attr& attr : op.attrs)
    if (!attr.args.empty() && attr.spec->args[0] == AttrKind::kWord)
      return op.row->math_by_word.at(std::get<std::string>(attr.args[0]));
  throw InternalError(op.row->name + " has no word attribute to pick its arithmetic by");
}

const std::vector<AttrSpec>& annotations() {
  static const std::vector<AttrSpec> specs = {
      {"buffers", {AttrKind::kInts}, true}, {"through", {AttrKind::kInts}, true},
      {"inside", {AttrKind::kInts}, true},  {"view", {}, true},
      {"first", {AttrKind::kDim}, true},    {"among", {AttrKind::kInts, AttrKind::kDims}, true},
      {"columns", {AttrKind::kDims}, true}, {"unroll", {AttrKind::kInt}, true}};
  return specs;
}

const std::vector<const OpRow*>& all_rows() {
  static const std::vector<const OpRow*> rows = {
#define OP(name, ...) &ops::name,
#include "ir/ops/all.def"
#undef OP
  };
  return rows;
}

const OpRow* find_row(std::string_view name) {
  static const auto& by_name = *[] {
    auto* map = new std::unordered_map<std::string_view, const OpRow*>;
    for (const OpRow* row : all_rows()) map->emplace(row->name, row);
    return map;
  }();
  auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

ConstraintError::ConstraintError(const OpRow& row, int constraint, const std::string& detail)
    : Error(row.name + ": " + detail),
      label(row.name + "_c" + std::to_string(constraint)),
      op(row.name),
      detail(detail) {}

void require(const Op& op, int constraint, bool holds, const std::string& detail) {
  if (!holds) throw ConstraintError(*op.row, constraint, detail);
}

bool implies(const Op& op, Dim left, bool equal, Dim right) {
  if (op.graph != nullptr && op.graph->function != nullptr)
    return op.graph->function->implies(left, equal, right);
  return equal ? left == right : provably_at_most(left, right);
}

namespace {

// Constraint 0 is common to all ops: as many operands, and just the attributes, that the row declares.
void check_form(const Op& op) {
  const OpRow& row = *op.row;
  const size_t expected = row.operands.size();
  const size_t least = expected - (!row.operands.empty() && row.operands.back().optional ? 1 : 0);
  const bool region = !row.region.blocks.empty();
  const size_t bound = std::accumulate(op.groups.begin(), op.groups.end(), size_t{0});
  const bool enough = region
                          ? op.operands.size() == bound + expected
                          : op.operands.size() >= least && (row.variadic || op.operands.size() <= expected);
  require(op, 0, enough,
          "expected " + (least < expected ? std::to_string(least) + " or " : "") + std::to_string(expected) +
              (row.variadic ? " or more" : "") + " operands, found " + std::to_string(op.operands.size()));
  for (const AttrSpec& spec : row.attrs)
    require(op, 0, spec.optional || op.has_attr(spec.name), "the attribute '" + spec.name + "' is missing");
  require(op, 0, op.regions.size() == row.region.blocks.size(),
          "expected " + std::to_string(row.region.blocks.size()) + " regions, found " +
              std::to_string(op.regions.size()));
}

}  // namespace

Value* start_of_sums(const Op& op) {
  const size_t last = op.row->operands.size() - 1;
  return op.operands.size() > last && op.row->operands[last].optional ? op.operands[last] : nullptr;
}

int64_t descending_dims(const Op& op) { return op.has_attr("descending") ? op.int_attr("descending") : 0; }

int64_t chained_dims(const Op& op) {
  if (op.row == &ops::dot) return std::ssize(op.ints_attr("contract"));
  const auto dims = op.ints_attr("dims");
  const bool has_innermost = !dims.empty() && dims.back() == op.operands[0]->type.rank() - 1;
  return std::ssize(dims) - (has_innermost ? 1 : 0);
}

std::vector<Type> infer(const Op& op, const std::vector<Type>& declared) {
  check_form(op);
  if (op.row->declared_results) require(op, 0, declared.size() == 1, "its result type must be given");
  return op.row->infer(op, declared);
}

}  // namespace rondo::ir
