// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/memory_plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "ir/dataflow.h"
#include "ir/error.h"
#include "ir/fusion.h"
#include "ir/op_row.h"

namespace rondo::passes {

int64_t buffer_of(const ir::Value& result) {
  if (!result.op->has_attr("buffers") || result.op->dims_attr("buffers").size() != result.op->results.size())
    throw InternalError("plan-memory: " + result.op->row->name + " has no buffer for each result");
  return result.op->dims_attr("buffers")[result.index].constant();
}

namespace {

// Finds which carries go through the slots of a stack.
void find_stacks(const ir::Scan& scan, std::vector<CarryPlan>& plans) {
  std::unordered_map<int64_t, int> stacks;  // by their buffers
  for (size_t k = 0; k < scan.stacks(); ++k) stacks[buffer_of(*scan.stack_result(k))] = static_cast<int>(k);
  for (size_t i = 0; i < plans.size(); ++i) {
    const auto found = stacks.find(plans[i].through);
    if (found == stacks.end()) continue;
    plans[i].stack = found->second;
    plans[i].route =
        scan.stack_yield(found->second) == scan.carry_param(i) ? CarryRoute::kBefore : CarryRoute::kAfter;
  }
}

}  // namespace

std::vector<CarryPlan> carry_plans(const ir::Op& op) {
  const int carries = ir::carries_of(op).count;
  if (!op.has_attr("through") || static_cast<int>(op.dims_attr("through").size()) != carries)
    throw InternalError("plan-memory: " + op.row->name + " has no route for each carry");
  const std::vector<Dim>& through = op.dims_attr("through");
  std::vector<CarryPlan> plans;
  for (int i = 0; i < carries; ++i) {
    CarryPlan plan{CarryRoute::kAlternating, buffer_of(*op.result(i)), through[i].constant()};
    if (plan.through == plan.buffer) plan.route = CarryRoute::kInPlace;
    plans.push_back(plan);
  }
  if (op.row == &ir::ops::scan) find_stacks(ir::Scan(op), plans);
  return plans;
}

std::vector<const ir::Op*> jobs_from(const ir::Graph& graph, size_t first) {
  std::vector<const ir::Op*> jobs = {graph.ops[first].get()};
  std::unordered_set<const ir::Op*> together = {jobs[0]};
  for (size_t i = first + 1; i < graph.ops.size() && jobs[0]->row == &ir::ops::job; ++i) {
    const ir::Op& next = *graph.ops[i];
    const auto waits = [&](const ir::Value* operand) { return together.contains(operand->op); };
    if (next.row != &ir::ops::job || std::ranges::any_of(next.operands, waits)) break;
    jobs.push_back(&next);
    together.insert(&next);
  }
  return jobs;
}

bool has_blocks(const ir::Op& op) {
  return op.row == &ir::ops::cond || op.row == &ir::ops::while_ || op.row == &ir::ops::call ||
         op.row == &ir::ops::job;
}

std::vector<ir::Graph*> running_blocks(const ir::Op& op) {
  std::vector<ir::Graph*> blocks;
  for (size_t i = 0; i < op.regions.size() && op.row != &ir::ops::fusion; ++i)
    if (op.row->region.blocks[i].runs()) blocks.push_back(op.regions[i].get());
  return blocks;
}

ir::RowLink rows_dims(const ir::Op& rows) {
  ir::RowLink dims;
  for (int64_t dim : rows.ints_attr("dims", 0)) dims.operands.push_back(static_cast<int>(dim));
  dims.operands.resize(rows.operands.size(), -1);
  for (int64_t dim : rows.ints_attr("dims", 1)) dims.results.push_back(static_cast<int>(dim));
  return dims;
}

namespace {

// How a graph reads values, and yields them.
struct Readers {
  std::unordered_set<const ir::Value*> whole, in_slots, by_strides;
  std::unordered_map<const ir::Value*, int> yields;
  std::unordered_map<const ir::Graph*, Readers> blocks;  // of conds and jobs there

  explicit Readers(const ir::Graph& graph) {
    for (const auto& op : graph.ops) {
      if (op->row == &ir::ops::cond || op->row == &ir::ops::job) {
        add_blocks(*op);
        continue;
      }
      for (size_t i = 0; i < op->operands.size(); ++i) {
        const bool is_over = op->row == &ir::ops::scan && i < ir::Scan(*op).over.size();
        const bool strides = (op->row == &ir::ops::dot && i < 2) || (ir::is_reduction(*op) && i < 1);
        (is_over ? in_slots : strides ? by_strides : whole).insert(op->operands[i]);
      }
    }
    for (const ir::Value* result : graph.results) ++yields[result];
  }

  // True of a loop's stack that at most loops read, and of one that a job or a cond gives, whichever block runs.
  bool only_stacks(const ir::Value& value) const {
    if (value.op == nullptr || whole.contains(&value) || by_strides.contains(&value)) return false;
    if (value.op->row == &ir::ops::scan) return value.index >= ir::carries_of(*value.op).count;
    if (value.op->row != &ir::ops::cond && value.op->row != &ir::ops::job) return false;
    return std::ranges::all_of(value.op->regions, [&](const auto& block) {
      const Readers& inside = blocks.at(block.get());
      const ir::Value* yield = block->results[value.index];
      return inside.yields.at(yield) == 1 && inside.only_stacks(*yield);
    });
  }

