// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/dim.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>

#include "ir/error.h"
#include "ir/text.h"

namespace rondo {

struct Dim::Node {
  std::vector<Term> terms;
  std::string text;
};

namespace {

int64_t checked(bool overflow, int64_t value) {
  if (overflow) throw Error("a size does not fit 64 bits");
  return value;
}
int64_t checked_add(int64_t a, int64_t b) {
  int64_t r;
  bool overflow = __builtin_add_overflow(a, b, &r);
  return checked(overflow, r);
}
int64_t checked_mul(int64_t a, int64_t b) {
  int64_t r;
  bool overflow = __builtin_mul_overflow(a, b, &r);
  return checked(overflow, r);
}

// Higher degree first, then by name: the constant term comes last, as one writes it.
bool comes_first(const Dim::Term& a, const Dim::Term& b) {
  if (a.symbols.size() != b.symbols.size()) return a.symbols.size() > b.symbols.size();
  return a.symbols < b.symbols;
}

std::string text_of(const std::vector<Dim::Term>& terms) {
  if (terms.empty()) return "0";
  std::string text;
  for (const Dim::Term& term : terms) {
    bool unit = !term.symbols.empty() && (term.coefficient == 1 || term.coefficient == -1);
    if (term.coefficient < 0 && unit) text += "-";
    if (term.coefficient >= 0 && !text.empty()) text += "+";
    if (!unit) text += std::to_string(term.coefficient);
    for (size_t i = 0; i < term.symbols.size(); ++i) {
      if (i > 0 || !unit) text += "*";
      text += term.symbols[i];
    }
  }
  return text;
}

}  // namespace

Dim Dim::intern(std::vector<Term> terms) {
  std::sort(terms.begin(), terms.end(), comes_first);
  std::vector<Term> merged;
  for (Term& term : terms) {
    if (!merged.empty() && merged.back().symbols == term.symbols)
      merged.back().coefficient = checked_add(merged.back().coefficient, term.coefficient);
    else
      merged.push_back(std::move(term));
  }
  std::erase_if(merged, [](const Term& term) { return term.coefficient == 0; });
  if (merged.size() > kMaxTerms) throw Error("a size has more than " + std::to_string(kMaxTerms) + " terms");
  if (!merged.empty() && merged.front().symbols.size() > kMaxDegree)
    throw Error("a size multiplies more than " + std::to_string(kMaxDegree) + " symbols");

  // Nodes live as long as the process: there are few distinct sizes, and types hold bare pointers to them.
  static std::mutex mutex;
  static auto& nodes = *new std::unordered_map<std::string, std::unique_ptr<Node>>;
  std::string text = text_of(merged);
  std::lock_guard lock(mutex);
  auto& node = nodes[text];
  if (!node) node.reset(new Node{std::move(merged), text});
  return Dim(node.get());
}

Dim Dim::of_constant(int64_t value) {
  thread_local std::array<const Node*, 256> small = {};
  if (value < 0 || value >= static_cast<int64_t>(small.size())) return intern({Term{value, {}}});
  const Node*& node = small[static_cast<size_t>(value)];
  if (node == nullptr) node = intern({Term{value, {}}}).node_;
  return Dim(node);
}

// A program computes the same sizes op after op: each thread remembers some of what it computed.
template <class Compute>
Dim Dim::remembered(char operation, Dim a, Dim b, Compute&& compute) {
  struct Known {
    char operation = 0;
    const Node *a = nullptr, *b = nullptr, *result = nullptr;
  };
  thread_local std::array<Known, 1024> memory;
  const size_t hash = std::hash<const Node*>()(a.node_) * 31 + std::hash<const Node*>()(b.node_);
  Known& known = memory[(hash ^ hash >> 7 ^ hash >> 14 ^ static_cast<size_t>(operation)) % memory.size()];
  if (known.operation != operation || known.a != a.node_ || known.b != b.node_)
    known = {operation, a.node_, b.node_, compute().node_};
  return Dim(known.result);
}

Dim::Dim(std::string_view symbol) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_inside = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  if (symbol.empty() || !is_letter(symbol[0]) || !std::all_of(symbol.begin(), symbol.end(), is_inside))
    throw Error("a dim symbol is a letter followed by letters, digits and '_', found '" +
                ir::excerpt(symbol) + "'");
  if (symbol.size() > kMaxSymbolBytes)
    throw Error("a dim symbol has more than " + std::to_string(kMaxSymbolBytes) + " characters");
  node_ = intern({Term{1, {std::string(symbol)}}}).node_;
}

