"""From the start of the command to the first answer, beside an empty Python and a bare Starlette on uvicorn."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from _load import post, serving_script, wait_for_port
from bench_server import BODY, GENERATE

ROUNDS = 9
# As on a usual machine, where the second start finds compiled modules.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def command_to_answer(*options: str) -> float:
    """Seconds from starting `ltx-mock serve`, with more options, to the answer of a first generateTask."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        begun = time.perf_counter()
        program = str(Path(sys.executable).with_name("ltx-mock"))
        command = [program, "serve", "--port", "0", "--quiet", "--ready-file", str(ready), *options]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
            post(wait_for_port(ready, process), GENERATE, BODY)
            seconds = time.perf_counter() - begun
            process.terminate()
    return seconds


def bare_to_answer() -> float:
    begun = time.perf_counter()
    with serving_script("bare_starlette.py") as (port, _):
        post(port, GENERATE, BODY)
        return time.perf_counter() - begun


def python_alone() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - begun


def main() -> None:
    kinds: dict[str, Callable[[], float]] = {
        "python -c ''": python_alone,
        "bare Starlette, first answer": bare_to_answer,
        "ltx-mock serve, first answer": command_to_answer,
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for _round in range(ROUNDS):
        for name, measure in kinds.items():
            seconds[name].append(measure())
    for name, all_ in seconds.items():
        print(f"{name:<32} {median(all_) * 1000:>6.0f} ms   (from {min(all_) * 1000:.0f} to {max(all_) * 1000:.0f})")


if __name__ == "__main__":
    main()
