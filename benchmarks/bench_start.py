"""The instructions of a start, counted by valgrind: what a pytest session with a mock executes more than one without.

A count hardly varies, whatever else the machine does, so it shows a small change. It leaves out the work of the kernel.
The unit is what bare Starlette executes from its start to its first answer.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from _servers import Server, running
from bench_pytest import Suite, installed_mocks, run, starts

VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
COUNT = re.compile(r"I +refs: +([\d,]+)")
BARE = str(Path(__file__).with_name("bare_starlette.py"))
CORE = "0"
BROUGHT = ("-p", "anyio", "-p", "hypothesispytest")
"""The plugins that come with dependencies of `ltx-mock[test]`: pytest loads them too in a usual session."""


def counted(start: Callable[[Sequence[str]], None]) -> int:
    """Return the instructions of a program, given a function that runs it under the words of another."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        start((*VALGRIND, f"--log-file={log}"))
        found = COUNT.search(log.read_text())
    if found is None:
        raise SystemExit("valgrind has not counted")
    return int(found[1].replace(",", ""))


def first_answer(under: Sequence[str]) -> None:
    """Start bare Starlette, and stop it after its first answer."""
    with running(Server("bare Starlette", lambda port, _: (*under, sys.executable, BARE, str(port))), CORE):
        pass


def of_session(suite: Suite, options: Sequence[str]) -> int:
    """Return the instructions of a session of one test; an earlier one has compiled the modules."""
    run(suite, 1, *options)
    return counted(lambda under: run(suite, 1, *options, under=under))


def main() -> None:
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed: apt-get install valgrind")
    first_answer(())
    unit = counted(first_answer)
    sessions = starts(installed_mocks())
    print("| a session of one test, more than without a mock | alone | beside anyio and Hypothesis |\n|---|---|---|")
    columns = [{name: of_session(each, options) for name, each in sessions.items()} for options in ((), BROUGHT)]
    for name in sessions:
        cells = [f"{(column[name] - column['no mock']) / unit:.2f}" for column in columns]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
