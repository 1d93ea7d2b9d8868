# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the tools as a shell after `ulimit -s 1024` would: with a stack of 1 MiB, that of threads included."""

import os
import resource
import signal
import subprocess
import tempfile

STACK = 1 << 20
failures = []


class Outcome:
    def __init__(self, code, output, message, seconds):
        self.code, self.output, self.message, self.seconds = code, output, message, seconds


def run(tool, *args, text, seconds=300, interrupt_after=None):
    """`seconds` of the processor end a run that hangs; Outcome.seconds says how many it took."""
    def limit():
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(text.encode())
        given.seek(0)
        process = subprocess.Popen([tool, "-", *args], stdin=given, stdout=out, stderr=err, preexec_fn=limit)
        if interrupt_after is not None:
            try:
                process.wait(interrupt_after)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Outcome(process.returncode, out.read().decode(), err.read().decode(errors="replace"),
                       usage.ru_utime + usage.ru_stime)


def check(holds, what, outcome):
    if holds:
        return
    failures.append(what)
    print(f"FAILED: {what}: exit {outcome.code} after {outcome.seconds:.1f} s: {outcome.message[:500]}", flush=True)


def finish():
    if failures:
        raise SystemExit(f"{len(failures)} failed")
