"""Hostile requests over sockets, and how a good client fares beside them: `hostile_requests.py [COUNT]`."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from pathlib import Path
from random import Random
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx

from support.hostile_requests import hostile_bytes
from support.processes import serving

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
SEED = 20_000


def memory_of(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def send(address: tuple[str, int], raw: bytes) -> bytes:
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65_536)
    return b""


def poll(url: str, done: threading.Event, seconds: list[float]) -> None:
    with httpx.Client(base_url=url, headers={"authorization": "Bearer good"}) as client:
        while not done.wait(0.01):
            started = time.perf_counter()
            client.get("/api/v1/statusTask/ltx-2-19b?taskId=x")
            seconds.append(time.perf_counter() - started)


def main() -> None:
    random, done, seconds = Random(SEED), threading.Event(), [0.0, 0.0]
    with serving("--quiet", "--clock", "manual", "--rate-limit", "100000000/minute") as fake:
        host, _, port = fake.url.removeprefix("http://").partition(":")
        good = threading.Thread(target=poll, args=(fake.url, done, seconds))
        good.start()
        errors, warm = 0, 0
        for number in range(COUNT):
            errors += send((host, int(port)), hostile_bytes(random)).startswith(b"HTTP/1.1 5")
            warm = memory_of(fake.pid) if number == COUNT // 4 else warm
        done.set()
        good.join()
        grown = (memory_of(fake.pid) - warm) / 2**20
        told = fake.stderr()
    print(f"{COUNT} hostile requests: {errors} answers of 5xx, {told.count('Traceback')} tracebacks")
    print(f"memory grew by {grown:.1f} MiB after the first quarter")
    print(f"a good client beside them: {len(seconds) - 2} polls, p99 {quantiles(seconds, n=100)[98] * 1000:.1f} ms")
    sys.exit(bool(errors or "Traceback" in told))


if __name__ == "__main__":
    main()
