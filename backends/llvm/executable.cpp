// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/executable.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "backends/llvm/bound.h"
#include "backends/llvm/codegen/dot_kernel.h"
#include "backends/llvm/compile_budget.h"
#include "backends/llvm/driver.h"
#include "backends/llvm/prebuilt.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "passes/dot_panel.h"
#include "runtime/workers.h"

namespace rondo::codegen {

namespace {

using backends::Counters;
using runtime::Array;

class Stopwatch {
 public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

int debug_level(const passes::Debug& debug) {
  return debug.shows(passes::Debug::kLlvm, "llvm") ? debug.level : 0;
}

// What one run works in. It is kept for later runs.
struct RunState {
  explicit RunState(std::uint64_t memory_limit) : arena(memory_limit) {}

  // What a worker works in. The first one's is also what the whole function runs on.
  struct Worker {
    std::vector<std::byte*> buffers;
    std::vector<std::int64_t> sizes;
    Work work;
    Frame frame = {};
  };

  runtime::ErrorWord error;
  runtime::Arena arena;
  std::shared_ptr<const Bound> bound;  // that the following are made for
  std::unique_ptr<backends::DotRun> dots;
  std::vector<Worker> workers;
  const std::vector<ShareDriver*>* rows = nullptr;     // the function of each `rows` op
  const std::vector<ShareDriver*>* columns = nullptr;  // and of each dot of shared columns
  const std::vector<ShareDriver*>* jobs = nullptr;     // and of each job
  const std::vector<JobGroup>* groups = nullptr;
  std::int64_t joins = 0;
};

// Calls share(frame, worker) on so many workers, each on its own frame; on one, the caller's.
template <class Share>
void run_shares(Frame* frame, int count, const Share& share) noexcept {
  if (count == 1) return share(frame, 0);
  auto& state = *static_cast<RunState*>(frame->workers);
  struct Shares {
    const Share& share;
    RunState& state;
  } shares = {share, state};
  runtime::Workers::shared().run(
      count,
      [](void* work, int worker) noexcept {
        const auto& [share, state] = *static_cast<Shares*>(work);
        share(&state.workers[static_cast<size_t>(worker)].frame, static_cast<size_t>(worker));
      },
      &shares);
  ++state.joins;
}

// What compiled code calls for a `rows` op.
void run_rows(Frame* frame, std::int64_t number, void* const* values) noexcept {
  const auto& state = *static_cast<const RunState*>(frame->workers);
  const auto rows = static_cast<size_t>(number);
  ShareDriver* driver = (*state.rows)[rows];
  const RowBlocks& blocks = state.bound->blocks[rows];
  run_shares(frame, state.bound->rows_workers[rows], [&](Frame* own, size_t worker) {
    if (blocks.rows == 0) return driver(own, values);
    const auto [first, count] = blocks.shares[worker];
    for (std::int64_t done = 0; done < count; done += blocks.rows) {
      blocks.enter(first + done, std::min(blocks.rows, count - done), own->sizes);
      driver(own, values);
    }
  });
}

// And for a dot whose columns may be shared.
void run_columns(Frame* frame, std::int64_t number, void* const* values) noexcept {
  const auto& state = *static_cast<const RunState*>(frame->workers);
  const auto dot = static_cast<size_t>(number);
  ShareDriver* driver = (*state.columns)[dot];
  run_shares(frame, state.bound->columns_workers[dot], [&](Frame* own, size_t) { driver(own, values); });
}

// And for the jobs of a group.
void run_jobs(Frame* frame, std::int64_t number, void* const* values) noexcept {
  const auto& state = *static_cast<const RunState*>(frame->workers);
  const JobGroup& group = (*state.groups)[static_cast<size_t>(number)];
  const int workers = state.bound->jobs_workers[static_cast<size_t>(number)];
  run_shares(frame, workers, [&](Frame* own, size_t worker) {
    for (size_t job = worker; job < group.jobs.size(); job += static_cast<size_t>(workers))
      (*state.jobs)[group.first + job](own, values);
  });
}

// How many modules are worth compiling at once.
int module_count(int workers) {
  constexpr int kMost = 4;
  return std::min({workers, runtime::Workers::default_count(), kMost});
}

class CompiledFunction : public backends::Executable {
 public:
  CompiledFunction(const ir::Function& function, const CompileOptions& options)
      : function_(ir::clone_function(function, function.name)),
        signature_(function),
        options_(options),
        jit_(options.target, debug_level(options.passes.debug)) {
    const Stopwatch all;
    Stopwatch stage;
    check_ops_to_compile(*function_);
    const passes::DotPanel panel(options.dots != nullptr ? 0 : dot_panel_bytes(options.target));
    passes::PassRunner(options.passes).run(options.pipeline, *function_);
    check_calls_to_compile(*function_);
    counters_.passes_ms = stage.ms();
    stage = {};
    counters_.loops = backends::count_loops(*function_);
    table_.workers = options.dots != nullptr ? 1
                     : options.threads > 0   ? options.threads
                                             : runtime::Workers::default_count();
    table_.rows = share_rows(*function_);
    if (table_.workers > 1)
      table_.columns = share_columns(*function_, table_.rows, dot_panel_bytes(options.target));
    table_.jobs = find_job_groups(*function_, table_.columns);
    table_.work_per_worker = options.work_per_worker;
    table_.rows_of_block = options.rows_of_block;
    std::vector<CodeModule> code;  // the first one holds the driver
    for (int i = 0; i < module_count(table_.workers); ++i) code.emplace_back(function.name);
    KernelLibrary kernels(code, options.target);
    DriverTables driver = emit_driver(code.front(), kernels, options.dots, *function_, table_.rows,
                                      table_.columns, table_.jobs, LiveLoops(*function_), "run");
    table_.sizes = std::move(driver.sizes);
    table_.dots = std::move(driver.dots);
    table_.library = options.dots;
    called_ = kernels.called();
    table_.scratch_bytes = kernels.scratch_bytes();
    counters_.emit_ms = stage.ms();
    jit_.add(std::move(code));
    driver_ = jit_.lookup<Driver>("run");
    for (size_t i = 0; i < table_.rows.size(); ++i)
      rows_.push_back(jit_.lookup<ShareDriver>("run.rows" + std::to_string(i)));
    for (size_t i = 0; i < table_.columns.size(); ++i)
      columns_.push_back(jit_.lookup<ShareDriver>("run.columns" + std::to_string(i)));
    for (const JobGroup& group : table_.jobs)
      for (size_t i = 0; i < group.jobs.size(); ++i)
        jobs_.push_back(jit_.lookup<ShareDriver>("run.job" + std::to_string(group.first + i)));
    table_.add_buffers(*function_);
    counters_.llvm_ms = jit_.times().ir_passes;
    counters_.codegen_ms = jit_.times().codegen;
    counters_.link_ms = jit_.times().link;
    counters_.compiles = 1;
    counters_.compile_ms = all.ms();
    tell("compiled", counters_.compile_ms);
  }

