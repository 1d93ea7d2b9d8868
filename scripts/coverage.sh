#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Which lines of ir, passes and frontend the unit tests, the text tests and 300 random programs run, folder by folder, and
# the files that have the most lines left. Needs gcovr (Debian: gcovr).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="/usr/bin:$PATH" # Debian's cmake and ninja, whatever else is installed

command -v gcovr >/dev/null || { echo "coverage.sh: gcovr is missing; install the package gcovr" >&2; exit 1; }
scripts/setup.sh
cmake --preset coverage
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete
ctest --preset coverage --label-regex '^(unit|text|random)$' --exclude-regex add-an-op --no-tests=error --parallel "$(nproc)"
report="$(gcovr --root . --object-directory build/coverage --exclude-throw-branches --csv --filter '(ir|passes|frontend)/')"
echo "$report" | awk -F, '
  NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
  {
    split($column["filename"], path, "/")
    total[path[1]] += $column["line_total"]
    covered[path[1]] += $column["line_covered"]
    left[$column["filename"]] = $column["line_total"] - $column["line_covered"]
  }
  END {
    for (folder in total) printf "%s: %.1f %% of %d lines\n", folder, 100 * covered[folder] / total[folder], total[folder]
    for (file in left) if (left[file] > 0) print left[file], file | "sort -rn | head -20"
  }'
