"""The load generator wrk (Debian: wrk), which costs less than what it measures, pinned to a core of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

CONNECTIONS = 32
SCRIPT = Path(__file__).with_name("wrk.lua")


class Cores(NamedTuple):
    """The core of the load generator and that of the server, as `taskset -c` takes them."""

    load: str
    server: str


class Load(NamedTuple):
    """What a run measured: requests, requests a second, and latencies in milliseconds."""

    requests: int
    rate: float
    p50: float
    p99: float


def two_cores() -> Cores:
    """Return two cores of this machine; exit if there is only one."""
    free = sorted(os.sched_getaffinity(0))
    if len(free) < 2:
        raise SystemExit("these benchmarks need two cores: one for the load generator, one for the server")
    return Cores(str(free[0]), str(free[1]))


def drive(port: int, targets: Sequence[str], body: bytes, seconds: float, core: str) -> Load:
    """Send requests for so many seconds, and exit if one fails.

    Args:
        port: of the server on 127.0.0.1.
        targets: each an API key, a blank and a path; they take turns.
        body: JSON to POST; with an empty one the requests are GETs.
        seconds: whole seconds, at least 1.
        core: the core of wrk.
    """
    with tempfile.TemporaryDirectory() as folder:
        named = [Path(folder) / "targets"]
        named[0].write_text("".join(f"{each}\n" for each in targets))
        if body:
            named.append(Path(folder) / "body")
            named[1].write_bytes(body)
        load = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}", "--timeout=10", "-s", str(SCRIPT))
        command = ("taskset", "-c", core, *load, f"http://127.0.0.1:{port}", "--", *map(str, named))
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = output.rpartition("result ")[2].split()
    requests, microseconds, failed, p50, p99 = map(int, result)
    if failed or not requests:
        raise SystemExit(f"{failed} of {requests} requests failed:\n{output}")
    return Load(requests, requests / microseconds * 1e6, p50 / 1000, p99 / 1000)