 private:
  // What a block reads otherwise than in slots, it reads whole here.
  void add_blocks(const ir::Op& op) {
    for (const auto& block : op.regions) {
      const Readers& inside = blocks.emplace(block.get(), *block).first->second;
      for (const auto& param : block->params) {
        const ir::Value* operand = op.operands[param->index];
        if (inside.in_slots.contains(param.get())) in_slots.insert(operand);
        if (inside.whole.contains(param.get()) || inside.by_strides.contains(param.get()) ||
            inside.yields.contains(param.get()))
          whole.insert(operand);
      }
    }
    if (op.row == &ir::ops::cond) whole.insert(op.operands.back());
  }
};

}  // namespace

RowsAccess rows_access(const ir::Op& rows) {
  const ir::Graph& body = *rows.regions[0];
  const Readers readers(body);
  const ir::RowLink dims = rows_dims(rows);
  RowsAccess access;
  for (size_t i = 0; i < dims.operands.size(); ++i) {
    const ir::Value* param = body.param(static_cast<int>(i));
    const int dim = dims.operands[i];
    const bool rows_are_columns = dim == param->type.rank() - 1;
    access.operands.push_back(dim <= 0 ||
                              (!readers.yields.contains(param) && !readers.whole.contains(param) &&
                               (dim == 1 || !readers.in_slots.contains(param)) &&
                               (rows_are_columns || !readers.by_strides.contains(param))));
  }
  for (size_t k = 0; k < dims.results.size(); ++k)
    access.results.push_back(dims.results[k] == 0 ||
                             (dims.results[k] == 1 && readers.yields.at(body.results[k]) == 1 &&
                              readers.only_stacks(*body.results[k])));
  return access;
}

int aliased_operand(const ir::Op& op) {
  return op.row->keeps_elements || (op.row == &ir::ops::slice && op.has_attr("view")) ? 0 : -1;
}

bool takes_whole_rows(const ir::Op& op) {
  if (op.row != &ir::ops::slice || op.result()->type.rank() == 0) return false;
  const std::vector<Dim>&whole = op.operands[0]->type.dims, &part = op.result()->type.dims;
  return std::equal(whole.begin() + 1, whole.end(), part.begin() + 1);
}

Dim view_offset(const ir::Op& slice) {
  const Type& type = slice.result()->type;
  return slice.dims_attr("lo")[0] * product({type.dims.begin() + 1, type.dims.end()}) * type.dtype.bytes();
}

bool can_record_error(const ir::Op& op) {
  if (op.row->family == ir::Family::kIndexed || op.row->family == ir::Family::kError) return true;
  return std::any_of(op.regions.begin(), op.regions.end(), [](const auto& region) {
    return std::any_of(region->ops.begin(), region->ops.end(),
                       [](const auto& inner) { return can_record_error(*inner); });
  });
}

namespace {

class Timeline {
 public:
  std::vector<Buffer> run(const ir::Function& function) {
    for (const auto& param : function.body.params) {
      numbers_[param.get()] = param->index;
      at(param->index).param = param->index;
      fill(*param, param->index);
    }
    visit(function.body);
    for (size_t i = 0; i < function.body.results.size(); ++i) {
      Buffer& buffer = at(numbers_.at(function.body.results[i]));
      if (buffer.param < 0 && buffer.result < 0) buffer.result = static_cast<int>(i);
      touch(function.body.results[i]);
    }
    return std::move(buffers_);
  }

 private:
  Buffer& at(int64_t number) {
    if (number >= static_cast<int64_t>(buffers_.size())) buffers_.resize(number + 1);
    return buffers_[number];
  }

  void touch(int64_t number) {
    Buffer& buffer = at(number);
    if (buffer.first < 0) buffer.first = now_;
    buffer.last = now_;
    if (in_jobs_) of_jobs_.insert(number);
  }
  // What comes in through `index` or an alternating carry is nobody's buffer here.
  void touch(const ir::Value* value) {
    if (auto found = numbers_.find(value); found != numbers_.end()) touch(found->second);
  }

  // The first value kept in a buffer has its size: all others are as large, or a slot of it.
  void fill(const ir::Value& value, int64_t number) {
    if (Buffer& buffer = at(number); buffer.first < 0) {
      buffer.bytes = value.type.bytes();
      if (buffer.param < 0) buffer.rows = rows_;
    }
    touch(number);
  }

  void visit(const ir::Graph& graph) {
    for (size_t i = 0; i < graph.ops.size(); ++i) {
      const std::vector<const ir::Op*> together = jobs_from(graph, i);
      if (together.size() == 1)
        visit(*together[0]);
      else
        visit_jobs(together);
      i += together.size() - 1;
    }
  }

