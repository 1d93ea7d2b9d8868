// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/reference/interpreter.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <new>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>

#include "backends/dot_loops.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/op_row.h"
#include "ir/scan.h"
#include "passes/pass_runner.h"
#include "runtime/arena.h"

namespace rondo::reference {

namespace {

using ir::HostArray;
using runtime::Array;

// Shared and never changed, so that passing a weight into a loop copies nothing.
using Shared = std::shared_ptr<const HostArray>;

// What a walk needs to know of a function's ops, found once.
struct OpFacts {
  int64_t number;       // in program order, for error records
  ir::Values last_use;  // values that no later op of the graph uses: freed after the op
};
using Facts = std::unordered_map<const ir::Op*, OpFacts>;

void find_last_uses(const ir::Graph& graph, Facts& facts) {
  std::unordered_set<const ir::Value*> used(graph.results.begin(), graph.results.end());
  for (auto at = graph.ops.rbegin(); at != graph.ops.rend(); ++at) {
    const ir::Op& op = **at;
    const auto use = [&](ir::Value* value) {
      if (used.insert(value).second) facts.at(&op).last_use.push_back(value);
    };
    for (const auto& result : op.results) use(result.get());
    for (ir::Value* operand : op.operands) use(operand);
    for (const auto& region : op.regions) find_last_uses(*region, facts);
  }
}

Facts find_facts(const ir::Function& function) {
  Facts facts;
  ir::for_each_op(function.body, [&](const ir::Op& op) {
    facts.emplace(&op, OpFacts{static_cast<int64_t>(facts.size()), {}});
  });
  find_last_uses(function.body, facts);
  return facts;
}

// One run of a function.
class Walk {
 public:
  Walk(const Facts& facts, const Sizes& sizes, Precision precision)
      : facts_(facts), sizes_(sizes), precision_(precision) {}

  const ir::ErrorRecord& error() const { return error_; }
  int64_t dots() const { return dots_; }
  int64_t dot_flops() const { return dot_flops_; }

  std::vector<Shared> run(const ir::Graph& graph, const std::vector<Shared>& args) {
    std::unordered_map<const ir::Value*, Shared> values;
    for (size_t i = 0; i < args.size(); ++i) values[graph.param(static_cast<int>(i))] = args[i];
    for (const auto& op : graph.ops) {
      std::vector<Shared> in;
      for (const ir::Value* operand : op->operands) in.push_back(values.at(operand));
      std::vector<Shared> out = evaluate(*op, in);
      for (size_t i = 0; i < out.size(); ++i) values[op->result(static_cast<int>(i))] = std::move(out[i]);
      for (const ir::Value* value : facts_.at(op.get()).last_use) values.erase(value);
    }
    std::vector<Shared> results;
    for (const ir::Value* result : graph.results) results.push_back(values.at(result));
    return results;
  }

  // Zeros, of the value's type at the sizes of this run.
  HostArray allocate(const ir::Value& value) const {
    return at_place(value, [&] {
      const Type type = stored(value);
      return HostArray{type.dtype, backends::shape_of(type, sizes_)};
    });
  }

  // Throws Error if all that is alive at some moment takes more memory than there is: before anything is computed.
  // What blocks share with their op counts twice.
  void check_memory(const ir::Graph& graph) const {
    uint64_t params = 0;
    for (const auto& param : graph.params) params += bytes(*param);
    peak(graph, params);
  }

 private:
  template <class Body>
  static std::invoke_result_t<Body> at_place(const ir::Value& value, Body&& body) {
    const Loc& loc = value.op != nullptr ? value.op->loc : value.loc;
    try {
      return body();
    } catch (const Error& error) {
      throw Error((loc.known() ? loc.text() + ": " : "") + error.what());
    }
  }

  Type stored(const ir::Value& value) const {
    return value.type.with(
        precision_ == Precision::kDouble && value.type.dtype.is_float() ? f64 : value.type.dtype);
  }

  // So few that sums of them stay far within 64 bits.
  uint64_t bytes(const ir::Value& value) const {
    return at_place(value, [&] {
      const Type type = stored(value);
      const auto bytes =
          static_cast<uint64_t>(ir::size_of(backends::shape_of(type, sizes_)) * type.dtype.bytes());
      if (bytes > runtime::Arena::machine_memory())
        throw Error(value.type.text() + " takes " + std::to_string(bytes) +
                    " bytes, more than this machine has");
      return bytes;
    });
  }

