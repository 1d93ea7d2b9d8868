#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The title classifier as a program: what it writes, what it says of wrong input, how Ctrl-C ends it.
# usage: classify.sh PROGRAM FOLDER
set -euo pipefail
program=$(realpath "$1")
rm -rf "$2"
mkdir -p "$2"
cd "$2"

# Ends the test if the run's exit code, standard output or standard error is not as expected: an extended regular
# expression that all of it matches, the line ends as spaces.
run() { # code out err [arguments]
  local code=0
  timeout 60 "$program" "${@:4}" > out.txt 2> err.txt || code=$?
  expect "$1" "$code" "exit code" "${@:4}"
  expect "$2" "$(tr '\n' ' ' < out.txt)" "standard output" "${@:4}"
  expect "$3" "$(tr '\n' ' ' < err.txt)" "standard error" "${@:4}"
}
expect() { # pattern found what [arguments]
  [[ $2 =~ ^($1)$ ]] || {
    printf '%s of: classify %s\nexpected: %s\nfound: %s\n' "$3" "${*:4}" "$1" "$2" >&2
    exit 1
  }
}

# One message and nothing else.
: > empty
printf 'Package: a\nSection: doc\nDescription: x\n' > useless
run 1 '' "classify: can't open 'missing': No such file or directory " --data missing
run 1 '' "classify: can't open '': No such file or directory " --data ''
run 1 '' "classify: 'empty' is empty " --data empty
run 1 '' "classify: 'useless' holds no record to train on: .*" --data useless
run 1 '' "classify: '.' is not a file of package records " --data .
run 2 '' '--seed: Value -1 not in range .*' --data useless --seed -1
run 2 '' '--hidden: Value 0 not in range 1 to 4096 .*' --data useless --hidden 0
run 2 '' '--backend: gpu not in .*' --data useless --backend gpu
run 2 '' "--dots: the backend 'reference' computes dots itself .*" --data useless --backend reference --dots onednn
[[ ! -e out ]]

# 300 titles of two sections that one word tells apart; some hold what a terminal would obey.
for ((i = 0; i < 150; ++i)); do
  printf 'Package: g%d\nSection: games\nDescription: play number%d \e[31m\n\n' "$i" "$i"
  printf 'Package: s%d\nSection: universe/sound\nDescription: Hear number%d\n and more\n\n' "$i" "$i"
done > titles
small=(--data titles --hidden 8 --epochs 20)
lines='epoch 1/20 +[0-9]+%  loss [0-9.]+  accuracy [0-9.]+ %  [0-9,]+ titles/s  [0-9:]+ left .*epoch 20/20  100%  .*'
run 0 '[0-9]+ titles to train on, [0-9]+ to test, .*test accuracy 100\.0 % .*' "$lines" "${small[@]}" --out llvm
grep -q '^trained 20 epochs in .* s, of which [0-9]* ms compiled the training step$' out.txt
grep -q '^  play number[0-9]* \\x1b\[31m  *games  *games [0-9]* %  ' out.txt
[[ -s llvm/ir/000-trace.rondo ]]
run 0 '.*' '.*' "${small[@]}" --backend reference --out reference
cmp llvm/model.safetensors reference/model.safetensors # both backends train with the same bits
run 0 '.*' '.*' "${small[@]}" --seed 2 --out other
if cmp -s llvm/model.safetensors other/model.safetensors; then
  echo "seeds 1 and 2 gave the same weights" >&2
  exit 1
fi

# A folder that can't be written to is found before the training.
touch taken
run 1 '.*' "classify: --out: can't write to the folder 'taken': Not a directory " "${small[@]}" --out taken

# What was printed is lost only with a message; the weights are there all the same.
code=0
"$program" "${small[@]}" --out full > /dev/full 2> err.txt || code=$?
expect 1 "$code" "exit code with a full disk"
expect 'classify: standard output: No space left on device' "$(tail -1 err.txt)" "last words"
[[ -s full/model.safetensors ]]

# Ctrl-C saves, whenever it comes once training has begun.
rm err.txt
set -m # else a process in the background ignores it
"$program" --data titles --epochs 1000 --out stopped > out.txt 2> err.txt &
until [[ -s err.txt ]] || ! kill -0 $!; do sleep 0.05; done # a line of progress
kill -INT $!
code=0
wait $! || code=$?
expect 130 "$code" "exit code after Ctrl-C"
expect '.*weights, vocabulary and labels: stopped/model.safetensors .*stopped after [0-9.]+ s ' \
  "$(tr '\n' ' ' < out.txt)" "standard output after Ctrl-C"
[[ -s stopped/model.safetensors ]]