  // They run at the same time: what any of them needs is there from the begin of the first to the end of the last.
  void visit_jobs(const std::vector<const ir::Op*>& jobs) {
    const bool outermost = !std::exchange(in_jobs_, true);
    const int64_t begin = now_ + 1;
    for (const ir::Op* job : jobs) visit(*job);
    if (!outermost) return;
    for (const int64_t number : of_jobs_) {
      Buffer& buffer = at(number);
      buffer.first = std::min(buffer.first, begin);
      buffer.last = now_;
    }
    in_jobs_ = false;
    of_jobs_.clear();
  }

  void visit(const ir::Op& op) {
    ++now_;
    for (const ir::Value* operand : op.operands) touch(operand);
    const int aliased = aliased_operand(op);
    for (const auto& result : op.results) {
      if (aliased >= 0 && numbers_.count(op.operands[aliased]) == 0) continue;
      numbers_[result.get()] = buffer_of(*result);
      if (aliased < 0) fill(*result, buffer_of(*result));
    }
    if (op.row == &ir::ops::scan) visit_scan(op);
    if (has_blocks(op)) visit_blocks(op);
    if (op.row == &ir::ops::rows) visit_rows(op);
  }

  // Workers need not be at the same op: what they share is there from begin to end.
  void visit_rows(const ir::Op& op) {
    rows_ = rows_count_++;
    const auto inside = op.ints_attr("inside");
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const ir::Value* param = op.regions[0]->param(static_cast<int>(i));
      if (inside[i] < 0) {
        enter(param, op.operands[i]);
      } else {
        numbers_[param] = inside[i];
        fill(*param, inside[i]);
      }
    }
    visit(*op.regions[0]);
    for (const ir::Value* yield : op.regions[0]->results) touch(yield);
    ++now_;
    for (const ir::Value* yield : op.regions[0]->results) touch(yield);
    for (const ir::Value* operand : op.operands) touch(operand);
    for (const auto& result : op.results) touch(result.get());
    rows_ = -1;
  }

  // What a body reads and what it writes from step to step is taken from its begin to its end.
  void visit_scan(const ir::Op& op) {
    const ir::Scan scan(op);
    for (size_t i = 0; i < scan.over.size(); ++i) enter(scan.over_param(i), scan.over[i]);
    for (size_t i = 0; i < scan.use.size(); ++i) enter(scan.use_param(i), scan.use[i]);
    const std::vector<CarryPlan> carries = carry_plans(op);
    for (size_t i = 0; i < carries.size(); ++i) {
      if (carries[i].route == CarryRoute::kAlternating) fill(*scan.carry_result(i), carries[i].through);
      if (carries[i].route == CarryRoute::kInPlace) numbers_[scan.carry_param(i)] = carries[i].buffer;
    }
    visit(*scan.body);
    for (const ir::Value* yield : scan.body->results) touch(yield);
    ++now_;
    for (const ir::Value* yield : scan.body->results) touch(yield);
    for (const ir::Value* operand : op.operands) touch(operand);
    for (const auto& result : op.results) touch(result.get());
    for (const CarryPlan& carry : carries) touch(carry.through);
  }

  // The blocks of a cond, while or call. Which runs, or how often, is not known: what comes in, what carries pass
  // through and what goes out is taken from begin to end.
  void visit_blocks(const ir::Op& op) {
    const auto blocks = running_blocks(op);
    std::vector<CarryPlan> carries;
    if (op.row == &ir::ops::while_) carries = carry_plans(op);
    for (size_t i = 0; i < carries.size(); ++i)
      if (carries[i].route == CarryRoute::kAlternating)
        fill(*op.result(static_cast<int>(i)), carries[i].through);
    for (const ir::Graph* block : blocks) {
      for (size_t i = 0; i < block->params.size(); ++i) {
        const ir::Value* param = block->param(static_cast<int>(i));
        if (i >= carries.size())
          enter(param, op.operands[i]);
        else if (carries[i].route == CarryRoute::kInPlace)
          numbers_[param] = carries[i].buffer;
      }
      visit(*block);
      for (const ir::Value* yield : block->results) touch(yield);
    }
    ++now_;
    for (const ir::Graph* block : blocks)
      for (const ir::Value* yield : block->results) touch(yield);
    for (const ir::Value* operand : op.operands) touch(operand);
    for (const auto& result : op.results) touch(result.get());
    for (const CarryPlan& carry : carries) touch(carry.through);
  }

  void enter(const ir::Value* param, const ir::Value* operand) {
    if (auto found = numbers_.find(operand); found != numbers_.end()) numbers_[param] = found->second;
  }

  int64_t now_ = 0;
  int rows_ = -1, rows_count_ = 0;  // the `rows` op that is being visited, and how many there were
  bool in_jobs_ = false;
  std::unordered_set<int64_t> of_jobs_;  // buffers
  std::vector<Buffer> buffers_;
  std::unordered_map<const ir::Value*, int64_t> numbers_;
};

}  // namespace

std::vector<Buffer> planned_buffers(const ir::Function& function) { return Timeline().run(function); }

}  // namespace rondo::passes
