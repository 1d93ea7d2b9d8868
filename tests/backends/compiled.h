// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "backends/llvm/executable.h"
#include "backends/reference/interpreter.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "tools/fuzz/inputs.h"

// What tests of compiled functions share: one function, compiled and interpreted, and arguments for it.
namespace rondo::test {

using runtime::Array;
using Arrays = std::vector<Array>;

class Compiled {
 public:
  explicit Compiled(const std::string& text) : Compiled(ir::parse(text, "test"), {.poison = true}) {}
  Compiled(const std::string& text, const codegen::CompileOptions& options)
      : Compiled(ir::parse(text, "test"), options) {}
  explicit Compiled(const ir::Function& function, const codegen::CompileOptions& options = {.poison = true})
      : code(codegen::compile(function, options)), reference(reference::interpret(function)) {}

  /// Normal floats, integers in [0, 3), any i1.
  Arrays draw(const Sizes& sizes, unsigned seed = 1) const {
    fuzz::Random random(seed);
    Arrays arrays;
    for (const auto& param : code->signature().params) {
      const DType dtype = param.type.dtype;
      Array array = Array::zeros(backends::element_type(dtype), backends::shape_of(param.type, sizes));
      for (int64_t i = 0; i < array.size(); ++i) {
        if (dtype == f32) array.data<float>()[i] = static_cast<float>(random.normal());
        if (dtype == f64) array.data<double>()[i] = random.normal();
        if (dtype == i32) array.data<int32_t>()[i] = static_cast<int32_t>(random.below(3));
        if (dtype == i64) array.data<int64_t>()[i] = random.below(3);
        if (dtype == i1) array.data<bool>()[i] = random.chance(0.5);
      }
      arrays.push_back(std::move(array));
    }
    return arrays;
  }

  static Arrays run(const backends::Executable& executable, Arrays& arrays) {
    std::vector<Array*> pointers;
    for (Array& array : arrays) pointers.push_back(&array);
    return executable.run(pointers);
  }

  /// True if the code gives the interpreter's bits for arguments of these sizes.
  bool agrees(const Sizes& sizes, unsigned seed = 1) const {
    Arrays mine = draw(sizes, seed), theirs = mine;
    const Arrays found = run(*code, mine), expected = run(*reference, theirs);
    if (found.size() != expected.size()) return false;
    for (size_t i = 0; i < found.size(); ++i)
      if (!fuzz::same_bits(found[i], expected[i])) return false;
    return true;
  }

  std::unique_ptr<backends::Executable> code, reference;

 private:
  Compiled(const ir::Module& module, const codegen::CompileOptions& options)
      : Compiled(*module.functions[0], options) {}
};

/// An LSTM over T steps of B rows, from 3 inputs to 5 states: all steps, and the last h.
inline constexpr const char* kLstm = R"(
func @lstm(%x: f32[T,B,3], %W: f32[3,20], %U: f32[5,20], %b: f32[20], %h0: f32[B,5], %c0: f32[B,5]) -> (f32[T,B,5], f32[B,5]) {
  %hT, %cT, %ys = scan T index(%t) over(%xt = %x) carry(%h = %h0, %c = %c0) use(%w = %W, %u = %U, %bb = %b) {
    %zx = dot %xt, %w contract([1],[0])
    %br = broadcast %bb dims([1]) : f32[B,20]
    %zb = add %zx, %br
    %zh = dot %h, %u contract([1],[0])
    %z  = add %zb, %zh
    %zi, %zf, %zg, %zo = split %z dim(1) sizes([5,5,5,5])
    %i = sigmoid %zi
    %f = sigmoid %zf
    %g = tanh %zg
    %o = sigmoid %zo
    %fc = mul %f, %c
    %ig = mul %i, %g
    %c1 = add %fc, %ig
    %tc = tanh %c1
    %h1 = mul %o, %tc
    yield carry(%h1, %c1) stack(%h1)
  }
  return %ys, %hT
})";

}  // namespace rondo::test
