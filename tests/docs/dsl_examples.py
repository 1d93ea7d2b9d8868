#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the examples of docs/dsl.md as test cases: dsl_examples.py PAGE OUT.

A block ```cpp stands inside a traced function, a block ```cpp host in the test itself. `Tensor a = ..;  // f32[B]`
checks the type that its comment states.
"""
import re
import sys

PREAMBLE = """// Written from docs/dsl.md by tests/docs/dsl_examples.py.
#include "tests/frontend/helpers.h"

#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-local-typedefs"

using namespace rondo;
using namespace rondo::testing;

namespace {

const Dim T("T"), B("B");

// Traces an example and runs what it updates, on two time steps of three rows.
template <class Example>
void run_example(Example example) {
  const auto f = compile(example, {f32[{B, 4}], f32[{B, 4}], f32[{T, B, 8}], i32[{T, B}], i32[{B}], i32[{B}]}, kBackend);
  using runtime::ElementType;
  const Array x = Array::zeros(ElementType::f32, {3, 4}), sequence = Array::zeros(ElementType::f32, {2, 3, 8}),
              words = Array::zeros(ElementType::i32, {2, 3}), label = ints({3}, {0, 1, 3});
  Weights weights = f.init(1);
  f(weights, x, x, sequence, words, ints({3}, {2, 0, 1}), label);
}

}  // namespace
"""

PARAMETERS = ", ".join(f"[[maybe_unused]] Tensor {name}" for name in ("x", "y", "sequence", "words", "length", "label"))
TYPED = re.compile(r"^\s*(?:const )?Tensor (\w+) = .*;  // ([a-z0-9]+\[[^\]]*\])$")


def blocks(text):
    """(line number, is host, lines) of each block of C++."""
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            if block is not None:
                yield block
                block = None
            elif line in ("```cpp", "```cpp host"):
                block = (number + 1, line.endswith("host"), [])
            elif line != "```":
                sys.exit(f"docs/dsl.md:{number}: a block is ```cpp or ```cpp host, found {line}")
        elif block is not None:
            block[2].append(line)


def test_case(line, is_host, code):
    body = [f'#line {line} "docs/dsl.md"']
    for each in code:
        body.append(each)
        typed = TYPED.match(each)
        if typed:
            body[-1] += f' CHECK({typed[1]}.type().text() == "{typed[2]}");'
            body[-1] = body[-1].replace("  // " + typed[2], "")
    if not is_host:
        body = [f"run_example([]({PARAMETERS}) {{", *body, "return x;", "});"]
    return "\n".join([f'TEST_CASE("docs/dsl.md:{line}") {{', *body, "}"])


def main():
    page, out = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        cases = [test_case(*block) for block in blocks(file.read())]
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join([PREAMBLE, *cases]) + "\n")


if __name__ == "__main__":
    main()
