// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <map>
#include <string>

#include "passes/rewrite.h"

namespace rondo::passes {

/// Visits the dots of a graph and of all below it, and makes values anew that hold operands in another order: what a loop
/// gets by `use` is made once, outside of all loops that hand it on. So is what all blocks of a cond want made.
class Relayout {
 public:
  /// How a value is made of another; depends on the type alone, and on what `key` says.
  using Make = std::function<ir::Value*(ir::Builder& b, ir::Value* value)>;
  /// What becomes of a dot. True in `changed` if it was changed where it stands.
  using Visit = std::function<Replacement(Relayout& layout, ir::Builder& b, ir::Op& dot, bool& changed)>;

  Relayout(ir::Graph& graph, const Visit& visit) : Relayout(graph, visit, nullptr) {}

  bool run();

  /// For `visit`: what `make` makes of the value, once for a key.
  ir::Value* laid_out(ir::Builder& b, ir::Value* value, const std::string& key, const Make& make);
  /// True if the value is the same in all steps of the innermost loop.
  bool comes_by_use(const ir::Value& value) const;

 private:
  // What a region wants of its op's operands: a parameter for each, which is there already.
  struct Wish {
    ir::Value* use_param;
    std::string key;
    Make make;
  };

  Relayout(ir::Graph& graph, const Visit& visit, const Relayout* around)
      : graph_(graph), visit_(visit), around_(around) {}

  void visit_scan(ir::Builder& b, ir::Op& scan);
  void visit_cond(ir::Builder& b, ir::Op& cond);
  // True if the value is a parameter to whose op more can be bound, and which is the same whenever the region runs.
  bool is_handed_on(const ir::Value& value) const;
  // The parameter that was wished for; nullptr if none was.
  ir::Value* wished(const Wish& of_other_block) const;
  // Has as last parameters what `shared` wishes for, and makes the rest of its wishes itself.
  void settle(const std::vector<Wish>& shared, size_t params);

  ir::Graph& graph_;
  const Visit& visit_;
  const Relayout* const around_;  // of a cond's block: the graph that the cond is in
  std::map<std::pair<ir::Value*, std::string>, ir::Value*> made_;
  std::vector<Wish> wishes_;
  bool changed_ = false;
};

/// Visits the dots of a function with what may change one where it stands, and then says so. Returns whether any was.
bool change_dots(ir::Function& function, bool (*change)(Relayout& layout, ir::Builder& b, ir::Op& dot));

}  // namespace rondo::passes
