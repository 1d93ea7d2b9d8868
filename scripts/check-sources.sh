#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What the compiler does not check: format, licence lines, file length, the direction of includes, and what passes
# have, and whether their page says so. Prints every offence as file:line: message and fails if there was one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folders=()
for folder in ir runtime passes backends frontend tools examples bench tests scripts; do
  if [[ -d $folder ]]; then folders+=("$folder"); fi
done
mapfile -t cpp < <(find "${folders[@]}" -name '*.cpp' -o -name '*.h' -o -name '*.def' | sort)
mapfile -t other < <(
  printf '%s\n' CMakeLists.txt .ci/run
  find "${folders[@]}" -name CMakeLists.txt -o -name '*.sh' -o -name '*.py' -o -name '*.py.in' | sort
)
# The rows of a .def file are tables, which clang-format cannot lay out.
mapfile -t formatted < <(printf '%s\n' "${cpp[@]}" | grep -v '\.def$')

licences() {
  local licence='SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception'
  grep --files-without-match -- "$licence" "$@" | sed "s/\$/:1: the line \"$licence\" is missing/" || true
}

lengths() {
  awk -v max=500 'FNR == max + 1 { print FILENAME ":" FNR ": more than " max " lines; split the file by topic" }' "$@"
}

include_directions() {
  awk '
    # folder -> the folders it may include from. The public headers <rondo/x.h> belong to frontend.
    BEGIN {
      allowed["runtime"] = "runtime"
      allowed["ir"] = "ir"
      allowed["passes"] = "passes ir"
      allowed["backends"] = "backends passes ir runtime"
      allowed["frontend"] = "frontend rondo " allowed["backends"]
      all = allowed["frontend"] " tools examples bench tests"
      allowed["tools"] = allowed["examples"] = allowed["bench"] = allowed["tests"] = all
      split(all, names, " ")
      for (i in names) ours[names[i]] = 1
      home["llvm"] = home["llvm-c"] = "backends/llvm"
      home["dnnl"] = home["oneapi"] = "backends/onednn"
    }
    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
      match($0, /["<][^">]*/)
      quoted = substr($0, RSTART, 1) == "\""
      path = substr($0, RSTART + 1, RLENGTH - 1)
      split(FILENAME, from, "/")
      split(path, to, /[\/.]/)
      where = FILENAME ":" FNR ": "
      if (to[1] in home) {
        # The tests of a kernel emit the code that calls it.
        if (index(FILENAME, home[to[1]] "/") != 1 && index(FILENAME, "tests/backends/") != 1) print where "only " home[to[1]] " and its tests may include <" path ">"
      } else if (to[1] in ours && index(path, "/")) {
        if (!index(" " allowed[from[1]] " ", " " to[1] " "))
          print where from[1] " may not include from " to[1] "; it may from: " allowed[from[1]]
      } else if (quoted) {
        print where "write the include of \"" path "\" from the repository root"
      }
    }
  ' "$@"
}

# What every pass has: a head comment of five parts, and a text test.
passes() {
  local name part
  for name in $(sed -n 's/^PASS(\([a-z_]*\),.*/\1/p' passes/passes.def); do
    for part in "${name//_/-}: " 'Before: ' 'After: ' 'Legal: ' 'A loss: ' 'Needs: '; do
      sed '/^#include/q' "passes/$name.cpp" | grep --quiet "^// $part" ||
        echo "passes/$name.cpp:2: the head comment lacks a line \"// $part..\""
    done
    [[ -f tests/passes/${name//_/-}.rondo ]] || echo "passes/$name.cpp:1: there is no tests/passes/${name//_/-}.rondo"
  done
  scripts/pass-manual.py --check 2>&1 || true
}

offences="$(
  licences "${cpp[@]}" "${other[@]}"
  lengths "${cpp[@]}" "${other[@]}"
  include_directions "${cpp[@]}"
  passes
)"
if [[ -n $offences ]]; then echo "$offences" >&2; fi
clang-format-19 --dry-run -Werror "${formatted[@]}" && [[ -z $offences ]]
