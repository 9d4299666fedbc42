"""Send more requests at once to four workers than the limits allow, and check that these are met to the last one.

    hammer_limits.py [ROUNDS]

runs on a SQLite file, a Redis server and a Redis cluster of three nodes (one round).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.hammer import requests_within_limit, tasks_within_limit
from support.processes import serving
from support.redis_servers import redis_cluster, shared_stores

ROUNDS = 20
WORKERS = 4
MAX_TASKS, MAX_REQUESTS = 1000, 10_000
"""The limits of the contract."""
TOO_MANY = 200


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with shared_stores() as stores:
        for name, store in stores.items():
            report(name, store, rounds)
    with TemporaryDirectory() as folder, redis_cluster(Path(folder)) as nodes:
        report("Redis cluster", nodes[0].url, 1)


def report(name: str, store: str, rounds: int) -> None:
    tasks, requests, begun = set[int](), set[int](), time.perf_counter()
    with serving("--store", store, "--workers", str(WORKERS), "--clock", "manual", "--quiet") as served:
        for _ in range(rounds):
            tasks.add(tasks_within_limit(served.url, MAX_TASKS + TOO_MANY))
            requests.add(requests_within_limit(served.url, MAX_REQUESTS + TOO_MANY))
    seconds = time.perf_counter() - begun
    print(f"{name}: {rounds} rounds in {seconds:.0f} s: tasks taken {tasks}, requests served {requests}", flush=True)
    assert (tasks, requests) == ({MAX_TASKS}, {MAX_REQUESTS})


if __name__ == "__main__":
    main()
