// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A dot as calls of a matmul primitive: the innermost dims of rows, columns and contracted dims are M, N and K,
// the largest of the others is the batch, and loops around the call take the rest. oneDNN is told how all of
// it lies. Two things it does not take: contracted dims that don't run on (later calls go to a second
// primitive, which adds to the result), and a matrix without a stride of 1, for which its only kernel is a
// thousand times slower (that matrix is copied to scratch memory first).
#include "backends/onednn/dots.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "backends/onednn/matmul.h"
#include "ir/op_row.h"
#include "runtime/aligned.h"

namespace rondo::onednn {

namespace {

using Loops = backends::DotLoops<std::int64_t>;
using DotDim = backends::DotDim<std::int64_t>;
using DotDims = backends::DotDims<std::int64_t>;

// The primitives that bound functions use, by shape.
class Primitives {
 public:
  // `made` is increased if the primitive is a new one.
  std::shared_ptr<const Matmul> get(const MatmulShape& shape, int& made) const {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(shape); known != known_.end())
      if (auto matmul = known->second.lock()) return matmul;
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    const auto matmul = std::make_shared<const Matmul>(shape);
    known_[shape] = matmul;
    ++made;
    return matmul;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::map<MatmulShape, std::weak_ptr<const Matmul>> known_;
};

// A matrix that is copied to scratch memory, row after row.
struct Copied {
  std::int64_t rows, columns, row_stride, column_stride;

  std::int64_t bytes() const { return rows * columns * static_cast<std::int64_t>(sizeof(float)); }

  const float* copy(const float* from, float* to) const {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c)
        to[r * columns + c] = from[r * row_stride + c * column_stride];
    return to;
  }
};

// Changes the strides to those of a copy if oneDNN's kernels don't take them.
std::optional<Copied> copy_if_needed(std::int64_t rows, std::int64_t columns, std::int64_t& row_stride,
                                     std::int64_t& column_stride) {
  if (rows == 1 || columns == 1 || row_stride == 1 || column_stride == 1) return std::nullopt;
  const Copied copied = {rows, columns, row_stride, column_stride};
  row_stride = columns;
  column_stride = 1;
  return copied;
}

std::int64_t size_of(const DotDims& dims) {
  std::int64_t size = 1;
  for (const DotDim& dim : dims) size *= dim.size;
  return size;
}

// The innermost dim leaves the list; a list without dims counts as one of size 1.
DotDim take_last(DotDims& dims) {
  if (dims.empty()) return {1, 1, 1, 1};
  const DotDim last = dims.back();
  dims.pop_back();
  return last;
}

std::int64_t aligned(std::int64_t bytes) {
  constexpr auto kUnit = static_cast<std::int64_t>(runtime::kAlignment);
  return (bytes + kUnit - 1) / kUnit * kUnit;
}

// One dot at its sizes.
struct Plan {
  std::int64_t result_size, chain_size;
  DotDims loops = {};  // around the call, the contracted ones last
  size_t first_contracted = 0;
  std::shared_ptr<const Matmul> first = {}, next = {};  // `next` adds to the result; null where no call does
  std::optional<Copied> copied_x = {}, copied_y = {};

  std::int64_t scratchpad_bytes() const {
    std::int64_t most = 0;
    for (const auto& matmul : {first, next})
      if (matmul != nullptr) most = std::max(most, matmul->scratchpad_bytes());
    return aligned(most);
  }
  static std::int64_t bytes(const std::optional<Copied>& copied) {
    return copied ? aligned(copied->bytes()) : 0;
  }
  std::int64_t scratch_bytes() const { return scratchpad_bytes() + bytes(copied_x) + bytes(copied_y); }
};

// The largest of the loops becomes the batch.
void take_batch(DotDims& loops, MatmulShape& shape) {
  const auto largest = std::max_element(loops.begin(), loops.end(),
                                        [](const DotDim& a, const DotDim& b) { return a.size < b.size; });
  shape.batch = largest->size;
  shape.a_batch = largest->in_x;
  shape.b_batch = largest->in_y;
  shape.c_batch = largest->out;
  loops.erase(largest);
}

Plan plan_of(Loops dot, const Primitives& primitives, int& made) {
  Plan plan = {size_of(dot.batch) * size_of(dot.rows) * size_of(dot.columns), size_of(dot.contracted)};
  if (plan.result_size == 0 || plan.chain_size == 0) return plan;
  const DotDim rows = take_last(dot.rows), columns = take_last(dot.columns), k = take_last(dot.contracted);
  MatmulShape shape = {.M = rows.size,
                       .N = columns.size,
                       .K = k.size,
                       .a_row = rows.in_x,
                       .a_k = k.in_x,
                       .b_k = k.in_y,
                       .b_column = columns.in_y,
                       .c_row = rows.out};
  plan.copied_x = copy_if_needed(shape.M, shape.K, shape.a_row, shape.a_k);
  plan.copied_y = copy_if_needed(shape.K, shape.N, shape.b_k, shape.b_column);
  for (const DotDims* dims : {&dot.batch, &dot.rows, &dot.columns})
    plan.loops.insert(plan.loops.end(), dims->begin(), dims->end());
  if (!plan.copied_x && !plan.copied_y && !plan.loops.empty()) take_batch(plan.loops, shape);
  plan.first_contracted = plan.loops.size();
  plan.loops.insert(plan.loops.end(), dot.contracted.begin(), dot.contracted.end());
  plan.first = primitives.get(shape, made);
  shape.accumulate = true;
  if (!dot.contracted.empty()) plan.next = primitives.get(shape, made);
  return plan;
}

// A dot in one run.
class PlanRun {
 public:
  explicit PlanRun(const Plan& plan) : plan_(plan) {
    if (plan.first != nullptr) first_.emplace(*plan.first);
    if (plan.next != nullptr) next_.emplace(*plan.next);
  }

