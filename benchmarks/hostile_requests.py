"""Hostile requests over sockets, and how a good client fares beside them: `hostile_requests.py [COUNT]`."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
from _load import resident

from support.hostile_requests import hostile_bytes
from support.processes import serving

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
SEED = 20_000


def send(address: tuple[str, int], raw: bytes) -> bytes:
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65_536)
    return b""


def poll(url: str, done: threading.Event, seconds: list[float], lost: Counter[str]) -> None:
    """Ask for a task that is not there until the end; note how long each answer took, and each that was not the 404."""
    with httpx.Client(base_url=url, headers={"authorization": "Bearer good"}, timeout=60) as client:
        while not done.wait(0.01):
            started = time.perf_counter()
            try:
                status = client.get("/api/v1/statusTask/ltx-2-19b?taskId=x").status_code
            except httpx.HTTPError as error:
                lost[type(error).__name__] += 1
            else:
                lost.update({str(status): 1} if status != 404 else {})
            seconds.append(time.perf_counter() - started)


def main() -> None:
    random, done, seconds = Random(SEED), threading.Event(), [0.0, 0.0]
    lost: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    with serving("--quiet", "--clock", "manual", "--rate-limit", "100000000/minute") as fake:
        host, _, port = fake.url.removeprefix("http://").partition(":")
        good = threading.Thread(target=poll, args=(fake.url, done, seconds, lost))
        good.start()
        warm = most = 0
        for number in range(COUNT):
            answers[send((host, int(port)), hostile_bytes(random))[9:12].decode("latin-1") or "none"] += 1
            if number % 1000 == 0:
                most = max(most, resident(fake.pid))
            warm = resident(fake.pid) if number == COUNT // 4 else warm
        done.set()
        good.join()
        grown = (resident(fake.pid) - warm) / 2**20
        told = fake.stderr()
    errors = sum(count for status, count in answers.items() if status.startswith("5"))
    print(f"{COUNT} hostile requests: {errors} answers of 5xx, {told.count('Traceback')} tracebacks; {dict(answers)}")
    print(f"memory: at most {most >> 20} MiB, {grown:.1f} MiB more at the end than after the first quarter")
    p99 = quantiles(seconds, n=100)[98] * 1000
    print(f"a good client beside them: {len(seconds) - 2} polls, {dict(lost)} lost, p99 {p99:.1f} ms")
    sys.exit(bool(errors or lost or "Traceback" in told))


if __name__ == "__main__":
    main()
