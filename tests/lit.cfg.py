# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text tests: every tests/**/*.rondo file with RUN lines, run by lit and judged by FileCheck."""

import os
import re

import lit.formats

config.name = "rondo"
config.suffixes = [".rondo"]
config.test_format = lit.formats.ShTest(execute_external=False)
config.test_source_root = os.path.dirname(__file__)

# Full paths, so that a failing command can be pasted into a shell as it was printed.
tools = {name: config.rondo_bin for name in ("rondo-opt", "rondo-run", "rondo-fuzz", "rondo-bench", "planted-opt", "planted-fuzz")}
tools |= {name: config.llvm_bin for name in ("FileCheck", "not")}
for name, folder in tools.items():
    as_command = rf"(?<![^\s|;&(]){re.escape(name)}(?=\s|$)"
    config.substitutions.append((as_command, os.path.join(folder, name)))
