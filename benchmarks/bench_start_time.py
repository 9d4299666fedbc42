"""The real time from the start of a pytest session to the first line of its test, with a tenant and without ltx-mock.

The sessions load the plugins of the environment, as usual. The unit is the time of bare Starlette from its start to its
first answer. A round measures both ways, in the order bare, without, with, with, without, bare, so that a drift of the
machine cancels out; single sessions vary by a third, so take 40 rounds. `bench_start.py` counts instructions instead.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

from _servers import ENVIRONMENT, running, script
from bench_start import CORE

TEST = "import time\nimport httpx\n\ndef test_it({}):\n    open('began', 'w').write(repr(time.monotonic()))\n"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def first_line(fixture: str, *options: str) -> float:
    """Return the milliseconds from the start of a session to the first line of its test."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(TEST.format(fixture))
        started = time.monotonic()
        subprocess.run([*PYTEST, *options], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
        return (float((Path(folder) / "began").read_text()) - started) * 1000


def first_answer() -> float:
    """Return the milliseconds from the start of bare Starlette to its first answer."""
    with running(script("bare Starlette", "bare_starlette.py"), CORE) as bare:
        return bare.first_answer * 1000


def middle(values: list[float]) -> float:
    """Return the mean without the lowest and the highest eighth."""
    cut = len(values) // 8
    return mean(sorted(values)[cut : len(values) - cut])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    more, unit = list[float](), list[float]()
    for _ in range(rounds):
        bare, without, tenant = first_answer(), first_line("", "-p", "no:ltx_mock"), first_line("ltx_mock")
        tenant, without = tenant + first_line("ltx_mock"), without + first_line("", "-p", "no:ltx_mock")
        more.append((tenant - without) / 2)
        unit.append((bare + first_answer()) / 2)
    error = stdev(more) / rounds**0.5
    print(f"a tenant: {middle(more):.0f} ms (± {error:.0f}) more; bare Starlette: {middle(unit):.0f} ms")
    print(f"ratio: {middle(more) / middle(unit):.2f}")


if __name__ == "__main__":
    main()
