"""`kill -9` of workers under load."""

from __future__ import annotations

import os
import random
import signal
from contextlib import AbstractContextManager

from support.load import CREDITS, Load, Outcome
from support.processes import Served, serving
from support.waiting import until
from support.workers import workers_of

WORKERS = 3
TASKS_BETWEEN = 20
OPTIONS = ("--quiet", "--clock", "scaled", "--speed", "100", "--seed", "1", "--credits", str(CREDITS))
UNLIMITED = (
    *("--rate-limit", "1000000/second", "--max-concurrent", "1000000"),
    *("--journal-entries", "10000000", "--journal-bytes", str(2**32), "--journal-memory", "4096"),
)


def serve(store: str, workers: int = WORKERS) -> AbstractContextManager[Served]:
    """Run a server with workers for a while, on which a task and all retries of its callback take some seconds."""
    return serving("--store", store, "--workers", str(workers), *OPTIONS, *UNLIMITED)


def killed_workers(store: str, kills: int) -> Outcome:
    """Kill a random worker so many times, each time when some more tasks were acknowledged, and check the rest."""
    with serve(store) as served, Load(served.url) as load:
        for _ in range(kills):
            load.wait_for_more(TASKS_BETWEEN)
            until(lambda: workers_of(served))
            kill(random.choice(workers_of(served)))
        load.wait_for_more(TASKS_BETWEEN)
        load.stop()
        outcome = load.check(served.url)
        assert served.end() == 0
        assert "Traceback" not in served.stderr(), served.stderr()
        return outcome


def kill(pid: int) -> None:
    """End a process as `kill -9` does."""
    os.kill(pid, signal.SIGKILL)
