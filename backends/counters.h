// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace rondo::backends {

/// How often and for how long an executable did its costly things. A new counter is a field here, and a line
/// in each_number below, from which it is printed.
struct Counters {
  int compiles = 0;       // code generations: 1, whatever the sizes
  double compile_ms = 0;  // all of it; by stage:
  double passes_ms = 0;   // IR to final IR
  double emit_ms = 0;     // final IR to LLVM's IR
  double llvm_ms = 0;     // LLVM's passes
  double codegen_ms = 0;  // instruction selection to object code
  double link_ms = 0;

  int binds = 0;                 // new sizes seen
  double bind_ms = 0;            // of the last bind
  std::int64_t arena_bytes = 0;  // what the last bind planned, results and arguments not counted
  std::int64_t live_bytes = 0;   // the most of it that is wanted at one time: no plan takes less
  std::int64_t run_bytes = 0;    // the arena and the results: what a run takes, arguments not counted
  int workers = 1;               // that the last bind asked for, the most of any `rows` op
  int dot_kernels = 0;           // that a library made for dots when sizes were bound, new ones only

  std::int64_t joins = 0;      // how often the last run waited for workers
  std::int64_t dots = 0;       // that the last run computed, those in loops as often as they ran
  std::int64_t dot_flops = 0;  // multiplications and additions in them
  std::int64_t copied_bytes =
      0;  // that the last run moved from buffer to buffer: carries, stacks and results
          // that the plan could not place where they are needed

  /// A scan or a while of the final function.
  struct Loop {
    std::string place;        // where the user wrote it, or what its first result is called
    std::string length;       // its number of steps, a size; of a while `?`
    int depth = 0;            // how many loops are around it
    std::int64_t dots = 0;    // in one step, those of inner loops not counted
    std::int64_t copies = 0;  // of a planned scan: carries and stacks that a step moves from buffer to buffer
  };
  std::vector<Loop> loops;  // in program order, each before those in it

  /// Calls visit(name, number) for all that is not of a loop.
  template <class Visit>
  void each_number(Visit&& visit) const {
    visit("compiles", compiles);
    visit("compile_ms", compile_ms);
    visit("passes_ms", passes_ms);
    visit("emit_ms", emit_ms);
    visit("llvm_ms", llvm_ms);
    visit("codegen_ms", codegen_ms);
    visit("link_ms", link_ms);
    visit("binds", binds);
    visit("bind_ms", bind_ms);
    visit("arena_bytes", arena_bytes);
    visit("live_bytes", live_bytes);
    visit("run_bytes", run_bytes);
    visit("workers", workers);
    visit("dot_kernels", dot_kernels);
    visit("joins", joins);
    visit("dots", dots);
    visit("dot_flops", dot_flops);
    visit("copied_bytes", copied_bytes);
  }

  /// A line for each number and each loop.
  std::string text() const;
  /// One JSON object: the numbers by name, and `loops`, a list of objects with the fields of Loop.
  std::string json() const;
};

/// The loops of a function, with what is in each.
std::vector<Counters::Loop> count_loops(const ir::Function& function);

}  // namespace rondo::backends
