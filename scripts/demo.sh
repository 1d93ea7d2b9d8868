#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Trains the title classifier on this system's package lists. Arguments go to the program: scripts/demo.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="/usr/bin:$PATH" # Debian's cmake and ninja, whatever else is installed

scripts/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release --target classify
exec build/release/bin/classify "$@"
