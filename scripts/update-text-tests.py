#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites the generated CHECK lines of text tests from what the tools print today; review then reads the diff.

A test takes part if its first two lines are
    // RUN: rondo-opt --some-pass %s | FileCheck %s
    // CHECKS: generated
What is printed of a function is checked line by line, below that function. A function that the tool added is checked
below the one that it was printed after.

usage: scripts/update-text-tests.py [--bin build/release/bin] [TEST...]      all of tests/ if none is named
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN = re.compile(r"// RUN: (?P<command>.+\S)\s*\|\s*FileCheck %s$")
CHECK = re.compile(r"\s*// CHECK(-LABEL|-NEXT)?:")
FUNCTION = re.compile(r"func (@[^\s(]+)")


def functions(lines):
    """Name -> lines, of each function in the text; a function ends with a brace in the first column."""
    found, current = {}, None
    for line in lines:
        if match := FUNCTION.match(line):
            current = found.setdefault(match[1], [])
        if current is not None:
            current.append(line)
            if line.startswith("}"):
                current = None
    return found


def checks(function):
    """The CHECK lines of one printed function."""
    literal = [line.replace("{{", "{{[{][{]}}").replace("[[", "{{[[][[]}}") for line in function]
    return [f"// CHECK-LABEL: {literal[0]}"] + [f"// CHECK-NEXT:  {line}" for line in literal[1:]]


def updated(lines, printed):
    """The test's lines with the CHECK lines of the printed text."""
    source = [line for line in lines if not CHECK.match(line)]
    names = functions(source)
    below, last = {}, None  # function of the test -> CHECK lines
    for name, function in functions(printed).items():
        last = name if name in names or last is None else last
        below.setdefault(last, []).extend(checks(function))

    result, current = [], None
    for line in source:
        if match := FUNCTION.match(line):
            current = match[1]
        result.append(line)
        if line.startswith("}") and current:
            result.extend(below.pop(current, []))
            current = None
    return result + [line for rest in below.values() for line in rest]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    arguments.add_argument("tests", type=pathlib.Path, nargs="*", metavar="TEST")
    options = arguments.parse_args()
    environment = os.environ | {"PATH": f"{options.bin.resolve()}:{os.environ['PATH']}"}

    for test in options.tests or sorted((ROOT / "tests").rglob("*.rondo")):
        lines = test.read_text().splitlines()
        if len(lines) < 2 or lines[1] != "// CHECKS: generated":
            if options.tests:
                sys.exit(f'{test}:2: expected "// CHECKS: generated"')
            continue
        run = RUN.match(lines[0])
        if not run or sum("// RUN:" in line for line in lines) != 1:
            sys.exit(f'{test}:1: expected one RUN line that ends in "| FileCheck %s"')
        command = run["command"].replace("%s", str(test.resolve()))
        tool = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True)
        if tool.returncode:
            sys.exit(f"{test}: {command}\n{tool.stderr}")
        result = updated(lines, tool.stdout.splitlines())
        if result != lines:
            test.write_text("\n".join(result) + "\n")
            print(f"updated {test}")


if __name__ == "__main__":
    main()
