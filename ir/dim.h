// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo {

/// Values of the symbols of a function, fixed when it is bound to sizes.
using Sizes = std::map<std::string, int64_t, std::less<>>;

/// What may stand for a constant size: `Dim('T')` and `Dim(true)` are slips.
template <class I>
concept WholeNumber = std::integral<I> && !std::same_as<I, bool> && !std::same_as<I, char>;

/// A size: an integer polynomial over symbols, such as `2*B*T+1`.
///
/// Interned in canonical form, so that two dims are equal exactly when they are the same pointer. Every
/// symbol stands for a whole number >= 0. Arithmetic throws rondo::Error where a coefficient leaves the range
/// of int64, or where the polynomial outgrows the limits below, which keep hostile texts cheap.
class Dim {
 public:
  static constexpr size_t kMaxTerms = 64;
  static constexpr size_t kMaxDegree = 32;
  static constexpr size_t kMaxSymbolBytes = 64;

  struct Term {
    int64_t coefficient;
    std::vector<std::string> symbols;  // sorted, repeated for powers; empty for the constant term
  };

  Dim() : Dim(0) {}
  template <WholeNumber I>
  Dim(I value) : Dim(of_constant(static_cast<int64_t>(value))) {}
  /// A symbol: a name of letters, digits and underscores that begins with a letter; else rondo::Error.
  explicit Dim(std::string_view symbol);
  explicit Dim(const char* symbol) : Dim(std::string_view(symbol)) {}

  friend Dim operator+(Dim a, Dim b);
  friend Dim operator-(Dim a, Dim b);
  friend Dim operator*(Dim a, Dim b);
  friend bool operator==(Dim a, Dim b) { return a.node_ == b.node_; }

  bool is_constant() const;
  bool is_constant(int64_t value) const { return is_constant() && constant() == value; }
  /// The value of a constant dim; InternalError if it is symbolic.
  int64_t constant() const;
  /// True for a lone symbol such as `T` (not `2*T`).
  bool is_symbol() const;
  const std::vector<Term>& terms() const;
  /// The symbols that occur, sorted, each once.
  std::vector<std::string> symbols() const;

  /// Its value, in checked 64-bit arithmetic; rondo::Error on overflow or an unbound symbol.
  int64_t evaluate(const Sizes& sizes) const;
  /// Each symbol that `replacements` names is replaced.
  Dim substitute(const std::map<std::string, Dim, std::less<>>& replacements) const;
  const std::string& text() const;

 private:
  struct Node;
  explicit Dim(const Node* node) : node_(node) {}
  static Dim of_constant(int64_t value);
  template <class Compute>
  static Dim remembered(char operation, Dim a, Dim b, Compute&& compute);
  static Dim intern(std::vector<Term> terms);

  const Node* node_;
};

/// True if a <= b whatever the symbols (b - a has no negative coefficient); false means "cannot be proved".
bool provably_at_most(Dim a, Dim b);

/// x / divisor as a polynomial, if it is one. The divisor is not 0.
std::optional<Dim> divided(Dim x, int64_t divisor);

/// The product of dims; 1 for none.
Dim product(const std::vector<Dim>& dims);

}  // namespace rondo
