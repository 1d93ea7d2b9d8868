// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "ir/ops/elementwise.h"
#include "tests/backends/kernel_bench.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

const std::vector<DType> kAllTypes = {f32, f64, bf16, i32, i64, i1};

// Every op whose result follows from its operands' type, on operands of the given dims.
void add_elementwise_ops(KernelBench& bench, const std::vector<Dim>& dims) {
  for (const ir::OpRow* row : ir::all_rows()) {
    if (!row->is_elementwise() || row->declared_results) continue;
    std::vector<std::string> words = {""};
    if (!row->math_by_word.empty()) words.clear();
    for (const auto& [word, math] : row->math_by_word) words.push_back(word);
    for (const std::string& word : words) {
      const ir::ElementMath& math = word.empty() ? row->math : row->math_by_word.at(word);
      for (DType dtype : kAllTypes) {
        if (!math.takes(dtype)) continue;
        std::vector<Type> operands(math.arity, dtype[dims]);
        if (math.first_is_condition) operands[0] = i1[dims];
        std::vector<ir::Attr> attrs;
        if (!word.empty()) attrs.push_back(make_attr(*row, row->attrs[0].name, {word}));
        bench.add(*row, operands, attrs);
      }
    }
  }
}

void add_conversions(KernelBench& bench, const std::vector<Dim>& dims) {
  for (DType from : kAllTypes)
    for (DType to : kAllTypes) {
      bench.add(ir::ops::convert, {from[dims]}, {}, {to[dims]});
      if (from.bytes() == to.bytes() && from != i1) bench.add(ir::ops::bitcast, {from[dims]}, {}, {to[dims]});
    }
}

}  // namespace

TEST_CASE("element-wise kernels: every op and element type, at every size around a vector's") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    add_elementwise_ops(bench, {Dim("N")});
    add_conversions(bench, {Dim("N")});
    bench.compile();
    for (std::int64_t size : {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 257})
      bench.check({{"N", size}}, size);
    bench.check({{"N", 3000}}, 1);
  }
}
