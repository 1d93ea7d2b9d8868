// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stands in for passes/passes.cpp: with this file rondo-opt becomes planted-opt, and rondo-fuzz planted-fuzz, which
// have passes besides that fail or do wrong where there is a sqrt. Tests see by them what the tools do then.
#include "passes/passes.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "ir/error.h"
#include "ir/op_row.h"
#include "passes/rewrite.h"

namespace rondo::passes {

namespace {

bool has_sqrt(const ir::Function& function) {
  bool found = false;
  ir::for_each_op(function.body, [&](const ir::Op& op) { found = found || op.row == &ir::ops::sqrt; });
  return found;
}

bool throws(ir::Function& function) {
  if (has_sqrt(function)) throw InternalError("it does not know what to do with sqrt");
  return false;
}

bool breaks(ir::Function& function) {
  if (!has_sqrt(function)) return false;
  for (const auto& op : function.body.ops) op->results[0]->type = f64[{7}];
  return true;
}

// Copies every sqrt, but the second as rsqrt.
bool mistakes(ir::Function& function) {
  int count = 0;
  return rewrite_ops(function.body, [&](ir::Builder& b, ir::Op& op) -> Replacement {
    if (op.row != &ir::ops::sqrt) return {};
    return ir::Values{++count == 2 ? b.rsqrt(op.operands[0]) : b.sqrt(op.operands[0])};
  });
}

bool segfaults(ir::Function& function) {
  if (!has_sqrt(function)) return false;
  ir::Function* volatile nothing = nullptr;
  nothing->name = "nowhere";
  return true;
}

bool aborts(ir::Function& function) {
  if (has_sqrt(function)) std::abort();
  return false;
}

volatile bool ends = false;

int recurse(const volatile char* from) {
  if (ends) return 0;
  volatile char here[4096];
  here[0] = *from;
  return recurse(here) + here[0];
}

bool overflows(ir::Function& function) {
  const char start = 1;
  return has_sqrt(function) && recurse(&start) > 0;
}

}  // namespace

std::span<const Pass> all_passes() {
  static const std::vector<Pass> passes = [] {
    std::vector<Pass> rows = {
#define PASS(name, bits, summary) {#name, Bits::bits, summary, name},
#include "passes/passes.def"
#undef PASS
    };
    for (Pass& pass : rows) std::ranges::replace(pass.name, '_', '-');
    rows.insert(rows.end(), {{"planted-throw", Bits::exact, "throws", throws},
                             {"planted-break", Bits::exact, "makes what does not verify", breaks},
                             {"planted-sqrt", Bits::exact, "takes the second sqrt for rsqrt", mistakes},
                             {"planted-segfault", Bits::exact, "writes to nowhere", segfaults},
                             {"planted-abort", Bits::exact, "aborts", aborts},
                             {"planted-overflow", Bits::exact, "recurses without end", overflows}});
    return rows;
  }();
  return passes;
}

const Pass* find_pass(std::string_view name) {
  const auto found = std::ranges::find(all_passes(), name, &Pass::name);
  return found == all_passes().end() ? nullptr : &*found;
}

}  // namespace rondo::passes
