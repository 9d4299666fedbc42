"""What an installation takes: packages, megabytes, and the seconds from a start of the fake to its first answer.

Each row is a new environment in which pip has installed the project with some extras, and nothing else. Times are
medians. Needs the package index, and Linux.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from _load import cpu_seconds, resident
from _requests import OPEN
from _servers import Server, running

ROOT = Path(__file__).parents[1]
STARTS = 9
CORE = "1"


class Installation(NamedTuple):
    """What was measured of an environment; sizes in megabytes of 10**6 bytes, times in seconds."""

    packages: int
    size: float
    start: float
    processor: float
    memory: float


def measured(extras: str, folder: Path) -> Installation:
    """Install the project with extras, such as `[redis]`, into a new environment, and start the fake in it."""
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    _run(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", f"{ROOT}{extras}")
    (site,) = folder.glob("lib/python*/site-packages")
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
    program = str(folder / "bin" / "ltx-mock")
    server = Server("ltx-mock", lambda port, _: (program, "serve", "--port", str(port), *OPEN, "--quiet"))
    starts, processor, memory = [], [], 0.0
    for _ in range(STARTS):
        with running(server, CORE) as served:
            processor.append(cpu_seconds(served.pid))
            starts.append(served.first_answer)
            memory = resident(served.pid) / 1e6
    return Installation(len(list(site.glob("*.dist-info"))), size, median(starts), median(processor), memory)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(extras: Sequence[str] = ("", "[redis]", "[test]")) -> None:
    """Print a table of the installations."""
    print("| | packages | MB on disk | s to the first answer | s of processor time | MB of memory |")
    print("|---|---|---|---|---|---|")
    for extra in extras:
        with tempfile.TemporaryDirectory() as folder:
            each = measured(extra, Path(folder) / "environment")
        figures = f"{each.packages} | {each.size:.0f} | {each.start:.2f} | {each.processor:.2f} | {each.memory:.0f}"
        print(f"| `ltx-mock{extra}` | {figures} |", flush=True)


if __name__ == "__main__":
    main()
