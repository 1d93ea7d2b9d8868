// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <map>
#include <string>

#include "passes/rewrite.h"

namespace rondo::passes {

/// Visits the dots of a graph and of all below it, and makes values anew that hold operands in another order: what a loop
/// gets by `use` is made once, outside of all loops that hand it on.
class Relayout {
 public:
  /// How a value is made of another; depends on the type alone, and on what `key` says.
  using Make = std::function<ir::Value*(ir::Builder& b, ir::Value* value)>;
  /// What becomes of a dot. True in `changed` if it was changed where it stands.
  using Visit = std::function<Replacement(Relayout& layout, ir::Builder& b, ir::Op& dot, bool& changed)>;

  Relayout(ir::Graph& graph, const Visit& visit) : graph_(graph), visit_(visit) {}

  bool run();

  /// For `visit`: what `make` makes of the value, once for a key.
  ir::Value* laid_out(ir::Builder& b, ir::Value* value, const std::string& key, const Make& make);
  /// True if the value is the same in all steps of the innermost loop.
  bool comes_by_use(const ir::Value& value) const;

 private:
  // What the body wants of the scan's operands: a parameter for each, which is there already.
  struct Wish {
    ir::Value* use_param;
    std::string key;
    Make make;
  };

  void visit_scan(ir::Builder& b, ir::Op& scan);

  ir::Graph& graph_;
  const Visit& visit_;
  std::map<std::pair<ir::Value*, std::string>, ir::Value*> made_;
  std::vector<Wish> wishes_;
  bool changed_ = false;
};

/// Visits the dots of a function with what may change one where it stands, and then says so. Returns whether any was.
bool change_dots(ir::Function& function, bool (*change)(Relayout& layout, ir::Builder& b, ir::Op& dot));

}  // namespace rondo::passes
