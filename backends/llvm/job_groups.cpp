// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/job_groups.h"

#include <unordered_map>

#include "backends/dot_loops.h"
#include "ir/op_row.h"
#include "passes/memory_plan.h"

namespace rondo::codegen {

namespace {

class Finder {
 public:
  explicit Finder(const std::vector<ColumnShare>& columns) {
    for (size_t i = 0; i < columns.size(); ++i) columns_.emplace(columns[i].dot, i);
  }

  void visit(const ir::Graph& graph, int rows) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const std::vector<const ir::Op*> together = passes::jobs_from(graph, i);
      if (together.size() > 1) add(together, rows);
      for (const ir::Op* op : together) {
        if (op->row == &ir::ops::rows) ++last_rows_;
        for (const auto& region : op->regions) visit(*region, op->row == &ir::ops::rows ? last_rows_ : rows);
      }
      i += together.size() - 1;
    }
  }

  std::vector<JobGroup> groups;

 private:
  void add(const std::vector<const ir::Op*>& jobs, int rows) {
    groups.push_back({jobs, count_, rows, {}, {}});
    count_ += jobs.size();
    std::vector<Dim> repeats;
    for (const ir::Op* job : jobs) add_dots(*job->regions[0], repeats, groups.back());
  }

  void add_dots(const ir::Graph& graph, std::vector<Dim>& repeats, JobGroup& group) {
    for (const auto& op : graph.ops) {
      const bool repeated = op->row == &ir::ops::scan;
      if (repeated) repeats.push_back(op->dim_attr("length"));
      for (const auto& region : op->regions) add_dots(*region, repeats, group);
      if (repeated) repeats.pop_back();
      if (op->row != &ir::ops::dot) continue;
      group.flops.push_back(repeats);
      for (const Dim factor : backends::dot_flops(*op)) group.flops.back().push_back(factor);
      if (const auto found = columns_.find(op.get()); found != columns_.end())
        group.columns.push_back(found->second);
    }
  }

  std::unordered_map<const ir::Op*, size_t> columns_;
  size_t count_ = 0;
  int last_rows_ = -1;
};

}  // namespace

std::vector<JobGroup> find_job_groups(const ir::Function& function, const std::vector<ColumnShare>& columns) {
  Finder finder(columns);
  finder.visit(function.body, -1);
  return std::move(finder.groups);
}

}  // namespace rondo::codegen