  ~CompiledFunction() override {
    if (tells_)
      std::fprintf(stderr, "rondo: counters of @%s\n%s", signature_.function.c_str(),
                   counters_.text().c_str());
  }

  const backends::Signature& signature() const override { return signature_; }

  Counters counters() const override {
    std::lock_guard lock(mutex_);
    return counters_;
  }

  std::vector<Array> run(std::span<Array* const> args) const override {
    try {
      signature_.check_arrays(args);
      const std::shared_ptr<const Bound> bound = bind(args);
      const Lease state(*this);
      prepare(*state, bound);
      return run(*state, args);
    } catch (const runtime::Failure& failure) {
      throw Error("@" + signature_.function + ": " + failure.what());
    }
  }

 private:
  // A state that is given back whatever happens.
  class Lease {
   public:
    explicit Lease(const CompiledFunction& owner) : owner_(owner) {
      std::lock_guard lock(owner.mutex_);
      if (!owner.idle_.empty()) {
        state_ = std::move(owner.idle_.back());
        owner.idle_.pop_back();
        return;
      }
      state_ = std::make_unique<RunState>(owner.options_.memory_limit);
      owner.idle_.reserve(++owner.states_);  // so that giving it back never fails
    }
    ~Lease() {
      std::lock_guard lock(owner_.mutex_);
      Counters& counters = owner_.counters_;
      counters.dots = counters.dot_flops = counters.copied_bytes = 0;
      for (const RunState::Worker& worker : state_->workers) {
        counters.dots = std::max(counters.dots, worker.work.dots);
        counters.dot_flops += worker.work.dot_flops;
        counters.copied_bytes += worker.work.copied_bytes;
      }
      counters.joins = state_->joins;
      owner_.idle_.push_back(std::move(state_));
    }
    RunState& operator*() const { return *state_; }

   private:
    const CompiledFunction& owner_;
    std::unique_ptr<RunState> state_;
  };

  void tell(const char* what, double ms) const {
    if (tells_) std::fprintf(stderr, "rondo: @%s %s: %.3f ms\n", signature_.function.c_str(), what, ms);
  }

  std::shared_ptr<const Bound> bind(std::span<Array* const> args) const {
    {
      std::lock_guard lock(mutex_);
      if (auto known = bounds_.find(args)) return known;
    }
    const Stopwatch watch;
    const auto bound = codegen::bind(table_, signature_, args, options_.memory_limit);
    std::lock_guard lock(mutex_);
    ++counters_.binds;
    counters_.bind_ms = watch.ms();
    if (bound->dots != nullptr) counters_.dot_kernels += bound->dots->kernels_made();
    counters_.arena_bytes = bound->arena_bytes;
    counters_.live_bytes = bound->live_bytes;
    counters_.run_bytes = static_cast<std::int64_t>(bound->total_bytes);
    counters_.workers = bound->workers();
    tell("bound to new sizes", counters_.bind_ms);
    bounds_.add(bound);
    return bound;
  }

