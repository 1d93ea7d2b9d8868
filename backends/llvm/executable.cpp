// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/executable.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "backends/llvm/bound.h"
#include "backends/llvm/compile_budget.h"
#include "backends/llvm/driver.h"
#include "ir/builder.h"
#include "ir/error.h"

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

  runtime::ErrorWord error;
  runtime::Arena arena;
  std::shared_ptr<const Bound> bound;  // that the following are made for
  std::unique_ptr<backends::DotRun> dots;
  std::vector<std::byte*> buffers;
  Work work;
  Frame frame = {};
};

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
    passes::PassRunner(options.passes).run(options.pipeline, *function_);
    check_calls_to_compile(*function_);
    counters_.passes_ms = stage.ms();
    stage = {};
    CodeModule code(function.name);
    KernelLibrary kernels(code, options.target);
    DriverTables driver = emit_driver(code, kernels, options.dots, *function_, "run");
    table_.sizes = std::move(driver.sizes);
    table_.dots = std::move(driver.dots);
    table_.library = options.dots;
    called_ = kernels.called();
    table_.scratch_bytes = kernels.scratch_bytes();
    counters_.emit_ms = stage.ms();
    jit_.add(std::move(code));
    driver_ = jit_.lookup<Driver>("run");
    table_.add_buffers(*function_);
    counters_.llvm_ms = jit_.times().ir_passes;
    counters_.codegen_ms = jit_.times().codegen;
    counters_.link_ms = jit_.times().link;
    counters_.compiles = 1;
    counters_.loops = backends::count_loops(*function_);
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
      owner_.counters_.dots = state_->work.dots;
      owner_.counters_.dot_flops = state_->work.dot_flops;
      owner_.counters_.copied_bytes = state_->work.copied_bytes;
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
    auto bound = std::make_shared<Bound>(table_, signature_, args, options_.memory_limit);
    std::lock_guard lock(mutex_);
    ++counters_.binds;
    counters_.bind_ms = watch.ms();
    if (bound->dots != nullptr) counters_.dot_kernels += bound->dots->kernels_made();
    counters_.arena_bytes = bound->arena_bytes;
    tell("bound to new sizes", counters_.bind_ms);
    bounds_.add(bound);
    return bound;
  }

  void prepare(RunState& state, const std::shared_ptr<const Bound>& bound) const {
    state.error.reset();
    state.work = {};
    state.frame.work = &state.work;
    if (state.bound == bound) return;
    state.dots = nullptr;
    state.bound = nullptr;
    state.arena.reserve(static_cast<std::uint64_t>(bound->arena_bytes));
    state.buffers.resize(table_.buffers.size());
    for (size_t i = 0; i < state.buffers.size(); ++i)
      state.buffers[i] = state.arena.base() + bound->offsets[i];
    if (bound->dots != nullptr) state.dots = bound->dots->start();
    state.frame.context = {&state.error,   rondo_record_error,
                           called_.data(), state.arena.base() + bound->scratch_offset,
                           rondo_run_dot,  state.dots.get()};
    state.frame.buffers = state.buffers.data();
    state.frame.sizes = bound->sizes.data();
    state.bound = bound;
  }

  std::vector<Array> run(RunState& state, std::span<Array* const> args) const {
    const Bound& bound = *state.bound;
    for (size_t i = 0; i < args.size(); ++i) state.buffers[i] = static_cast<std::byte*>(args[i]->raw());
    std::vector<Array> results;
    results.reserve(bound.result_shapes.size());
    for (size_t i = 0; i < bound.result_shapes.size(); ++i) results.push_back(result_array(state, i));
    if (options_.poison && bound.arena_bytes > 0) std::memset(state.arena.base(), kPoison, bound.arena_bytes);

    driver_(&state.frame);

    if (state.error.set()) throw backends::recorded_error(*function_, state.error.op, state.error.position);
    for (size_t i = 0; i < results.size(); ++i)
      if (table_.results[i].kind == ResultSource::kCopy) {
        std::memcpy(results[i].raw(), state.buffers[table_.results[i].buffer], results[i].bytes());
        state.work.copied_bytes += static_cast<std::int64_t>(results[i].bytes());
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
    if (source.kind == ResultSource::kOwn)
      state.buffers[source.buffer] = static_cast<std::byte*>(array.raw());
    return array;
  }

  static constexpr int kPoison = 0xff;  // all bits set are NaN in every float type

  std::unique_ptr<ir::Function> function_;  // the final one, for messages
  backends::Signature signature_;
  CompileOptions options_;
  const bool tells_ = options_.passes.debug.shows(passes::Debug::kPasses, "counters");
  BindTable table_;
  Jit jit_;
  Driver* driver_ = nullptr;
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
  return std::make_unique<CompiledFunction>(function, options);
}

}  // namespace rondo::codegen
