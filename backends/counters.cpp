// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/counters.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "ir/op_row.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "passes/memory_plan.h"

namespace rondo::backends {

namespace {

std::string text_of(double ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", ms);
  return text;
}
std::string text_of(std::int64_t count) { return std::to_string(count); }
std::string text_of(int count) { return std::to_string(count); }

}  // namespace

std::string Counters::text() const {
  std::string text;
  each_number(
      [&](const char* name, auto number) { text += std::string(name) + " " + text_of(number) + "\n"; });
  for (const Loop& loop : loops)
    text +=
        std::string(2 * static_cast<size_t>(loop.depth), ' ') + "loop of " + loop.length + " (" + loop.place +
        "): " + ir::counted(static_cast<size_t>(loop.dots), "dot") + " a step" +
        (loop.copies == 0 ? "" : ", " + ir::counted(static_cast<size_t>(loop.copies), "value") + " copied") +
        "\n";
  return text;
}

std::string Counters::json() const {
  nlohmann::ordered_json all;
  each_number([&](const char* name, auto number) { all[name] = number; });
  all["loops"] = nlohmann::ordered_json::array();
  for (const Loop& loop : loops)
    all["loops"].push_back({{"place", loop.place},
                            {"length", loop.length},
                            {"depth", loop.depth},
                            {"dots", loop.dots},
                            {"copies", loop.copies}});
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

namespace {

// True if the body of a planned scan leaves the value in that buffer, so that no step copies it there.
bool is_made_in(const ir::Value& value, std::int64_t buffer) {
  return value.op != nullptr && passes::buffer_of(value) == buffer;
}

std::int64_t copies_of(const ir::Scan& scan) {
  const std::vector<passes::CarryPlan> plans = passes::carry_plans(*scan.op);
  std::int64_t copies = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    const bool stays =
        plans[i].route == passes::CarryRoute::kInPlace && scan.carry_yield(i) == scan.carry_param(i);
    copies += !stays && !is_made_in(*scan.carry_yield(i), plans[i].buffer) &&
              !is_made_in(*scan.carry_yield(i), plans[i].through);
  }
  for (size_t k = 0; k < scan.stacks(); ++k) {
    const bool was_written = std::ranges::any_of(plans, [&](const passes::CarryPlan& plan) {
      return plan.route == passes::CarryRoute::kBefore && plan.stack == static_cast<int>(k);
    });
    copies += !was_written && !is_made_in(*scan.stack_yield(k), passes::buffer_of(*scan.stack_result(k)));
  }
  return copies;
}

class LoopCount {
 public:
  std::vector<Counters::Loop> run(const ir::Function& function) {
    visit(function.body, -1);
    return std::move(loops_);
  }

 private:
  void visit(const ir::Graph& graph, int loop) {
    for (const auto& op : graph.ops) {
      if (op->row == &ir::ops::dot && loop >= 0) ++loops_[loop].dots;
      int inside = loop;
      const bool is_scan = op->row == &ir::ops::scan;
      if (is_scan || op->row == &ir::ops::while_) {
        const std::string& name = op->result()->name;
        const std::string called = op->row->name + (name.empty() ? "" : " %" + name);
        inside = static_cast<int>(loops_.size());
        loops_.push_back({op->loc.known() ? op->loc.text() : called,
                          is_scan ? ir::Scan(*op).length().text() : "?",
                          loop < 0 ? 0 : loops_[loop].depth + 1});
        if (is_scan && op->has_attr("through")) loops_.back().copies = copies_of(ir::Scan(*op));
      }
      for (const auto& region : op->regions) visit(*region, inside);
    }
  }

  std::vector<Counters::Loop> loops_;
};

}  // namespace

std::vector<Counters::Loop> count_loops(const ir::Function& function) { return LoopCount().run(function); }

}  // namespace rondo::backends
