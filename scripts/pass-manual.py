#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the part of docs/passes.md that says what each pass does: the head comments of passes/*.cpp, in the order of
passes/passes.def. With --check it writes nothing, and fails if the page is out of date."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
PAGE = root / "docs/passes.md"
MARK = "## Every pass\n"
ROW = re.compile(r'^PASS\((\w+), (exact|reassoc|rounds), "(.*)"\)$', re.MULTILINE)
PART = re.compile(r"^(Before|After|Legal|A loss|Needs): +", re.MULTILINE)


def head_comment(source):
    """The comment below the licence line, without its slashes, and without what the pass says of itself first."""
    lines = []
    for line in source.read_text().splitlines()[1:]:
        if not line.startswith("//"):
            break
        lines.append(line[2:].removeprefix(" "))
    return "\n".join(lines)


def section(name, bits, summary):
    comment = head_comment(root / "passes" / f"{name}.cpp")
    first = PART.search(comment)
    legal = re.search(r"^Legal: +", comment, re.MULTILINE)
    what = comment[: first.start()].strip().split(": ", 1)[1]
    code, _, rest = comment[first.start() : legal.start()].partition("\n\n")
    prose = [" ".join(block.split()) for block in PART.sub(r"\n\n\g<0>", comment[legal.start() :]).split("\n\n")]
    lines = [f"### {name.replace('_', '-')} ({bits})", "", what[0].upper() + " ".join(what.split())[1:], "", "```", code.rstrip(), "```", ""]
    if rest.strip():
        lines += [" ".join(rest.split()), ""]
    for block in filter(None, prose):
        label = PART.match(block)
        if label is None:
            continue  # how it works: for those who read the source
        text = block[label.end() :]
        lines.append(f"- **{label[1]}**: {text}")
    return "\n".join(lines) + "\n"


def main():
    written = PAGE.read_text().split(MARK)[0]
    rows = ROW.findall((root / "passes/passes.def").read_text())
    page = written + MARK + "\n" + "\n".join(section(*row) for row in rows)
    if "--check" in sys.argv[1:]:
        if page != PAGE.read_text():
            sys.exit("docs/passes.md:1: it does not say what the passes say of themselves; run scripts/update-manual.sh")
    else:
        PAGE.write_text(page)


main()
