#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Holds docs/dsl.md against frontend/include/rondo/*.h: every public name stands on the page, as code.

Public are functions, types and enumerators of all namespaces but `detail`, and the public members of types; and the
element-wise functions, which come from the rows in ir/ops/elementwise.def. Prints what is missing, as file: name.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent

SCOPE = re.compile(r"\b(namespace|class|struct|enum class) ([\w:]+)[^()=]*$")


def plain(text):
    """Without comments, preprocessor lines, literals and what stands in template brackets."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    before = None
    while text != before:
        before, text = text, re.sub(r"<[^<>;(){}]*>", "", text)
    return text


def declared(chunk, in_type):
    """The names that a declaration gives: of a function or an alias, or of the fields of a type."""
    chunk = re.sub(r"\brequires\b.*", "", chunk, flags=re.S)
    if re.search(r"\b(using namespace|friend|static_assert)\b|\boperator", chunk):
        return []
    alias = re.match(r"\s*using (\w+) =", chunk)
    call = re.match(r"[^=(]*?(~?\b\w+)\s*\(", chunk)
    if alias or call:
        return [] if call and call[1].startswith("~") else [(alias or call)[1]]
    field = re.match(r"\s*[\w:]+[\s&*]+(\w+\s*(?:=|,|$).*)", chunk, flags=re.S)
    return re.findall(r"(\w+)\s*(?:=|,|$)", re.sub(r"=[^,]*", "=", field[1])) if in_type and field else []


def names(text):
    """All public names of a header: a walk from brace to brace, with the scopes that are open."""
    scopes, found, start = [], set(), 0
    for mark in re.finditer(r"[{};]|\b(?:public|private):", text):
        chunk, start = text[start : mark.start()], mark.end()
        kinds = [kind for kind, _ in scopes]
        is_public = "hidden" not in kinds
        scope = SCOPE.search(chunk) if mark[0] == "{" else None
        if is_public and kinds[-1:] == ["enum class"]:
            found.update(re.findall(r"\w+", chunk))
        elif is_public and scope and scope[1] != "namespace" and "::" not in scope[2]:
            found.add(scope[2])
        elif is_public and not scope:
            found.update(declared(chunk, kinds[-1:] == ["struct"]))
        if mark[0] == "{":
            hidden = not scope or scope[2].endswith("detail") or scope[1] == "class"
            scopes.append(("hidden" if hidden else scope[1], scope))
        elif mark[0] == "}":
            scopes.pop()
        elif mark[0] != ";":
            scopes[-1] = ("struct" if mark[0] == "public:" else "hidden", None)
    return {name for name in found if not name.endswith("_")}


def main():
    code = " ".join(re.findall(r"```.*?```|`[^`\n]+`", (ROOT / "docs/dsl.md").read_text(), flags=re.S))
    known = set(re.findall(r"\w+", code))
    wanted = {path.name: names(plain(path.read_text())) for path in (ROOT / "frontend/include/rondo").glob("*.h")}
    rows = (ROOT / "ir/ops/elementwise.def").read_text()
    wanted["elementwise.def"] = set(re.findall(r"^(?:UNARY|BINARY|TERNARY)\((\w+),", rows, flags=re.M))
    missing = [f"{path}: {name} is not in docs/dsl.md" for path in sorted(wanted) for name in sorted(wanted[path] - known)]
    print("\n".join(missing) or f"docs/dsl.md names all {sum(map(len, wanted.values()))} public names")
    if "--list" in sys.argv:
        for path in sorted(wanted):
            print(path, *sorted(wanted[path]))
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
