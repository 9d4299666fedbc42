"""`ltx-mock serve --workers` with the memory store, which it refuses: each worker then has tasks of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from support.load import Connection
from support.processes import Served

SERVE = [
    sys.executable,
    "-c",
    "from ltx_mock.cli import main, serve; serve.check_workers = lambda *_: None; main()",
]


@contextmanager
def serving_with_workers(*options: str, count: int = 2) -> Iterator[Served]:
    """Run a supervisor and its workers for a while."""
    served = Served("--workers", str(count), *options, program=SERVE)
    try:
        yield served
    finally:
        served.kill()


def workers_of(served: Served) -> list[int]:
    """Return the process ids of the living workers."""
    return [pid for pid, parent in _processes().items() if parent == served.pid]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    return pid in _processes()


def command_line(pid: int) -> str:
    """Return what `ps` shows of a process."""
    return _ps("-ww", "-p", str(pid), "-o", "args=")


def _processes() -> dict[int, int]:
    """Return the parent of each process that has not ended."""
    rows = [row.split() for row in _ps("-A", "-o", "pid=,ppid=,stat=").splitlines()]
    return {int(pid): int(parent) for pid, parent, state in rows if not state.startswith("Z")}


def _ps(*options: str) -> str:
    return subprocess.run(["ps", *options], capture_output=True, text=True, check=False).stdout


def connection_to_each(served: Served, key: str, stack: ExitStack) -> list[Connection]:
    """Return a connection to each worker."""
    found: dict[int, Connection] = {}
    while set(found) != set(pids := workers_of(served)):
        connection = stack.enter_context(Connection(served.url, key))
        connection.read("health")  # it is accepted
        found.setdefault(next(pid for pid in pids if connection.port in _peers(pid)), connection)
    return list(found.values())


def _peers(pid: int) -> set[int]:
    """Return the ports at the other ends of a process' IPv4 connections; Linux only."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it is closed meanwhile
            sockets.add(str(descriptor.readlink()))
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in sockets}
