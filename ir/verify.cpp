// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/verify.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include "ir/error.h"
#include "ir/op_row.h"
#include "ir/print.h"
#include "ir/text.h"

namespace rondo::ir {

std::span<const Rule> rules() {
  static constexpr auto all = std::to_array<Rule>({
      {"module_c1", "functions have different names"},
      {"func_c1", "a function's name is 1 to 255 letters, digits, '_' and '.'"},
      {"func_c2", "each parameter has one entry of what it is besides a value"},
      {"func_c3",
       "each symbol is a whole dim (T, not 2*T) of at least one parameter, or a derived or chosen size"},
      {"func_c4", "a function has at most 256 guards"},
      {"func_c5", "a function returns values of the types that its head states"},
      {"func_c6",
       "a derived or chosen size has its own name; a divisor is 1 or more; what a size is made of is told "
       "above it"},
      {"func_c7", "a function has at most 256 derived and chosen sizes"},
      {"graph_c1", "an operand, and what a graph returns or yields, is defined above in the same graph"},
      {"graph_c2", "a name is defined once in a graph"},
      {"graph_c3", "regions nest at most 64 deep"},
      {"graph_c4", "ops, values and graphs point at those that hold them"},
      {"type_c1", "a type has at most 32 dims"},
      {"type_c2", "a dim is no negative number"},
      {"type_c3", "the bytes of a tensor are a size: 64 terms of 32 symbols at most, in 64 bits"},
      {"op_c1", "an op has the attributes that its row declares, each once and of the declared kind"},
      {"op_c2",
       "a region op binds and yields the lists that its row declares, a value for each that is bound"},
      {"op_c3", "an op has the results that follow from its operands and attributes"},
  });
  return all;
}

namespace {

class Verifier {
 public:
  Verifier(const Function& function, std::string_view context) : function_(function), context_(context) {}

  void run();

 private:
  using Defined = std::unordered_set<const Value*>;

  [[noreturn]] void fail(const std::string& label_and_detail, const Op* op = nullptr) const;
  void check(bool holds, const char* label, const std::string& detail, const Op* op = nullptr) const {
    if (!holds) fail(std::string(label) + ": " + detail, op);
  }
  void derived_sizes();
  void graph(const Graph& graph, int depth, const Op* owner);
  void op(const Op& op, const Graph& graph, const Defined& defined, int depth);
  void attributes(const Op& op);
  void attribute_arg(const Op& op, const AttrSpec& spec, AttrKind kind, const AttrArg& arg);
  void regions(const Op& op, int depth);
  void results(const Op& op);
  void value(const Value& value, const Graph& graph, const Op* op, size_t index);
  void type(const Type& type, const Op* op);
  void dim(Dim dim, const Op* op);

