"""The fake beside bare Starlette with constant answers and other mock servers, in one run (`--quick`: a minute).

wrk has one core, the server the other. Each server is started some times for its first answer; then all serve, and in
each round each has its turn with each request, with 32 connections. The figures are medians. A ratio is that of the
requests a second to those of bare Starlette in the same round, 1 is as fast, more is better. The fake does its full
work: access, limits, validation, journal, events. Its other rows are the same program

- with its lines for each request, to /dev/null,
- with one dashboard open, which reads the events,
- with 10,000 keys in rotation, each with a task of its own,
- with 100,000 tasks of one key in memory and a full journal,
- with its state in a SQLite file, and in a Redis on the core of wrk; `bench_stores.py` measures these two closer.

Needs wrk and taskset (Debian: wrk, util-linux) and /proc. Servers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

import bench_in_process
from _load import resident
from _peers import peers
from _requests import BODY, GENERATE, LARGE_BODY, NEW_BODY, STATUS
from _servers import Running, Server, create_task, ltx_mock, running, script
from _wrk import Cores, Load, drive, two_cores
from bench_backends import redis_server

KINDS = {
    "statusTask": b"",
    "generateTask, large": LARGE_BODY,
    "generateTask, large, another each time": NEW_BODY,
    "generateTask, small": BODY,
}
BARE = script("bare Starlette, constant", "bare_starlette.py")
QUIET = ltx_mock("ltx-mock --quiet", "--quiet")
MANY_KEYS = 10_000
WARM_UP_SECONDS = 2
JOURNAL = 12_000
"""A few more tasks than the journal keeps entries."""


class Plan(NamedTuple):
    """How much is measured: rounds without and with figures, seconds of a load, starts of a server, tasks of a row."""

    warm_up: int
    rounds: int
    seconds: int
    starts: int
    tasks: int


FULL = Plan(warm_up=1, rounds=3, seconds=3, starts=3, tasks=100_000)
QUICK = Plan(warm_up=0, rounds=1, seconds=1, starts=1, tasks=10_000)


class Subject(NamedTuple):
    """A row of the table: a running server, its keys, and how many tasks it has besides; None if it is no fake."""

    name: str
    server: Running
    keys: Sequence[str] = ("bench",)
    tasks: int | None = 0

    def renewed(self, core: str) -> Sequence[str]:
        """Give each key a task, and return the targets of their statuses for `_wrk.drive`.

        The tasks of a fake are removed first: it refuses new ones when they take too much memory.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        if self.tasks is not None:
            connection.request("POST", "/__admin/reset")
            connection.getresponse().read()
        if self.tasks:
            fill(self.server, self.tasks, core)
        status = [f"{key} {STATUS}{create_task(connection, key)}" for key in self.keys]
        connection.close()
        return status


