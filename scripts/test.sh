#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Sets up, checks the sources, builds and runs every test. With --asan: the unit tests and the random programs under
# the address and undefined-behaviour sanitizers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="/usr/bin:$PATH" # Debian's cmake and ninja, whatever else is installed

preset=release
labels='unit|text|random|train|hostile'
case "${1-}" in
  '') ;;
  --asan)
    preset=asan
    labels='unit|random'
    ;;
  *)
    echo "usage: scripts/test.sh [--asan]" >&2
    exit 2
    ;;
esac

scripts/setup.sh
scripts/check-sources.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset" --label-regex "^($labels)\$" --no-tests=error --parallel "$(nproc)"
