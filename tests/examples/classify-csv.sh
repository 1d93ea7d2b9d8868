#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The title classifier on texts of the user's own: it learns from a CSV file in the form of AG News, answers titles,
# is stopped in the middle, and is given what it can't take. Arguments: the program, a folder to write in.
set -euo pipefail
classify="$(realpath "$1")"
folder="$2"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

die() {
  echo "classify-csv.sh: $1" >&2
  tail -n 20 ./*.log >&2
  exit 1
}
# expect FILE TEXT: a line of the file contains the text.
expect() { grep --quiet --fixed-strings -- "$2" "$1" || die "$1 does not say: $2"; }

# 800 rows of four labels, each with words of its own, in all the ways to write them: commas, doubled quotes, line
# breaks, CRLF; a heading, a bad row, no end of the last line.
awk 'BEGIN {
  srand(1)
  split("World Sports Business Sci/Tech", labels, " ")
  split("treaty election border minister|striker goalkeeper league stadium|shares profit merger investors|telescope software chip orbit", topics, "|")
  split("the a of in new after says again today more", common, " ")
  printf "Class Index,Title,Description\n"
  for (row = 1; row <= 800; row++) {
    label = row % 4 + 1
    split(topics[label], words, " ")
    title = description = ""
    for (i = 0; i < 4; i++) title = title (i ? " " : "") (i % 2 ? words[int(rand() * 4) + 1] : common[int(rand() * 10) + 1])
    for (i = 0; i < 8; i++) description = description (i ? (i % 3 ? " " : ", ") : "") common[int(rand() * 10) + 1]
    printf "%s", labels[label]
    if (row == 3) { printf ",too few\n"; continue }
    if (row % 5 == 0) printf ",\"%s \"\"%d\"\"\",\"%s\n%s\"\r\n", title, row, description, words[1]
    else if (row == 800) printf ",%s %d,%s", title, row, words[2]
    else printf ",%s %d,\"%s\"\n", title, row, description
  }
}' > news.csv

for flags in "" "--bidirectional --layers 2"; do
  # shellcheck disable=SC2086
  "$classify" --data news.csv --out trained --hidden 32 --epochs 30 $flags >trained.log 2>errors.log || die "training failed"
  expect errors.log "classify: 'news.csv': line 4: expected 3 fields, as in line 1, found 2; the row is left out"
  expect trained.log ", 4 labels, "
  accuracy="$(awk '/^test accuracy/ { print int($3) }' trained.log)"
  [[ $accuracy -ge 95 ]] || die "test accuracy $accuracy %"
  printf 'Election at the BORDER\n\nminister\ngoalkeeper in the stadium\r\nshares, profit\nchip in orbit' |
    "$classify" --predict --out trained >answers.log
  awk -F '\t' 'NF != 2 || $2 < 0.25 || $2 > 1 { exit 1 }' answers.log || die "these are no answers"
  [[ "$(sed 2d answers.log | cut -f 1 | tr '\n' ' ')" == "World World Sports Business Sci/Tech " ]] || die "wrong answers"
done

# A signal in the middle of training: the weights are saved, and answer.
: >progress.log
"$classify" --data news.csv --out stopped --hidden 16 --epochs 1000 >stopped.log 2>progress.log &
until grep --quiet "epoch 1/" progress.log; do
  kill -0 $! || die "training ended early"
  sleep 0.05
done
kill -TERM $!
status=0
wait $! || status=$?
[[ $status -eq 143 ]] || die "status $status after SIGTERM"
expect stopped.log "stopped after"
echo minister | "$classify" --predict stopped/model.safetensors >answers.log || die "the weights of a stopped training do not answer"

# fails STATUS TEXT ARGUMENTS: the program ends with this status and this error.
fails() {
  local expected="$1" text="$2" status=0
  shift 2
  "$classify" "$@" </dev/null >answers.log 2>errors.log || status=$?
  [[ $status -eq $expected ]] || die "status $status, expected $expected, of: $*"
  expect errors.log "$text"
}
fails 1 "classify: 'nowhere/model.safetensors': can't open: No such file or directory" --predict --out nowhere
fails 1 "classify: 'news.csv': byte 0: expected a header of at most" --predict news.csv
fails 1 "classify: 'none.CSV': can't open: No such file or directory" --data none.CSV
printf 'a,b\nc,"d\n' >open.csv
fails 1 "classify: 'open.csv': line 2: the quote that opens field 2 is not closed" --data open.csv
fails 2 "excludes --predict" --predict --layers 2
fails 2 "--layers" --layers 0
