"""One advance over very many due callbacks: callbacks a second to a live receiver, seconds for dead ones, memory.

The receivers are a process of their own. Real seconds, since the fake waits for the receivers.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path

from _load import cpu_seconds, drive, request, serving
from _requests import BODY, GENERATE, OPEN

CALLBACKS = 100_000
DEAD = 4
TIMEOUT = 1


@contextmanager
def receiving(silent: int) -> Iterator[list[int]]:
    """Run the receivers and yield their ports."""
    command = [sys.executable, str(Path(__file__).with_name("receivers.py")), str(silent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            process.terminate()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def memory(pid: int, field: str) -> float:
    """Return MiB of a process: `VmRSS`, or `VmHWM` for the highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def advanced(port: int) -> list[dict[str, object]]:
    """Advance the clock over all callbacks and return the events."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/__admin/clock/advance", b'{"seconds": 100000}')
    return json.loads(connection.getresponse().read())["fired"]  # type: ignore[no-any-return]


def advance(name: str, ports: list[int], count: int) -> None:
    """Make callbacks to receivers on some ports, and print what an advance over all of them takes."""
    bodies = []
    for port in ports:
        body = json.loads(BODY) | {"request_type": "callback", "callback_url": f"http://127.0.0.1:{port}/hook"}
        bodies.append(request("POST", GENERATE, json.dumps(body).encode()))
    turn = cycle(bodies)
    with serving("--quiet", "--clock", "manual", "--callback-timeout", str(TIMEOUT), *OPEN) as (port, pid):
        drive(port, pid, lambda: next(turn), count)
        before, used = memory(pid, "VmRSS"), cpu_seconds(pid)
        begun = time.perf_counter()
        fired = advanced(port)
        seconds = time.perf_counter() - begun
        used = cpu_seconds(pid) - used
        attempts = [event for event in fired if event["event"] == "callback"]
        print(
            f"{name:<40} {len(attempts):>7} attempts {seconds:>7.1f} s {len(attempts) / seconds:>8.0f}/s, "
            f"processor {used / len(attempts) * 1e6:>5.0f} µs each, "
            f"memory {before:.0f} MiB, {memory(pid, 'VmRSS'):.0f} after, {memory(pid, 'VmHWM'):.0f} at most",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--callbacks", type=int, default=CALLBACKS)
    parser.add_argument("--live-only", action="store_true")
    given = parser.parse_args()
    with receiving(DEAD) as (live, *silent):
        advance("a live receiver", [live], given.callbacks)
        if not given.live_only:
            advance(f"{DEAD} ports where nobody listens", [closed_port() for _ in range(DEAD)], given.callbacks)
            advance(f"{DEAD} silent receivers, {TIMEOUT} s each", silent, given.callbacks)


if __name__ == "__main__":
    main()