Dim operator+(Dim a, Dim b) {
  return Dim::remembered('+', a, b, [&] {
    std::vector<Dim::Term> terms = a.terms();
    terms.insert(terms.end(), b.terms().begin(), b.terms().end());
    return Dim::intern(std::move(terms));
  });
}

Dim operator*(Dim a, Dim b) {
  return Dim::remembered('*', a, b, [&] {
    std::vector<Dim::Term> terms;
    for (const Dim::Term& x : a.terms())
      for (const Dim::Term& y : b.terms()) {
        Dim::Term term{checked_mul(x.coefficient, y.coefficient), x.symbols};
        term.symbols.insert(term.symbols.end(), y.symbols.begin(), y.symbols.end());
        std::sort(term.symbols.begin(), term.symbols.end());
        terms.push_back(std::move(term));
      }
    return Dim::intern(std::move(terms));
  });
}

Dim operator-(Dim a, Dim b) { return a + Dim(-1) * b; }

bool Dim::is_constant() const {
  return node_->terms.empty() || (node_->terms.size() == 1 && node_->terms[0].symbols.empty());
}

int64_t Dim::constant() const {
  if (!is_constant()) throw InternalError("dim " + text() + " is not constant");
  return node_->terms.empty() ? 0 : node_->terms[0].coefficient;
}

bool Dim::is_symbol() const {
  return node_->terms.size() == 1 && node_->terms[0].coefficient == 1 && node_->terms[0].symbols.size() == 1;
}

const std::vector<Dim::Term>& Dim::terms() const { return node_->terms; }
const std::string& Dim::text() const { return node_->text; }

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> names;
  for (const Term& term : terms()) names.insert(term.symbols.begin(), term.symbols.end());
  return {names.begin(), names.end()};
}

int64_t Dim::evaluate(const Sizes& sizes) const {
  int64_t sum = 0;
  bool overflow = false;
  for (const Term& term : terms()) {
    int64_t value = term.coefficient;
    for (const std::string& symbol : term.symbols) {
      auto found = sizes.find(symbol);
      if (found == sizes.end()) throw Error("the size of dim " + symbol + " is not known");
      overflow |= __builtin_mul_overflow(value, found->second, &value);
    }
    overflow |= __builtin_add_overflow(sum, value, &sum);
  }
  if (overflow) throw Error("the size " + text() + " does not fit 64 bits");
  return sum;
}

Dim Dim::substitute(const std::map<std::string, Dim, std::less<>>& replacements) const {
  Dim sum = 0;
  for (const Term& term : terms()) {
    Dim value = term.coefficient;
    for (const std::string& symbol : term.symbols) {
      auto found = replacements.find(symbol);
      value = value * (found == replacements.end() ? Dim(std::string_view(symbol)) : found->second);
    }
    sum = sum + value;
  }
  return sum;
}

bool provably_at_most(Dim a, Dim b) {
  const Dim difference = b - a;
  return std::all_of(difference.terms().begin(), difference.terms().end(),
                     [](const Dim::Term& term) { return term.coefficient >= 0; });
}

std::optional<Dim> divided(Dim x, int64_t divisor) {
  Dim result = 0;
  for (const Dim::Term& term : x.terms()) {
    if (term.coefficient % divisor != 0) return std::nullopt;
    Dim monomial = term.coefficient / divisor;
    for (const std::string& symbol : term.symbols) monomial = monomial * Dim(symbol);
    result = result + monomial;
  }
  return result;
}

Dim product(const std::vector<Dim>& dims) {
  Dim result = 1;
  for (Dim dim : dims) result = result * dim;
  return result;
}

}  // namespace rondo
