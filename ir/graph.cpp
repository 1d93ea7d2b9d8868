// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/graph.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "ir/error.h"
#include "ir/op_row.h"
#include "ir/print.h"

namespace rondo::ir {

namespace {

const Attr* find(const Op& op, std::string_view name) {
  for (const Attr& attr : op.attrs)
    if (attr.spec->name == name) return &attr;
  return nullptr;
}

template <class T>
const T& arg(const Op& op, std::string_view name, int index) {
  const Attr* attr = find(op, name);
  if (attr == nullptr || index >= static_cast<int>(attr->args.size()))
    throw InternalError(op.row->name + " has no attribute " + std::string(name));
  return std::get<T>(attr->args[index]);
}

}  // namespace

std::span<Value* const> Op::group(int group) const {
  int first = 0;
  for (int i = 0; i < group; ++i) first += groups[i];
  return {operands.data() + first, static_cast<size_t>(groups[group])};
}

bool Op::has_attr(std::string_view name) const { return find(*this, name) != nullptr; }
int64_t Op::int_attr(std::string_view name) const { return arg<Dim>(*this, name, 0).constant(); }
Dim Op::dim_attr(std::string_view name) const { return arg<Dim>(*this, name, 0); }
const std::string& Op::text_attr(std::string_view name) const { return arg<std::string>(*this, name, 0); }
const Number& Op::number_attr(std::string_view name) const { return arg<Number>(*this, name, 0); }

const std::vector<Dim>& Op::dims_attr(std::string_view name, int index) const {
  return arg<std::vector<Dim>>(*this, name, index);
}

std::vector<int64_t> Op::ints_attr(std::string_view name, int index) const {
  std::vector<int64_t> ints;
  for (Dim dim : dims_attr(name, index)) ints.push_back(dim.constant());
  return ints;
}

void Op::erase_attr(std::string_view name) {
  std::erase_if(attrs, [&](const Attr& attr) { return attr.spec->name == name; });
}

void Op::set_attr(std::string_view name, std::vector<AttrArg> args) {
  const AttrSpec* spec = row->find_attr(name);
  if (spec == nullptr) throw InternalError(row->name + " declares no attribute " + std::string(name));
  for (Attr& attr : attrs)
    if (attr.spec == spec) {
      attr.args = std::move(args);
      return;
    }
  attrs.push_back({spec, std::move(args)});
}

Value* Op::add_result(Type type, std::string name) {
  auto value = std::make_unique<Value>();
  value->type = std::move(type);
  value->name = std::move(name);
  value->op = this;
  value->graph = graph;
  value->index = static_cast<int>(results.size());
  return results.emplace_back(std::move(value)).get();
}

Value* Graph::add_param(Type type, std::string name, Loc loc) {
  auto value = std::make_unique<Value>();
  value->type = std::move(type);
  value->name = std::move(name);
  value->graph = this;
  value->index = static_cast<int>(params.size());
  value->loc = loc;
  return params.emplace_back(std::move(value)).get();
}

Op* Graph::append(std::unique_ptr<Op> op) {
  op->graph = this;
  for (auto& result : op->results) result->graph = this;
  return ops.emplace_back(std::move(op)).get();
}

Value* Function::add_param(Type type, std::string name, ParamInfo info, Loc loc) {
  if (const std::string flaw = type.flaw(); !flaw.empty())
    throw Error((loc.known() ? loc.text() + ": " : "") + "parameter '" + name + "': " + flaw);
  param_infos.push_back(std::move(info));
  return body.add_param(std::move(type), std::move(name), loc);
}

namespace {

// The monomial that takes `part` to `whole`, if part divides it; both lists are sorted.
std::optional<Dim> quotient(const std::vector<std::string>& whole, const std::vector<std::string>& part) {
  if (!std::includes(whole.begin(), whole.end(), part.begin(), part.end())) return {};
  std::vector<std::string> rest;
  std::set_difference(whole.begin(), whole.end(), part.begin(), part.end(), std::back_inserter(rest));
  Dim monomial = 1;
  for (const std::string& symbol : rest) monomial = monomial * Dim(symbol);
  return monomial;
}

// Looks for a proof that a dim is >= 0, given facts that are >= 0: a fact times a size may be taken away as
// long as the rest stays >= 0. The budget bounds the search, whatever the guards.
class Proof {
 public:
  explicit Proof(const Function& function) {
    for (const DerivedSize& size : function.derived) {
      if (size.chosen) continue;
      const Dim rest = size.numerator - size.divisor * Dim(size.name);
      facts_.push_back(rest);
      facts_.push_back(size.divisor - 1 - rest);
    }
    for (const Guard& guard : function.guards) {
      facts_.push_back(guard.right - guard.left);
      if (guard.equal) facts_.push_back(guard.left - guard.right);
    }
  }

  // Short proofs first: what a guard says as it stands is always found, however many others there are.
  bool nonnegative(Dim dim) {
    for (int depth = 0; depth <= kDepth; ++depth) {
      budget_ = kBudget;
      if (search(dim, depth)) return true;
    }
    return false;
  }

 private:
  static constexpr int kDepth = 4, kBudget = 100;

