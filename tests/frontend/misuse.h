// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tests/frontend/helpers.h"

// Mistakes in the use of the language. Each message names the user's line, the shapes and the way out.
namespace rondo::testing {

inline std::string place(const char* file, int line) { return file + (":" + std::to_string(line)) + ": "; }

/// The message of compiling a function of x f32[B,4], y f32[4,3], i i32[B].
template <class F>
std::string message(F function) {
  const Dim B("B");
  return error_of([&] { compile(function, {f32[{B, 4}], f32[{4, 3}], i32[{B}]}, kBackend); });
}

}  // namespace rondo::testing

/// `text` is the message behind the place of this very line.
#define CHECK_MISUSE(expression, text)                                                                 \
  CHECK(message([&]([[maybe_unused]] Tensor x, [[maybe_unused]] Tensor y, [[maybe_unused]] Tensor i) { \
          return expression;                                                                           \
        }) == place(__FILE__, __LINE__) + (text))

/// The same of any statement.
#define CHECK_ERROR(statement, text) CHECK(error_of([&] { statement; }) == place(__FILE__, __LINE__) + (text))