  void prepare(RunState& state, const std::shared_ptr<const Bound>& bound) const {
    state.error.reset();
    state.joins = 0;
    for (RunState::Worker& worker : state.workers) worker.work = {};
    if (state.bound == bound) return;
    state.dots = nullptr;
    state.bound = nullptr;
    state.arena.reserve(static_cast<std::uint64_t>(bound->arena_bytes));
    if (bound->dots != nullptr) state.dots = bound->dots->start();
    state.rows = &rows_;
    state.columns = &columns_;
    state.jobs = &jobs_;
    state.groups = &table_.jobs;
    state.workers.resize(static_cast<size_t>(bound->workers()));
    for (size_t w = 0; w < state.workers.size(); ++w) prepare(state, *bound, w);
    state.bound = bound;
  }

  void prepare(RunState& state, const Bound& bound, size_t number) const {
    RunState::Worker& worker = state.workers[number];
    worker.work = {};
    worker.buffers.resize(table_.buffers.size());
    for (size_t i = 0; i < worker.buffers.size(); ++i) {
      const int rows = table_.buffers[i].rows;
      const std::int64_t own =
          rows < 0 || static_cast<int>(number) >= bound.rows_workers[static_cast<size_t>(rows)]
              ? 0
              : bound.rows_bytes[static_cast<size_t>(rows)] * static_cast<std::int64_t>(number);
      worker.buffers[i] = state.arena.base() + bound.offsets[i] + own;
    }
    const std::int64_t scratch =
        bound.scratch_offset + bound.scratch_bytes * static_cast<std::int64_t>(number);
    worker.frame.context = {&state.error,
                            rondo_record_error,
                            called_.data(),
                            state.arena.base() + scratch,
                            rondo_run_dot,
                            state.dots.get(),
                            &prebuilt_kernels(options_.target.isa)};
    worker.frame.buffers = worker.buffers.data();
    worker.sizes = bound.sizes[number];
    worker.frame.sizes = worker.sizes.data();
    worker.frame.work = &worker.work;
    worker.frame.run_rows = run_rows;
    worker.frame.workers = &state;
    worker.frame.run_columns = run_columns;
    worker.frame.run_jobs = run_jobs;
  }

  std::vector<Array> run(RunState& state, std::span<Array* const> args) const {
    const Bound& bound = *state.bound;
    for (size_t i = 0; i < args.size(); ++i) set_buffer(state, i, args[i]->raw());
    std::vector<Array> results;
    results.reserve(bound.result_shapes.size());
    for (size_t i = 0; i < bound.result_shapes.size(); ++i) results.push_back(result_array(state, i));
    if (options_.poison && bound.arena_bytes > 0) std::memset(state.arena.base(), kPoison, bound.arena_bytes);

    driver_(&state.workers[0].frame);

    if (state.error.set()) throw backends::recorded_error(*function_, state.error.op, state.error.position);
    for (size_t i = 0; i < results.size(); ++i)
      if (table_.results[i].kind == ResultSource::kCopy) {
        RunState::Worker& first = state.workers[0];
        std::memcpy(results[i].raw(), first.buffers[table_.results[i].buffer], results[i].bytes());
        first.work.copied_bytes += static_cast<std::int64_t>(results[i].bytes());
      }
    for (size_t i = 0; i < results.size(); ++i)
      if (table_.results[i].kind == ResultSource::kDonated)
        results[i] = std::move(*args[table_.results[i].buffer]);
    return results;
  }

  Array result_array(RunState& state, size_t i) const {
    const ResultSource& source = table_.results[i];
    if (source.kind == ResultSource::kDonated) return Array();
    Array array = Array::uninitialised(backends::element_type(signature_.results[i].dtype),
                                       state.bound->result_shapes[i]);
    if (options_.poison) std::memset(array.raw(), kPoison, array.bytes());
    if (source.kind == ResultSource::kOwn) set_buffer(state, static_cast<size_t>(source.buffer), array.raw());
    return array;
  }

  static void set_buffer(RunState& state, size_t number, void* memory) {
    for (RunState::Worker& worker : state.workers) worker.buffers[number] = static_cast<std::byte*>(memory);
  }

  static constexpr int kPoison = 0xff;  // all bits set are NaN in every float type

  std::unique_ptr<ir::Function> function_;  // the final one, for messages
  backends::Signature signature_;
  CompileOptions options_;
  const bool tells_ = options_.passes.debug.shows(passes::Debug::kPasses, "counters");
  BindTable table_;
  Jit jit_;
  Driver* driver_ = nullptr;
  std::vector<ShareDriver*> rows_, columns_, jobs_;
  std::vector<ir::Kernel> called_;
  mutable std::mutex mutex_;  // of what follows
  mutable Counters counters_;
  mutable BoundCache bounds_;
  mutable size_t states_ = 0;  // in use or idle
  mutable std::vector<std::unique_ptr<RunState>> idle_;
};

}  // namespace

std::unique_ptr<backends::Executable> compile(const ir::Function& function, const CompileOptions& options) {
  passes::PassRunner::verify_given("the compiler", function);
  try {
    return std::make_unique<CompiledFunction>(function, options);
  } catch (const runtime::Failure& failure) {  // of the environment
    throw Error(failure.what());
  }
}

}  // namespace rondo::codegen
