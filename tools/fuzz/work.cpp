// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/work.h"

#include <algorithm>

#include "ir/op_row.h"
#include "ir/scan.h"

namespace rondo::fuzz {

namespace {

constexpr double kOpWork = 100;  // of an op on next to nothing, measured against elements of large ones

double elements(const Type& type, const Sizes& sizes) {
  double count = 1;
  for (Dim dim : type.dims) count *= static_cast<double>(dim.evaluate(sizes));
  return count;
}

double work_of(const ir::Graph& graph, const Sizes& sizes) {
  double work = 0;
  for (const auto& op : graph.ops) {
    work += kOpWork;
    for (const auto& result : op->results) {
      double products = 0;
      if (op->row == &ir::ops::dot) {
        products = 1;
        for (int64_t dim : op->ints_attr("contract", 0))
          products *= static_cast<double>(op->operands[0]->type.dims[dim].evaluate(sizes));
      }
      work += elements(result->type, sizes) * (1 + products);
    }
    if (op->row->family == ir::Family::kReduce) work += elements(op->operands[0]->type, sizes);
    if (op->row == &ir::ops::scatter_add || op->row == &ir::ops::scatter_set)
      work += elements(op->operands[2]->type, sizes);
    constexpr double kRunsOfWhile = 3;
    // What a loop of no steps holds may be hoisted out of it.
    const double runs = op->row == &ir::ops::scan
                            ? std::max(1.0, static_cast<double>(ir::Scan(*op).length().evaluate(sizes)))
                        : op->row == &ir::ops::while_ ? kRunsOfWhile
                                                      : 1;
    for (const auto& region : op->regions) work += runs * work_of(*region, sizes);
  }
  return work;
}

}  // namespace

double work_of(const ir::Function& function, const Sizes& sizes) {
  double work = work_of(function.body, sizes);
  for (const auto& param : function.body.params) work += elements(param->type, sizes);
  return work;
}

}  // namespace rondo::fuzz