  void run(const float* x, const float* y, float* result, std::byte* scratch) noexcept {
    if (plan_.result_size == 0) return;
    if (plan_.chain_size == 0) {
      std::fill_n(result, plan_.result_size, 0.0f);
      return;
    }
    scratchpad_ = scratch;
    x_copy_ = reinterpret_cast<float*>(scratch + plan_.scratchpad_bytes());
    y_copy_ = x_copy_ + Plan::bytes(plan_.copied_x) / static_cast<std::int64_t>(sizeof(float));
    const OneThread one_thread;
    // A call may fail, since oneDNN allocates within. Nobody could be told, so the dot is then done without.
    plainly_ = false;
    if (walk(0, x, y, result, false)) return;
    plainly_ = true;
    walk(0, x, y, result, false);
  }

 private:
  bool walk(size_t level, const float* x, const float* y, float* result, bool accumulate) noexcept {
    if (level == plan_.loops.size()) return call(x, y, result, accumulate);
    const DotDim& dim = plan_.loops[level];
    for (std::int64_t i = 0; i < dim.size; ++i)
      if (!walk(level + 1, x + i * dim.in_x, y + i * dim.in_y, result + i * dim.out,
                accumulate || (level >= plan_.first_contracted && i > 0)))
        return false;
    return true;
  }

  bool call(const float* x, const float* y, float* result, bool accumulate) noexcept {
    if (plan_.copied_x) x = plan_.copied_x->copy(x, x_copy_);
    if (plan_.copied_y) y = plan_.copied_y->copy(y, y_copy_);
    if (!plainly_) return (accumulate ? next_ : first_)->run(x, y, result, scratchpad_);
    multiply_plainly((accumulate ? plan_.next : plan_.first)->shape(), x, y, result);
    return true;
  }

  const Plan& plan_;
  std::optional<MatmulCall> first_, next_;
  bool plainly_ = false;
  std::byte* scratchpad_ = nullptr;
  float *x_copy_ = nullptr, *y_copy_ = nullptr;
};

class Run : public backends::DotRun {
 public:
  explicit Run(const std::vector<Plan>& plans) : runs_(plans.begin(), plans.end()) {}

  void run(std::int64_t dot, const void* x, const void* y, void* result, void* scratch) noexcept override {
    runs_[static_cast<size_t>(dot)].run(static_cast<const float*>(x), static_cast<const float*>(y),
                                        static_cast<float*>(result), static_cast<std::byte*>(scratch));
  }

 private:
  std::vector<PlanRun> runs_;
};

class Bound : public backends::BoundDots {
 public:
  Bound(const std::vector<Loops>& dots, const Primitives& primitives) {
    for (const Loops& dot : dots) {
      plans_.push_back(plan_of(dot, primitives, made_));
      scratch_bytes_ = std::max(scratch_bytes_, plans_.back().scratch_bytes());
    }
  }

  std::unique_ptr<backends::DotRun> start() const override { return std::make_unique<Run>(plans_); }
  std::int64_t scratch_bytes() const override { return scratch_bytes_; }
  int kernels_made() const override { return made_; }

 private:
  std::vector<Plan> plans_;
  std::int64_t scratch_bytes_ = 0;
  int made_ = 0;
};

class OneDnn : public backends::DotLibrary {
 public:
  // oneDNN generates the kernels behind its primitives when the first of them runs, which takes tens of
  // milliseconds: so one runs here.
  OneDnn() {
    const Matmul matmul({.M = 2, .N = 2, .K = 2, .a_row = 2, .a_k = 1, .b_k = 2, .b_column = 1, .c_row = 2});
    const float zeros[4] = {};
    float result[4];
    std::vector<std::byte> scratchpad(static_cast<size_t>(matmul.scratchpad_bytes()));
    const OneThread one_thread;
    MatmulCall(matmul).run(zeros, zeros, result, scratchpad.data());
  }

  bool takes(const ir::Op& dot) const override {
    return dot.operands[0]->type.dtype == f32 && ir::start_of_sums(dot) == nullptr;
  }

  std::unique_ptr<const backends::BoundDots> bind(const std::vector<Loops>& dots) const override {
    return std::make_unique<Bound>(dots, primitives_);
  }

 private:
  Primitives primitives_;
};

}  // namespace

const backends::DotLibrary& dots() {
  static const OneDnn library;
  return library;
}

}  // namespace rondo::onednn
