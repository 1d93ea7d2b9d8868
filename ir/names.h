// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "ir/graph.h"

namespace rondo::ir {

/// How the values of one graph are written: `%h`, or a number for a value without a name, or just a literal.
///
/// A name that is taken gets the next free suffix `_1`, `_2`, ... Names that are whole numbers count as none.
/// Takes time linear in the graph; regions inside have names of their own.
class Names {
 public:
  /// `first` names the first region of the same op: a bind list is written once for all its regions.
  explicit Names(const Graph& graph, const Names* first = nullptr);

  /// `%h` or `2.0`; `%?` for a value of another graph.
  std::string operand(const Value* value) const;
  /// The name without `%`.
  const std::string& of(const Value* value) const;
  /// True for a constant that stands only as a number in its users.
  bool is_inline(const Op& op) const;

 private:
  void find_literals(const Graph& graph);
  void name(const Value* value);
  const std::string& take(std::string name);

  std::unordered_set<const Value*> literals_;
  std::unordered_map<const Value*, std::string> names_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> suffixes_;  // the last one given to a name
  int unnamed_ = 0;
};

}  // namespace rondo::ir
