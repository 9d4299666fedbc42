"""What durable backends carry: commits a second, processor time, the time to read a large space, and memory in Redis.

Each commit writes a record of 100 bytes and a journal line of 700. SQLite's file is in the temporary folder; without
`redis-server` (Debian: redis-server) Redis is left out. Redis flushes its append-only file every second.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from ltx_mock.store.backend import Backend, Change, Committed, Missed
from ltx_mock.store.redis_backend import RedisBackend
from ltx_mock.store.sqlite_backend import SqliteBackend

RECORD, LINE = b"r" * 100, b"l" * 700
SECONDS = 2.0
RECORDS = 100_000


async def commits(backend: Backend, batch: int) -> None:
    """Print what batches of changes cost, one batch after the other."""
    versions = [0] * batch
    began, used, written = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() < began + SECONDS:
        record = {f"task:{written % 64}": RECORD}
        changes = [Change(f"{batch}-{number}", version, record, [LINE]) for number, version in enumerate(versions)]
        versions = [done.version for done in await backend.commit(changes) if isinstance(done, Committed)]
        written += batch
    took, used = time.perf_counter() - began, time.process_time() - used
    print(f"  commits, {batch:>2} in a batch: {written / took:7.0f} /s, {used / written * 1e6:4.0f} µs of this process")


async def large(backend: Backend) -> None:
    """Print how long it takes to read a large space."""
    version = 0
    for block in range(0, RECORDS, 1000):
        records = {f"task:{block + number}": RECORD for number in range(1000)}
        [done] = await backend.commit([Change("large", version, records)])
        version = done.version if isinstance(done, Committed) else 0
    began = time.perf_counter()
    found = await backend.read("large")
    if not isinstance(found, Missed) or len(found.records) != RECORDS:
        raise SystemExit("unexpected answer")
    print(f"  {RECORDS} records are read in {time.perf_counter() - began:.2f} s")


async def measure(name: str, backend: Backend, memory: Callable[[], int] | None = None) -> None:
    print(name)
    await backend.open()
    try:
        for batch in (1, 32):
            await commits(backend, batch)
        before = memory() if memory else 0
        await large(backend)
        if memory:
            print(f"  a record of 100 bytes takes {(memory() - before) / RECORDS:.0f} bytes of memory in Redis")
    finally:
        await backend.close()


@contextlib.contextmanager
def redis_server(folder: str) -> Iterator[int]:
    """Run a server for a while, and give its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = ["redis-server", "--port", str(port), "--dir", folder, "--save", "", "--appendonly", "yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.kill()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure("SQLite", SqliteBackend(Path(folder) / "state.db")))
    if shutil.which("redis-server") is None:
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server(folder) as port,
        redis.Redis(port=port, retry=Retry(ConstantBackoff(0.01), 1000)) as client,
    ):
        client.ping()  # it waits for the server
        backend = RedisBackend(f"redis://127.0.0.1:{port}/0")
        asyncio.run(measure("Redis", backend, lambda: int(client.info("memory")["used_memory"])))


if __name__ == "__main__":
    main()
