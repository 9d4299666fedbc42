"""What a request costs a worker and what it costs Redis, so that one can tell how many workers a Redis carries.

One worker, and Redis with an append-only file, of one key and of 64 keys with 64 connections. The last columns are what
Redis' memory grows by. Needs `redis-server` and /proc.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile

import redis
from _load import cpu_seconds, drive, post, request, serving
from _requests import BODY, GENERATE, OPEN, STATUS
from bench_backends import redis_server
from redis.backoff import ConstantBackoff
from redis.retry import Retry

REQUESTS = 5_000
CONNECTIONS = 64


def main() -> None:
    if shutil.which("redis-server") is None:
        return
    print(f"{'':<14} {'keys':>5} {'req/s':>7} {'worker µs':>10} {'Redis µs':>9} {'ratio':>6} {'bytes in Redis':>15}")
    for keys in (1, 64):
        with tempfile.TemporaryDirectory() as folder, redis_server(folder) as port:
            measure(port, keys)


def measure(redis_port: int, keys: int) -> None:
    """Print what requests of so many keys cost."""
    with (
        redis.Redis(port=redis_port, retry=Retry(ConstantBackoff(0.01), 1000)) as client,
        serving("--quiet", "--store", f"redis://127.0.0.1:{redis_port}/0", *OPEN) as (port, pid),
    ):
        redis_pid = client.info("server")["process_id"]
        names = [f"key-{number}" for number in range(keys)]
        ids = [post(port, GENERATE, BODY, name)["data"]["taskId"] for name in names]  # type: ignore[index]
        loads = {
            "generateTask": [request("POST", GENERATE, BODY, name) for name in names],
            "statusTask": [request("GET", STATUS + task, key=name) for name, task in zip(names, ids, strict=True)],
        }
        for name, requests in loads.items():
            used, size = cpu_seconds(redis_pid), client.info("memory")["used_memory"]
            turns = itertools.cycle(requests)
            load = drive(port, pid, lambda turns=turns: next(turns), REQUESTS, CONNECTIONS)  # type: ignore[misc]
            cpu = (cpu_seconds(redis_pid) - used) / REQUESTS * 1e6
            grown = (client.info("memory")["used_memory"] - size) / REQUESTS
            figures = f"{load.rate:>7.0f} {load.cpu:>10.0f} {cpu:>9.0f} {load.cpu / cpu:>6.1f} {grown:>15.0f}"
            print(f"{name:<14} {keys:>5} {figures}")


if __name__ == "__main__":
    main()
