#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs what it takes to build and test Rondo on Debian 12: only what is missing, so a second run asks apt nothing.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache git python3    # build
  llvm-19-dev libdnnl-dev                     # backends
  libcli11-dev nlohmann-json3-dev             # command lines, JSON
  libxxhash-dev                               # checksums in weight files
  doctest-dev llvm-19-tools clang-format-19   # tests: unit, text (lit, FileCheck), format
  patch                                       # tests: the change that a page of docs ends in
)

fail() {
  echo "setup.sh: $1" >&2
  exit 1
}

installed() { [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

# The title classifier trains on apt's package lists, which a fresh system may not have fetched yet.
have_lists() { [[ -n "$(apt-cache dumpavail | head -c 1)" ]]; }

command -v dpkg-query >/dev/null ||
  fail "this is not Debian; install the counterparts of: ${packages[*]}"

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done

if [[ ${#missing[@]} -eq 0 ]] && have_lists; then exit 0; fi

wanted="${missing[*]:-package lists}"
as_root=()
if [[ $EUID -ne 0 ]]; then
  command -v sudo >/dev/null || fail "run as root, or install sudo; needed from apt: $wanted"
  as_root=(sudo)
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}
apt_fail() {
  cat "$log" >&2
  fail "$1; what apt said stands above"
}

echo "setup: fetching from apt: $wanted"
# An update that reached no server still counts as a success for apt-get.
apt update && have_lists || apt_fail "no package lists"
if [[ ${#missing[@]} -gt 0 ]]; then
  apt install --yes --no-install-recommends "${missing[@]}" || apt_fail "the packages were not installed"
fi
