"""The stores beside each other: memory, SQLite and Redis, in one run.

Needs `wrk`, `redis-server` and /proc. First what requests cost, with one worker and two: some rounds, each store in
turn. A ratio is that to memory with one worker in the same round, above 1 if better: the median, and in brackets the
lowest and the highest, which tell how far to trust it. The column of processors tells whether the machine had them to
give. Then each store with 100,000 tasks: what a task takes in memory and in the store, and the time from the start of
a command to its first right answer. SQLite's file is in the temporary folder. Redis flushes its append-only file every
second.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import redis
from _load import ask, cpu_seconds, drive, post, request, resident
from _requests import BODY, GENERATE, STATUS
from _servers import ltx_mock, running
from _wrk import two_cores
from bench_backends import redis_server
from bench_workers import POST, load, serving
from redis.backoff import ConstantBackoff
from redis.retry import Retry

ROUNDS = 3
CONNECTIONS = 32
TASKS = 100_000
WARM_UP = 12_000
STARTS = 5


class Store(NamedTuple):
    """A store to measure: its options for `serve`, the process id of its server if any, and its size in bytes."""

    name: str
    options: tuple[str, ...]
    pid: int | None
    size: Callable[[], int]


class Cost(NamedTuple):
    """Requests a second, the processor microseconds of a request here and in Redis, and the processors in use here."""

    rate: float
    server: float
    redis: float
    processors: float


@contextlib.contextmanager
def stores() -> Iterator[list[Store]]:
    """Yield all stores, empty."""
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server(folder) as port,
        redis.Redis(port=port, retry=Retry(ConstantBackoff(0.01), 1000)) as client,
    ):
        file = Path(folder) / "state.db"
        yield [
            Store("memory", (), None, lambda: 0),
            Store(
                "SQLite",
                ("--store", f"sqlite:{file}"),
                None,
                lambda: sum(each.stat().st_size for each in file.parent.glob("state.db*")),
            ),
            Store(
                "Redis",
                ("--store", f"redis://127.0.0.1:{port}/0"),
                client.info("server")["process_id"],
                lambda: int(client.info("memory")["used_memory"]),
            ),
        ]


def costs(store: Store, workers: int) -> dict[str, Cost]:
    """Return what requests to each endpoint cost."""
    with serving(workers, *store.options) as (port, pids):
        task_id = post(port, GENERATE, BODY)["data"]["taskId"]  # type: ignore[index]
        loads = {"statusTask": (STATUS + task_id, ""), "generateTask": (GENERATE, POST)}
        return {name: _cost(store, port, pids, *each) for name, each in loads.items()}


def _cost(store: Store, port: int, pids: list[int], path: str, script: str) -> Cost:
    theirs, begun = cpu_seconds(store.pid) if store.pid else 0.0, time.perf_counter()
    rate, server, shares = load(port, pids, path, script, CONNECTIONS)
    seconds = time.perf_counter() - begun
    used = cpu_seconds(store.pid) - theirs if store.pid else 0.0
    return Cost(rate, server, used / (rate * seconds) * 1e6, sum(shares))


def requests(each: list[Store]) -> None:
    """Print what requests cost."""
    found: dict[tuple[str, str, int], list[Cost]] = {}
    for _round in range(ROUNDS):
        for store in each:
            for workers in (1, 2) if store.options else (1,):
                for endpoint, cost in costs(store, workers).items():
                    found.setdefault((endpoint, store.name, workers), []).append(cost)
    print(f"{'':<26} {'req/s':>6} {'ratio':>18} {'cpu µs':>7} {'ratio':>18} {'Redis µs':>9} {'processors':>11}")
    for (endpoint, name, workers), rounds in sorted(found.items(), key=lambda item: item[0][0], reverse=True):
        base = found[endpoint, "memory", 1]
        fast = _spread([cost.rate / other.rate for cost, other in zip(rounds, base, strict=True)])
        cheap = _spread([other.server / cost.server for cost, other in zip(rounds, base, strict=True)])
        rate, server, theirs, processors = map(median, zip(*rounds, strict=True))
        label = f"{endpoint}, {name}, {workers}"
        print(f"{label:<26} {rate:>6.0f} {fast:>18} {server:>7.0f} {cheap:>18} {theirs:>9.0f} {processors:>11.2f}")


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def sizes(store: Store) -> None:
    """Print what many tasks take, and how long a new process needs to serve them."""
    generate = request("POST", GENERATE, BODY)
    with serving(1, *store.options) as (port, (pid,)):
        drive(port, pid, lambda: generate, WARM_UP)
        memory, size = resident(pid), store.size()
        drive(port, pid, lambda: generate, TASKS)
        memory, size = (resident(pid) - memory) // TASKS, (store.size() - size) // TASKS
        task_id = post(port, GENERATE, BODY)["data"]["taskId"]  # type: ignore[index]
    recovery = ""
    if store.options:
        starts = [_recovery(store, f"{STATUS}{task_id}") for _ in range(STARTS)]
        seconds, processor = map(median, zip(*starts, strict=True))
        recovery = f", first right answer of a new process after {seconds:.2f} s, {processor:.2f} s of processor time"
    print(f"{store.name}: {memory} bytes a task in memory, {size} in the store{recovery}")


def _recovery(store: Store, path: str) -> tuple[float, float]:
    begun = time.perf_counter()
    with serving(1, *store.options) as (port, (pid,)):
        if "state" not in str(ask(port, request("GET", path))):
            raise SystemExit("the task is lost")
        return time.perf_counter() - begun, cpu_seconds(pid)


def _first_answer(store: Store) -> float:
    with running(ltx_mock(store.name, "--quiet", *store.options), two_cores().server) as server:
        return server.first_answer


def main() -> None:
    if not (shutil.which("wrk") and shutil.which("redis-server")):
        print("bench_stores.py needs wrk and redis-server")
        return
    with stores() as each:
        for store in each:
            seconds = [_first_answer(store) for _ in range(STARTS)]
            print(f"first answer, {store.name}: {median(seconds):.2f} s (from {min(seconds):.2f})")
        requests(each)
    with stores() as each:
        for store in each:
            sizes(store)


if __name__ == "__main__":
    main()
