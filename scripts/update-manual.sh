#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Rewrites the parts of docs/ir.md and docs/passes.md that are printed from the code: rules and ops, and what passes
# say of themselves.
# usage: scripts/update-manual.sh [build/release/bin]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
manual="$("${1:-build/release/bin}/rondo-opt" --list-ops=markdown)"
written="$(sed '/^## Rules of all functions$/,$d' docs/ir.md)"
printf '%s\n\n%s\n' "$written" "$manual" > docs/ir.md
scripts/pass-manual.py