@contextlib.contextmanager
def dashboard(port: int) -> Iterator[None]:
    """Read the events of a fake, as a dashboard does."""
    with socket.create_connection(("127.0.0.1", port)) as listener:
        listener.sendall(b"GET /__admin/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        threading.Thread(target=_read, args=(listener,), daemon=True).start()
        yield


def _read(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was closed here
        while sock.recv(1 << 20):
            pass


def fill(server: Running, tasks: int, core: str) -> float:
    """Fill the journal, then make so many tasks more; return the bytes that each of these takes."""

    def make(wanted: int) -> int:
        made = 0
        while made < wanted:
            made += drive(server.port, [f"bench {GENERATE}"], LARGE_BODY, 1, core).requests
        return made

    make(JOURNAL)
    before = resident(server.pid)
    made = make(tasks)
    return (resident(server.pid) - before) / made


def first_answers(servers: Sequence[Server], starts: int, core: str) -> dict[str, float]:
    """Return the median of the seconds from the start of each server to its first answer."""
    seconds: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(starts):
        for server in servers:
            with running(server, core) as started:
                seconds[server.name].append(started.first_answer)
    return {name: median(each) for name, each in seconds.items()}


def measure(subjects: Sequence[Subject], plan: Plan, core: str) -> dict[str, dict[str, list[Load]]]:
    """Return the loads of each row for each kind of request, after the rounds that only warm up."""
    found: dict[str, dict[str, list[Load]]] = {each.name: {kind: [] for kind in KINDS} for each in subjects}
    for number in range(plan.warm_up + plan.rounds):
        for each in subjects:
            status, generate = each.renewed(core), [f"{key} {GENERATE}" for key in each.keys]
            for kind, body in KINDS.items():
                targets = generate if body else status
                seconds = plan.seconds if number >= plan.warm_up else WARM_UP_SECONDS
                load = drive(each.server.port, targets, body, seconds, core)
                if number >= plan.warm_up:
                    found[each.name][kind].append(load)
    return found


def table(found: dict[str, dict[str, list[Load]]], first: dict[str, float]) -> None:
    """Print the table of all rows; the first one is what the ratios are to."""
    base = next(iter(found.values()))
    kinds = " | ".join(f"{kind} | p50 ms | p99 ms" for kind in KINDS)
    print(f"| 32 connections | {kinds} | first answer s |\n|{'---|' * (2 + 3 * len(KINDS))}")
    for name, loads in found.items():
        cells = [name]
        for kind, rounds in loads.items():
            ratio = median(mine.rate / other.rate for mine, other in zip(rounds, base[kind], strict=True))
            p50, p99 = (median(pick) for pick in zip(*((load.p50, load.p99) for load in rounds), strict=True))
            cells += [f"{ratio:.2f}", f"{p50:.1f}", f"{p99:.1f}"]
        cells.append(f"{first[name]:.2f}" if name in first else "")
        print(f"| {' | '.join(cells)} |", flush=True)
    rates = ", ".join(f"{kind} {median(load.rate for load in rounds):.0f}" for kind, rounds in base.items())
    print(f"\nbare Starlette: requests a second of {rates}")


def run(plan: Plan, cores: Cores) -> None:
    """Measure everything and print the tables."""
    lines = ltx_mock("ltx-mock with its lines")
    others = list(peers())
    first = first_answers([BARE, QUIET, lines, *others], plan.starts, cores.server)
    with contextlib.ExitStack() as stack:

        def start(server: Server) -> Running:
            return stack.enter_context(running(server, cores.server))

        subjects = [Subject(BARE.name, start(BARE), tasks=None)]
        subjects += [Subject(QUIET.name, start(QUIET)), Subject(lines.name, start(lines))]
        watched = start(QUIET)
        stack.enter_context(dashboard(watched.port))
        subjects.append(Subject("one dashboard open", watched))
        keys = [f"key-{number}" for number in range(MANY_KEYS)]
        subjects.append(Subject("10,000 keys in rotation", start(QUIET), keys))
        large = start(QUIET)
        task_bytes = fill(large, plan.tasks, cores.load)
        subjects.append(Subject(f"{plan.tasks:,} tasks, full journal", large, tasks=plan.tasks))
        subjects.append(Subject("SQLite", start(ltx_mock("SQLite", "--quiet", "--store", "sqlite:{folder}/state.db"))))
        if shutil.which("redis-server"):
            port = stack.enter_context(redis_server(stack.enter_context(tempfile.TemporaryDirectory())))
            store = ltx_mock("Redis", "--quiet", "--store", f"redis://127.0.0.1:{port}/0")
            subjects.append(Subject("Redis", start(store)))
        subjects += [Subject(each.name, start(each), tasks=None) for each in others]
        table(measure(subjects, plan, cores.load), first)
    print(f"memory: {task_bytes:.0f} bytes for each of {plan.tasks:,} tasks, after the journal is full\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round of a second each")
    quick = parser.parse_args().quick
    if not (shutil.which("wrk") and shutil.which("taskset")):
        raise SystemExit("bench_server.py needs wrk and taskset (Debian: wrk, util-linux)")
    run(QUICK if quick else FULL, two_cores())
    bench_in_process.main()


if __name__ == "__main__":
    main()
