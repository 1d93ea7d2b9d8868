// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/llvm/context.h"
#include "backends/llvm/jit.h"
#include "backends/llvm/kernels.h"
#include "ir/builder.h"
#include "ir/host_array.h"

namespace rondo::codegen {

/// Compiles the ops of a function, each by itself, and compares what they compute with their rows'
/// evaluation. The operands of the ops are parameters of the function.
class KernelBench {
 public:
  using Random = std::mt19937;
  using Fill = std::function<void(int operand, ir::HostArray& array, Random& random)>;

  explicit KernelBench(const Target& target);

  ir::Function function;
  ir::Builder b;
  Fill fill = random_elements;  ///< makes the operands

  ir::Value* param(const Type& type) { return function.add_param(type); }
  /// A parameter of each type, and an op on them.
  ir::Op* add(const ir::OpRow& row, const std::vector<Type>& operands, std::vector<ir::Attr> attrs = {},
              std::vector<Type> declared = {});

  /// To be called once all ops are there.
  void compile();
  /// How many functions that took.
  size_t functions() const;
  const CompileTimes& times() const { return jit_.times(); }

  /// Runs every op on random operands; the results and what was recorded must be the same bits (but any NaN
  /// equals any NaN). Operands and results lie right before or behind memory that must not be touched.
  void check(const Sizes& sizes, unsigned seed);
  /// Runs one op, its result `result` in the memory of its operand `operand`.
  void check_in_place(const ir::Op& op, int operand, int result, const Sizes& sizes, unsigned seed);
  /// Nanoseconds of a run, the least of many.
  double time(const ir::Op& op, const Sizes& sizes);

  /// Mostly small numbers, and now and then a special one.
  static void random_elements(int operand, ir::HostArray& array, Random& random);

 private:
  using Entry = void(RunContext*, std::int64_t op_number, void* const* buffers, const std::int64_t* sizes);
  struct Case {
    const ir::Op* op;
    KernelCall call;
    std::string name;
    Entry* entry = nullptr;
  };

  void run(const Case& test, const Sizes& sizes, const std::vector<ir::HostArray>& in,
           std::vector<ir::HostArray>& out, ir::ErrorRecord& error, bool at_end, int shared_operand = -1,
           int shared_result = -1);
  void check(const Case& test, const Sizes& sizes, unsigned seed, int shared_operand, int shared_result);
  std::vector<ir::HostArray> operands(const Case& test, const Sizes& sizes, unsigned seed) const;
  const Case& find(const ir::Op& op) const;

  CodeModule code_{"kernels"};
  KernelLibrary library_;
  Jit jit_;
  std::vector<Case> cases_;
};

/// A fusion of what `build` makes of the region's parameters, one for each of the operands.
ir::Op* make_fusion(ir::Builder& b, const ir::Values& operands,
                    const std::function<ir::Values(ir::Builder& b, const ir::Values& params)>& build);

/// The values of an op, by its row; a fusion's by its region's rows.
std::vector<ir::HostArray> evaluate(const ir::Op& op, const std::vector<const ir::HostArray*>& in,
                                    const Sizes& sizes, std::int64_t op_number, ir::ErrorRecord& error);

}  // namespace rondo::codegen