  // The most bytes that are alive while the graph runs; `live` are so before.
  uint64_t peak(const ir::Graph& graph, uint64_t live) const {
    uint64_t most = live;
    for (const auto& op : graph.ops) {
      uint64_t inside = 0;
      for (const auto& region : op->regions) {
        uint64_t params = 0;  // positions of what a scan reads
        if (op->row == &ir::ops::scan)
          for (size_t i = 0; i <= ir::Scan(*op).over.size(); ++i) params += bytes(*region->params[i]);
        inside = std::max(inside, peak(*region, params));
      }
      for (const auto& result : op->results) live += bytes(*result);
      most = std::max(most, live + inside);
      if (most > runtime::Arena::machine_memory())
        throw Error(ir::place_of(*op) + ": " + op->row->name + ": " + std::to_string(most) +
                    " bytes would be in use here, more than this machine has (" +
                    std::to_string(runtime::Arena::machine_memory()) + "); run it on smaller sizes");
      for (const ir::Value* value : facts_.at(op.get()).last_use)
        if (value->op != nullptr) live -= bytes(*value);
    }
    return most;
  }

  std::vector<Shared> evaluate(const ir::Op& op, const std::vector<Shared>& in) {
    if (op.row == &ir::ops::scan) return scan(op, in);
    if (op.row == &ir::ops::while_) return loop(op, in);
    if (op.row == &ir::ops::cond)
      return run(*op.regions[is_true(in.back()) ? 0 : 1], {in.begin(), in.end() - 1});
    if (op.row == &ir::ops::fusion || op.row == &ir::ops::call || op.row == &ir::ops::rows ||
        op.row == &ir::ops::job)
      return run(*op.regions[0], in);
    std::vector<const HostArray*> operands;
    for (const Shared& x : in) operands.push_back(x.get());
    std::vector<HostArray> out;
    for (const auto& result : op.results) out.push_back(allocate(*result));
    if (op.row == &ir::ops::dot) {
      ++dots_;
      uint64_t flops = 1;
      for (const Dim factor : backends::dot_flops(op))
        flops *= static_cast<uint64_t>(factor.evaluate(sizes_));
      dot_flops_ += static_cast<int64_t>(flops);
    }
    op.row->evaluate({op, operands, out, sizes_, facts_.at(&op).number, error_});
    return share(std::move(out));
  }

  std::vector<Shared> scan(const ir::Op& op, const std::vector<Shared>& in) {
    const ir::Scan scan(op);
    const int64_t length = scan.length().evaluate(sizes_);
    const auto first_carry = in.begin() + scan.over.size(), first_use = first_carry + scan.carry.size();
    std::vector<Shared> carries(first_carry, first_use);
    std::vector<HostArray> stacks;
    for (size_t i = 0; i < scan.stacks(); ++i) stacks.push_back(allocate(*scan.stack_result(i)));
    for (int64_t step = 0; step < length; ++step) {
      const int64_t t = scan.reverse() ? length - 1 - step : step;
      HostArray index = allocate(*scan.index());
      index.data<int32_t>()[0] = static_cast<int32_t>(t);
      std::vector<Shared> args = {std::make_shared<HostArray>(std::move(index))};
      for (size_t i = 0; i < scan.over.size(); ++i) args.push_back(part_at(*in[i], t));
      args.insert(args.end(), carries.begin(), carries.end());
      args.insert(args.end(), first_use, in.end());
      std::vector<Shared> yields = run(*scan.body, args);
      for (size_t i = 0; i < stacks.size(); ++i) {
        const auto& part = yields[carries.size() + i]->bytes;
        std::copy(part.begin(), part.end(), stacks[i].bytes.begin() + t * std::ssize(part));
      }
      carries.assign(yields.begin(), yields.begin() + std::ssize(carries));
    }
    std::vector<Shared> results = std::move(carries);
    for (Shared& stack : share(std::move(stacks))) results.push_back(std::move(stack));
    return results;
  }

  static bool is_true(const Shared& x) { return x->data<bool>()[0]; }

  std::vector<Shared> loop(const ir::Op& op, std::vector<Shared> args) {
    const auto first_use = args.begin() + op.groups[0];
    while (is_true(run(*op.regions[0], args)[0])) {
      std::vector<Shared> next = run(*op.regions[1], args);
      std::move(next.begin(), next.end(), args.begin());
    }
    return {args.begin(), first_use};
  }

