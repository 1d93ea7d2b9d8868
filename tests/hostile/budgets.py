# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that verify and would take a machine's time or memory: each ends soon, and with a message that names the
budget, what was found, and the way out. Usage: budgets.py FOLDER_OF_TOOLS"""

import sys

import programs
import tools
from tools import check, run

SECONDS = 30
OPT, RUN = (f"{sys.argv[1]}/{name}" for name in ("rondo-opt", "rondo-run"))
LOWER = ["--" + name for name in ("drop-identities", "layout-dots", "remove-dead-code", "expand-math", "fuse", "plan-memory")]


def refused(what, tool, *args, text, message):
    """The whole of stderr is one line with these words."""
    outcome = run(tool, *args, text=text)
    lines = outcome.message.splitlines()
    good = outcome.code == 1 and len(lines) == 1 and len(lines[0]) < 1000 and outcome.seconds < SECONDS
    check(good and all(part in lines[0] for part in message), what, outcome)


def done(what, tool, *args, text):
    outcome = run(tool, *args, text=text)
    check(outcome.code == 0 and outcome.seconds < SECONDS, what, outcome)
    return outcome


def run_args(backend, sizes=""):
    return [f"--backend={backend}", "--fill=normal", *([f"--bind={sizes}"] if sizes else [])]


def passes():
    made = "more than 1048576 ops, what a pass may make of a function"
    for length in (10**6, 10**9, 10**18):
        refused(f"unroll {length}", OPT, "--unroll", text=programs.scan(length, 1),
                message=[f"@f: %d: unroll: {length} copies of about 6 ops", made, "leave this scan a loop"])
    refused("unroll nested scans", OPT, "--unroll", text=programs.scan(10, 20), message=["unroll: 10 copies", made])
    refused("expand-math of many functions", OPT, "--expand-math", text=programs.chain(50000, "tanh %{}"),
            message=["expand-math: the formulas of its functions", made, "put what repeats into a scan"])
    done("fuse copies little", OPT, "--fuse", text=programs.copied_into_each(3000, 3000))
    refused("vjp of nested scans", OPT, "--vjp=f", text=programs.scan(10, 20),
            message=["vjp: a scan of 10 steps would have to keep", "does not fit 64 bits", "nest fewer scans"])
    refused("vjp of scans nested to the limit", OPT, "--vjp=f", text=programs.scan(2, 64),
            message=["vjp: a scan of 2 steps would have to keep", "more than 32 dims"])


def nesting():
    for name, make in (("scans", lambda deep: programs.scan(2, deep)), ("conds", programs.conds)):
        text = make(64)
        for args in ([], LOWER, ["--canonicalise"], ["--jvp=f"], ["--fuse"]):
            done(f"64 {name} {args}", OPT, "--verify-each", *args, text=text)
        refused(f"65 {name}", OPT, text=make(65), message=["error: graph_c3: regions nest deeper than 64"])
    done("vjp of 64 conds", OPT, "--vjp=f", text=programs.conds(64))


def sizes():
    refused("2^70 duplicates", OPT, text=programs.doubled(70), message=["type_c3: the result", "does not fit 64 bits"])
    for backend in ("reference", "llvm"):
        refused(f"2^40 duplicates on {backend}", RUN, *run_args(backend, "B=4"), text=programs.doubled(40),
                message=["bytes", "this machine has" if backend == "reference" else "the limit is"])
        refused(f"broadcast to 2^40 on {backend}", RUN, *run_args(backend), text=programs.broadcast(1 << 40),
                message=["4398046511104 bytes", "this machine has" if backend == "reference" else "the limit is"])
    terms = "+".join(f"a{i}" for i in range(60))
    head = ", ".join(f"%a{i}: f32[a{i}]" for i in range(60))
    refused("a product of long sums", OPT, text=programs.function(f"{head}, %x: f32[{terms},{terms}]", "f32[]", [], "%x"),
            message=["type_c3", "a size has more than 64 terms"])
    refused("a high power", OPT, text=programs.function("%x: f32[B," + "*".join(["B"] * 33) + "]", "f32[]", [], "%x"),
            message=["a size multiplies more than 32 symbols"])
    refused("a coefficient", OPT, text=programs.function("%x: f32[B,9223372036854775807*B]", "f32[]", [], "%x"),
            message=["does not fit 64 bits"])
    refused("many guards", OPT, message=["func_c4: a function has more than 256 guards"],
            text=programs.chain(1).replace("{", "where " + ", ".join(["require B <= 2*B"] * 300) + " {", 1))
    refused("a long name", OPT, text=programs.chain(1).replace("v0", "v" * 10**6), message=["has 1000000 bytes, more than 255"])
    refused("a long list", OPT, text=programs.chain(1, "transpose %{} perm([" + "0," * 10**5 + "0])"), message=["transpose_c1"])


def compiling():
    refused("a call for each of many ops", RUN, *run_args("llvm", "B=2"), message=["more than the 32768", "put what repeats"],
            text=programs.function("%x: f32[B], %i: i32[B]", "f32[B]",
                                   [f"  %v{i + 1} = gather %{f'v{i}' if i else 'x'}, %i axis(0) batch_dims(0)"
                                    for i in range(40000)], "%v40000"))
    refused("many ops", RUN, *run_args("llvm", "B=2"), text=programs.chain(300000),
            message=["@f: it has 300000 ops, more than the 262144 that machine code is made for"])
    refused("many operands", RUN, *run_args("llvm", "B=2"), text=programs.concat(2000),
            message=["concat has 2000 operands and 1 results, together more than the 1024", "do it in stages"])


def endless():
    for backend in ("reference", "llvm"):
        outcome = run(RUN, *run_args(backend), text=programs.endless(), interrupt_after=1)
        check(outcome.code == -2, f"a loop without end on {backend}, interrupted", outcome)  # a shell says 130


for group in (passes, nesting, sizes, compiling, endless):
    group()
tools.finish()
