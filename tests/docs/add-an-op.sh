#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Follows docs/add-an-op.md: applies its change to a copy of the sources in the folder given, builds the tools there, runs
# the function of the page on both backends, and draws random programs with the new op.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$1
page=$source/docs/add-an-op.md

block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" "$page"; }

# Copied anew each time, with the times that files have, so that only what the change touches is built again.
mkdir -p "$work"
for folder in ir passes backends runtime frontend tools; do
  rm -rf "${work:?}/$folder"
  cp -a "$source/$folder" "$work/$folder"
done
cp -a "$source/CMakeLists.txt" "$source/CMakePresets.json" "$work/"
mkdir -p "$work/examples" "$work/bench" "$work/tests"
touch "$work"/{examples,bench,tests}/CMakeLists.txt

block diff > "$work/change.patch"
if [[ $(grep -c '^+++ ' "$work/change.patch") != 1 ]]; then
  echo "the page's change touches more than one file" >&2
  exit 1
fi
patch --quiet --directory="$work" --strip=1 < "$work/change.patch"

# With the flags of every other build: what the change does not touch comes from the cache of the compiler.
cmake -S "$work" --preset release > "$work/configure.log"
cmake --build "$work/build/release" --target rondo-opt rondo-run rondo-fuzz > "$work/build.log" || {
  tail -50 "$work/build.log" >&2
  exit 1
}
bin=$work/build/release/bin

block rondo > "$work/function.rondo"
"$bin/rondo-opt" --list-ops | grep softsign > "$work/listed.log"
"$bin/rondo-opt" "$work/function.rondo" --vjp=f | grep '@f.vjp' > "$work/vjp.log"
"$bin/rondo-run" "$work/function.rondo" --fill=normal --bind B=37 --compare=reference
"$bin/rondo-fuzz" --seed 1 --count 40
