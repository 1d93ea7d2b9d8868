#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Mean test accuracy of the title classifier over seeds 1 to 3. Arguments go to the program, as with scripts/demo.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
for seed in 1 2 3; do
  # tee stays through Ctrl-C, so that the classifier can still say where it saved.
  scripts/demo.sh --seed "$seed" "$@" | tee --ignore-interrupts --append "$log"
done
awk '
  /^test accuracy / { list = list " " $3; sum += $3; runs++ }
  END {
    if (runs != 3) { print "accuracy.sh: expected 3 lines \"test accuracy NN.N %\", found " runs + 0; exit 1 }
    printf "seeds 1 to 3:%s; mean test accuracy %.1f %%\n", list, sum / runs
  }
' "$log"