  // What lies at position t of the first dim.
  static Shared part_at(const HostArray& x, int64_t t) {
    HostArray part(x.dtype, {x.shape.begin() + 1, x.shape.end()});
    const auto first = x.bytes.begin() + t * std::ssize(part.bytes);
    std::copy(first, first + std::ssize(part.bytes), part.bytes.begin());
    return std::make_shared<HostArray>(std::move(part));
  }

  static std::vector<Shared> share(std::vector<HostArray> arrays) {
    std::vector<Shared> shared;
    for (HostArray& x : arrays) shared.push_back(std::make_shared<HostArray>(std::move(x)));
    return shared;
  }

  const Facts& facts_;
  const Sizes& sizes_;
  Precision precision_;
  ir::ErrorRecord error_;
  int64_t dots_ = 0, dot_flops_ = 0;
};

class Interpreter : public backends::Executable {
 public:
  Interpreter(const ir::Function& function, Precision precision)
      : function_(ir::clone_function(function, function.name)),
        signature_(*function_),
        facts_(find_facts(*function_)),
        precision_(precision) {}

  const backends::Signature& signature() const override { return signature_; }
  backends::Counters counters() const override {
    return {
        .compiles = 1, .dots = dots_, .dot_flops = dot_flops_, .loops = backends::count_loops(*function_)};
  }

  std::vector<Array> run(std::span<Array* const> args) const override {
    try {
      return run_checked(args);
    } catch (const runtime::Failure& failure) {
      throw Error("@" + function_->name + ": " + failure.what());
    } catch (const std::bad_alloc&) {
      throw Error("@" + function_->name + ": out of memory");
    }
  }

 private:
  std::vector<Array> run_checked(std::span<Array* const> args) const {
    std::vector<Array> stand_ins;
    const Sizes sizes = signature_.bind(as_typed(args, stand_ins));
    Walk walk(facts_, sizes, precision_);
    walk.check_memory(function_->body);
    std::vector<Shared> in;
    for (size_t i = 0; i < args.size(); ++i) {
      HostArray x = walk.allocate(*function_->body.params[i]);
      copy_in(*args[i], x);
      in.push_back(std::make_shared<HostArray>(std::move(x)));
    }
    const std::vector<Shared> out = walk.run(function_->body, in);
    dots_ = walk.dots();
    dot_flops_ = walk.dot_flops();
    if (walk.error().set) throw backends::recorded_error(*function_, walk.error().op, walk.error().position);
    std::vector<Array> results;
    for (const Shared& x : out) {
      results.push_back(Array::uninitialised(backends::element_type(x->dtype), x->shape));
      std::copy(x->bytes.begin(), x->bytes.end(), static_cast<std::byte*>(results.back().raw()));
    }
    return results;
  }

  // In double precision the caller may hand over f64 arrays for parameters of other float types: sizes are matched
  // as if they were of these.
  std::vector<Array*> as_typed(std::span<Array* const> args, std::vector<Array>& stand_ins) const {
    std::vector<Array*> typed(args.begin(), args.end());
    if (precision_ == Precision::kAsTyped) return typed;
    stand_ins.reserve(args.size());
    for (size_t i = 0; i < args.size() && i < signature_.params.size(); ++i)
      if (signature_.params[i].type.dtype.is_float() && args[i]->type() == runtime::ElementType::f64)
        typed[i] = &stand_ins.emplace_back(
            Array::uninitialised(backends::element_type(signature_.params[i].type.dtype), args[i]->shape()));
    return typed;
  }

  static void copy_in(const Array& from, HostArray& to) {
    if (to.dtype == f64 && from.type() == runtime::ElementType::f32) {
      const auto values = from.data<float>();
      std::copy(values.begin(), values.end(), to.data<double>());
    } else if (to.dtype == f64 && from.type() == runtime::ElementType::bf16) {
      const auto values = from.data<runtime::Bfloat16>();
      std::transform(values.begin(), values.end(), to.data<double>(),
                     [](runtime::Bfloat16 x) { return x.value(); });
    } else {
      std::copy_n(static_cast<const std::byte*>(from.raw()), to.bytes.size(), to.bytes.begin());
    }
  }

  std::unique_ptr<ir::Function> function_;
  backends::Signature signature_;
  Facts facts_;
  Precision precision_;
  mutable std::atomic<int64_t> dots_ = 0, dot_flops_ = 0;  // of the last run
};

}  // namespace

std::unique_ptr<backends::Executable> interpret(const ir::Function& function, Precision precision) {
  passes::PassRunner::verify_given("the interpreter", function);
  return std::make_unique<Interpreter>(function, precision);
}

}  // namespace rondo::reference
