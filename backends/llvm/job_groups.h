// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

#include "backends/llvm/column_shares.h"
#include "ir/graph.h"

// Jobs that may run at the same time, each on a worker of its own.
namespace rondo::codegen {

/// Two jobs or more that stand side by side.
struct JobGroup {
  std::vector<const ir::Op*> jobs;
  std::size_t first;  ///< the number of the first one, among all jobs of such groups
  int rows;           ///< the `rows` op that they are in, by number; -1 if they are in none
  std::vector<std::vector<Dim>>
      flops;  ///< of each dot in them, numbers whose product is how many it takes in all
  std::vector<std::size_t> columns;  ///< the numbers of those whose columns may be shared
};

/// In program order.
std::vector<JobGroup> find_job_groups(const ir::Function& function, const std::vector<ColumnShare>& columns);

}  // namespace rondo::codegen
