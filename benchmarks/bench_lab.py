"""What `check` on the fake, `check-client` on a client that does not wait, and `check-trace` on HAR files cost.

Each is the whole command, from its start to its end. Processor time includes child processes; on a busy machine it
varies less than real time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from _har import write_har
from _load import cpu_seconds, serving
from _servers import ENVIRONMENT

PROGRAM = str(Path(sys.executable).with_name("ltx-mock"))
CLIENT = Path(__file__).parents[1] / "examples" / "python" / "httpx_client.py"
MEGABYTES = (12, 25, 50, 100)


class Cost(NamedTuple):
    """What a command took: real seconds, seconds of processor time, the largest memory of one process in MiB."""

    seconds: float
    cpu: float
    memory: float


def cost_of(*arguments: str, folder: str) -> Cost:
    """Run `ltx-mock` with these arguments; it must find nothing wrong."""
    measured = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=2);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024); sys.exit(code)"
    )
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", measured, PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd=folder,
        check=True,
    )
    cpu, memory = map(float, ran.stdout.split())
    return Cost(time.perf_counter() - began, cpu, memory)


def check(folder: str) -> tuple[Cost, float]:
    """Return the cost of `check`, and the processor time of the fake beside it."""
    with serving("--quiet") as (port, pid):
        before = cpu_seconds(pid)
        cost = cost_of("check", f"http://127.0.0.1:{port}", "--trust-control-plane", folder=folder)
        return cost, cpu_seconds(pid) - before


def show(name: str, cost: Cost, note: str = "") -> None:
    """Print one line of the table."""
    print(f"{name:<44}{cost.seconds:>8.1f}{cost.cpu:>8.1f}{cost.memory:>8.0f}  {note}".rstrip())


def main() -> None:
    """Print the table."""
    print(f"{'':<44}{'s':>8}{'CPU s':>8}{'MiB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        cost, beside = check(folder)
        show("check, default examples", cost, f"the fake beside it: {beside:.1f} CPU s")
        client = [sys.executable, str(CLIENT), "a calm sea"]
        show("check-client, httpx_client.py", cost_of("check-client", "--", *client, folder=folder))
        for page in (True, False):
            for megabytes in MEGABYTES:
                path = Path(folder) / "recording.har"
                entries = write_har(path, megabytes, page=page)
                cost = cost_of("check-trace", str(path), folder=folder)
                kind = "browser" if page else "proxy"
                note = f"{entries} entries, {cost.cpu / megabytes * 1000:.0f} CPU ms a MB"
                show(f"check-trace, {megabytes} MB, of a {kind}", cost, note)


if __name__ == "__main__":
    main()