  // Takes away what cancels the first negative term, at most `depth` times.
  bool search(Dim dim, int depth) {
    const auto negative = [](const Dim::Term& term) { return term.coefficient < 0; };
    const auto term = std::find_if(dim.terms().begin(), dim.terms().end(), negative);
    if (term == dim.terms().end()) return true;
    if (depth == 0) return false;
    for (Dim fact : facts_)
      for (const Dim::Term& granted : fact.terms()) {
        const auto factor = granted.coefficient < 0 ? quotient(term->symbols, granted.symbols) : std::nullopt;
        if (!factor) continue;
        if (--budget_ < 0) return false;
        const int64_t exact = term->coefficient / granted.coefficient;
        const int64_t times = exact + (exact * granted.coefficient != term->coefficient);  // rounded up
        if (search(dim - *factor * times * fact, depth - 1)) return true;
      }
    return false;
  }

  std::vector<Dim> facts_;
  int budget_ = kBudget;
};

std::string place_in(const Function& function, const Loc& loc) {
  return loc.known() ? loc.text() : "@" + function.name;
}

}  // namespace

bool Function::implies(Dim left, bool equal, Dim right) const {
  if (left == right || (!equal && provably_at_most(left, right))) return true;
  if (guards.empty() && derived.empty()) return false;
  try {
    Proof proof(*this);
    return proof.nonnegative(right - left) && (!equal || proof.nonnegative(left - right));
  } catch (const Error&) {
    return false;  // a step of the search left 64 bits: there may be a proof, but not this one
  }
}

void Function::require(Dim left, bool equal, Dim right, Loc loc) {
  if (implies(left, equal, right)) return;
  const std::string place = place_in(*this, loc);
  if ((left - right).is_constant())
    throw Error(place + ": " + left.text() + (equal ? " == " : " <= ") + right.text() + " can never hold");
  if (guards.size() == kMaxGuards)
    throw Error(place + ": a function has more than " + std::to_string(kMaxGuards) + " guards");
  guards.push_back({left, equal, right, loc});
}

std::vector<std::string> DerivedSize::symbols() const {
  std::vector<std::string> symbols = numerator.symbols();
  for (std::string& symbol : divisor.symbols()) symbols.push_back(std::move(symbol));
  return symbols;
}

void derive(Sizes& sizes, const std::vector<DerivedSize>& derived) {
  for (const DerivedSize& size : derived) {
    if (size.chosen) {
      sizes.emplace(size.name, 0);
      continue;
    }
    const int64_t numerator = size.numerator.evaluate(sizes);
    if (numerator < 0)
      throw Error((size.loc.known() ? size.loc.text() + ": " : "") + "the size " + size.name + " is " +
                  quotient_text(size) + ", and " + size.numerator.text() +
                  " is negative: " + std::to_string(numerator));
    sizes[size.name] = numerator / size.divisor.evaluate(sizes);
  }
}

namespace {

// Says where it comes from, if that is short: T_div_2.
std::string stem_of_quotient(Dim numerator, Dim divisor) {
  const std::string divided_by = "_div" + (divisor.is_constant() ? "_" + divisor.text() : "");
  const bool fits =
      numerator.is_symbol() && numerator.text().size() + divided_by.size() < Dim::kMaxSymbolBytes / 2;
  return (fits ? numerator.text() : "size") + divided_by;
}

// The stem, or the stem with a number.
std::string new_symbol(const Function& function, const std::string& stem) {
  std::set<std::string> taken;
  for (const auto& param : function.body.params)
    for (const Dim dim : param->type.dims) {
      const auto symbols = dim.symbols();
      taken.insert(symbols.begin(), symbols.end());
    }
  for (const DerivedSize& size : function.derived) taken.insert(size.name);
  std::string name = stem;
  for (int number = 2; taken.contains(name); ++number) name = stem + "_" + std::to_string(number);
  return name;
}

}  // namespace

Dim Function::floordiv(Dim numerator, Dim divisor, Loc loc, std::string stem) {
  if (!provably_at_most(1, divisor))
    throw Error(place_in(*this, loc) + ": floordiv: the divisor must be 1 or more, found " + divisor.text());
  require(0, false, numerator, loc);
  if (divisor.is_constant()) {
    if (numerator.is_constant()) return numerator.constant() / divisor.constant();
    if (const auto exact = divided(numerator, divisor.constant())) return *exact;
  }
  for (const DerivedSize& size : derived)
    if (!size.chosen && size.numerator == numerator && size.divisor == divisor) return Dim(size.name);
  if (stem.empty()) stem = stem_of_quotient(numerator, divisor);
  return add_derived({new_symbol(*this, stem), numerator, divisor, loc});
}

Dim Function::add_chosen(const std::string& stem, Loc loc) {
  return add_derived({.name = new_symbol(*this, stem), .loc = loc, .chosen = true});
}

Dim Function::add_derived(DerivedSize size) {
  if (derived.size() == kMaxGuards)
    throw Error(place_in(*this, size.loc) + ": a function has more than " + std::to_string(kMaxGuards) +
                " derived sizes");
  derived.push_back(std::move(size));
  return Dim(derived.back().name);
}

void Function::take_facts(const Function& from) {
  derived = from.derived;
  guards = from.guards;
}

std::string place_of(const Op& op) {
  if (op.loc.known()) return op.loc.text();
  const bool named = !op.results.empty() && !op.result()->name.empty();
  return "@" + op.graph->function->name + (named ? ": %" + op.result()->name : "");
}

Function* Module::find(std::string_view name) const {
  for (const auto& function : functions)
    if (function->name == name) return function.get();
  return nullptr;
}

Function* Module::add(std::unique_ptr<Function> function) {
  for (auto& present : functions)
    if (present->name == function->name) {
      present = std::move(function);
      return present.get();
    }
  return functions.emplace_back(std::move(function)).get();
}

}  // namespace rondo::ir