  const Function& function_;
  std::string_view context_;
  std::set<std::string, std::less<>> symbols_;
  std::unordered_set<const std::string*> known_;  // texts of dims whose symbols were looked up: one a dim
};

void Verifier::fail(const std::string& label_and_detail, const Op* op) const {
  std::string message = std::string(context_) + ": @" + function_.name + ": " + label_and_detail;
  if (op != nullptr) message += "\n" + print(*op);
  throw InternalError(message);
}

void Verifier::run() {
  const Graph& body = function_.body;
  check(is_identifier(function_.name), "func_c1",
        "'" + excerpt(function_.name) + "' is no name of a function");
  check(function_.param_infos.size() == body.params.size(), "func_c2",
        std::to_string(body.params.size()) + " parameters and " +
            std::to_string(function_.param_infos.size()) + " entries");
  for (const auto& param : body.params)
    for (Dim dim : param->type.dims)
      if (dim.is_symbol()) symbols_.insert(dim.text());
  derived_sizes();
  check(function_.guards.size() <= kMaxGuards, "func_c4",
        std::to_string(function_.guards.size()) + " guards");
  for (const Guard& guard : function_.guards) {
    dim(guard.left, nullptr);
    dim(guard.right, nullptr);
  }
  graph(body, 0, nullptr);
}

void Verifier::derived_sizes() {
  check(function_.derived.size() <= kMaxGuards, "func_c7",
        std::to_string(function_.derived.size()) + " derived sizes");
  for (const DerivedSize& size : function_.derived) symbols_.erase(size.name);
  for (const DerivedSize& size : function_.derived) {
    check(provably_at_most(1, size.divisor), "func_c6",
          "the divisor of " + size.name + " is " + size.divisor.text());
    for (const std::string& symbol : size.symbols())
      check(symbols_.contains(symbol), "func_c6",
            "the size " + size.name + " is made of " + symbol + ", which nothing above tells");
    check(symbols_.insert(size.name).second, "func_c6", "the size " + size.name + " is derived twice");
  }
}

void Verifier::graph(const Graph& graph, int depth, const Op* owner) {
  check(graph.owner == owner && graph.function == &function_, "graph_c4", "a graph belongs elsewhere", owner);
  Defined defined;
  defined.reserve(graph.params.size() + graph.ops.size());
  for (size_t i = 0; i < graph.params.size(); ++i) {
    value(*graph.params[i], graph, nullptr, i);
    type(graph.params[i]->type, owner);
    defined.insert(graph.param(static_cast<int>(i)));
  }
  for (const auto& op : graph.ops) {
    this->op(*op, graph, defined, depth);
    for (const auto& result : op->results) defined.insert(result.get());
  }
  for (size_t i = 0; i < graph.results.size(); ++i)
    check(defined.contains(graph.results[i]), "graph_c1",
          "result " + std::to_string(i) + " of the graph is not defined in it", owner);
}

void Verifier::op(const Op& op, const Graph& graph, const Defined& defined, int depth) {
  check(op.row != nullptr && op.graph == &graph, "graph_c4", "an op belongs elsewhere");
  for (size_t i = 0; i < op.operands.size(); ++i)
    check(defined.contains(op.operands[i]), "graph_c1",
          "operand " + std::to_string(i) + " of " + op.row->name + " is not defined above in the same graph",
          &op);
  attributes(op);
  regions(op, depth);
  results(op);
}

// An op whose attributes are not as declared can't be printed.
void Verifier::attributes(const Op& op) {
  std::set<const AttrSpec*> seen;
  for (const Attr& attr : op.attrs) {
    check(attr.spec != nullptr && op.row->find_attr(attr.spec->name) == attr.spec, "op_c1",
          "an attribute is none of " + op.row->name);
    const AttrSpec& spec = *attr.spec;
    check(seen.insert(&spec).second, "op_c1", "the attribute '" + spec.name + "' stands twice", &op);
    check(attr.args.size() == spec.args.size(), "op_c1",
          "the attribute '" + spec.name + "' has " + std::to_string(attr.args.size()) + " arguments");
    for (size_t i = 0; i < attr.args.size(); ++i) attribute_arg(op, spec, spec.args[i], attr.args[i]);
  }
}

void Verifier::attribute_arg(const Op& op, const AttrSpec& spec, AttrKind kind, const AttrArg& arg) {
  const bool one = kind == AttrKind::kInt || kind == AttrKind::kDim;
  const bool several = kind == AttrKind::kInts || kind == AttrKind::kDims;
  const bool constant = kind == AttrKind::kInt || kind == AttrKind::kInts;
  const size_t expected = one                         ? 0
                          : several                   ? 1
                          : kind == AttrKind::kNumber ? 3
                                                      : 2;  // the variant's alternative
  check(arg.index() == expected, "op_c1", "the attribute '" + spec.name + "' is of another kind");
  if (one || several) {
    const std::vector<Dim> dims = one ? std::vector{std::get<Dim>(arg)} : std::get<std::vector<Dim>>(arg);
    for (Dim size : dims) {
      dim(size, &op);
      check(!constant || size.is_constant(), "op_c1",
            "'" + spec.name + "' takes whole numbers, found " + size.text(), &op);
    }
  }
  if (kind == AttrKind::kWord)
    check(std::ranges::find(spec.words, std::get<std::string>(arg)) != spec.words.end(), "op_c1",
          "'" + spec.name + "' does not take " + excerpt(std::get<std::string>(arg)), &op);
}

void Verifier::regions(const Op& op, int depth) {
  const RegionSpec& spec = op.row->region;
  check(op.regions.size() == spec.blocks.size() && op.groups.size() == spec.binds.size(), "op_c2",
        op.row->name + " has " + std::to_string(op.regions.size()) + " regions and " +
            std::to_string(op.groups.size()) + " bind lists",
        &op);
  if (op.regions.empty()) return;
  size_t bound = 0;
  for (int count : op.groups) {
    check(count >= 0, "op_c2", "a bind list is shorter than nothing");
    bound += static_cast<size_t>(count);
  }
  check(bound + op.row->operands.size() == op.operands.size(), "op_c2",
        std::to_string(op.operands.size()) + " operands, of which the bind lists have " +
            std::to_string(bound));
  check(depth < kMaxNesting, "graph_c3", "regions nest deeper than " + std::to_string(kMaxNesting));
  for (const auto& region : op.regions) graph(*region, depth + 1, &op);
}

void Verifier::results(const Op& op) {
  std::vector<Type> claimed, types;
  for (size_t i = 0; i < op.results.size(); ++i) {
    value(*op.results[i], *op.graph, &op, i);
    type(op.results[i]->type, &op);
    claimed.push_back(op.results[i]->type);
  }
  try {
    types = infer(op, claimed);
  } catch (const ConstraintError& error) {
    fail(error.label + ": " + error.detail, &op);
  } catch (const Error& error) {
    fail(error.what(), &op);
  }
  check(types.size() == claimed.size(), "op_c3",
        std::to_string(claimed.size()) + " results, expected " + std::to_string(types.size()), &op);
  for (size_t i = 0; i < types.size(); ++i)
    check(types[i] == claimed[i], "op_c3",
          "result " + std::to_string(i) + " is " + claimed[i].text() + ", expected " + types[i].text(), &op);
}

void Verifier::value(const Value& value, const Graph& graph, const Op* op, size_t index) {
  const bool linked = value.graph == &graph && value.op == op && value.index == static_cast<int>(index);
  check(linked, "graph_c4",
        (op != nullptr ? "result " : "parameter ") + std::to_string(index) + " belongs elsewhere", op);
}

void Verifier::type(const Type& type, const Op* op) {
  check(type.rank() <= kMaxRank, "type_c1", std::to_string(type.rank()) + " dims", op);
  for (Dim size : type.dims) {
    check(!size.is_constant() || size.constant() >= 0, "type_c2", type.text(), op);
    dim(size, op);
  }
  const std::string flaw = type.flaw();
  check(flaw.empty(), "type_c3", flaw, op);
}

void Verifier::dim(Dim dim, const Op* op) {
  if (dim.is_constant() || !known_.insert(&dim.text()).second) return;
  for (const std::string& symbol : dim.symbols())
    check(symbols_.contains(symbol), "func_c3", "the size " + symbol + " is not a whole dim of any parameter",
          op);
}

}  // namespace

void verify(const Function& function, std::string_view context) { Verifier(function, context).run(); }

void verify(const Module& module, std::string_view context) {
  std::set<std::string_view> names;
  for (const auto& function : module.functions) {
    verify(*function, context);
    if (!names.insert(function->name).second)
      throw InternalError(std::string(context) + ": module_c1: there are two functions @" + function->name);
  }
}

}  // namespace rondo::ir
