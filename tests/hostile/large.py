# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Large programs, with a stack of 1 MiB: parsed, verified, printed, differentiated, taken through every pass,
interpreted, compiled where they may be, and freed. Usage: large.py FOLDER_OF_TOOLS GROUP [SHARE]; with a share of 0.05
they are a twentieth as large, and the chain that is differentiated and run, the sum and the concat a fifth, at least."""

import re
import subprocess
import sys

import programs
import tools
from tools import check, run

SHARE = float(sys.argv[3]) if len(sys.argv) > 3 else 1
LARGEST = max(SHARE, 0.2)
OPT, RUN = (f"{sys.argv[1]}/{name}" for name in ("rondo-opt", "rondo-run"))
PASSES = ["--" + line.split()[0] for line in subprocess.run([OPT, "--list-passes"], capture_output=True, text=True,
                                                            check=True).stdout.splitlines()]


def opt(what, *args, text):
    outcome = run(OPT, *args, text=text)
    check(outcome.code == 0, f"{what} {' '.join(args)}", outcome)
    return outcome


def interpret(what, text, sizes, backend="reference"):
    outcome = run(RUN, f"--backend={backend}", "--fill=normal", f"--bind={sizes}", text=text)
    check(outcome.code == 0, f"{what} on {backend}", outcome)
    return outcome


def chain_passes():
    """The passes one after another, so that the text is read once."""
    ops = int(SHARE * 10**6)
    outcome = opt(f"{ops} ops", *PASSES, text=programs.chain(ops, "mul %{}, %x"))
    check(len(re.findall(" buffers", outcome.output)) > ops / 400, f"{ops} ops are planned", outcome)


def chain_derivatives():
    ops = int(LARGEST * 10**6)
    opt(f"{ops} ops", "--vjp=f", "--jvp=f", text=programs.chain(ops))


def chain_run():
    ops = int(LARGEST * 10**6)
    interpret(f"{ops} ops", programs.chain(ops), "B=2")


def wide():
    """10^5 of all that an op, a function or a scan can have many of."""
    n, largest = int(SHARE * 10**5), int(LARGEST * 10**5)
    for name, text, sizes in ((f"a sum of {largest} terms", programs.sum_of_terms(largest), "B=2"),
                              (f"a concat of {largest}", programs.concat(largest), "B=2"),
                              (f"a split into {n}", programs.split(n), "B=2"),
                              (f"{n} parameters", programs.params(n), None),
                              (f"{n} carries", programs.carries(n), "B=2,T=2")):
        yield name, text, sizes


def wide_passes():
    for name, text, _ in wide():
        opt(name, *PASSES, text=text)


def wide_derivatives():
    for name, text, _ in wide():
        opt(name, "--vjp=f", "--jvp=f", text=text)


def wide_run():
    for name, text, sizes in wide():
        if sizes is not None:
            interpret(name, text, sizes)


def compiled():
    """Code is made for so many ops as a budget allows; of so many, soon."""
    interpret("10^4 terms", programs.sum_of_terms(10**4), "B=2", "llvm")
    interpret("10^5 ops", programs.chain(10**5, "mul %{}, %x"), "B=2", "llvm")


globals()[sys.argv[2]]()
tools.finish()
