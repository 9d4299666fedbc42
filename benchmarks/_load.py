"""A small load generator: raw HTTP/1.1 over a few keep-alive sockets, so that it costs less than what it measures."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import NamedTuple


class Load(NamedTuple):
    """What a run measured: requests a second, processor microseconds a request, latencies in milliseconds."""

    rate: float
    cpu: float
    p50: float
    p99: float
    worst: float


def request(method: str, path: str, body: bytes = b"", key: str = "bench") -> bytes:
    """Return the bytes of a request as a usual client writes it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: bench", "Accept: */*"]
    lines.append(f"Authorization: Bearer {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def drive(port: int, pid: int, make: Callable[[], bytes], requests: int, connections: int = 16) -> Load:
    """Send `requests` requests, one at a time on each connection, and wait for every answer."""
    used = cpu_seconds(pid)
    selector = DefaultSelector()
    sent_at: dict[socket.socket, float] = {}
    latencies: list[float] = []
    begun = time.perf_counter()
    started = 0
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, EVENT_READ)
        sent_at[sock] = time.perf_counter()
        sock.sendall(make())
        started += 1
    while len(latencies) < requests:
        for item, _ in selector.select():
            sock = item.fileobj  # type: ignore[assignment]
            answer = sock.recv(65536)
            while not _complete(answer):
                answer += sock.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"unexpected answer: {answer[:300]!r}")
            now = time.perf_counter()
            latencies.append((now - sent_at[sock]) * 1000)
            if started < requests:
                sent_at[sock] = now
                sock.sendall(make())
                started += 1
    seconds = time.perf_counter() - begun
    for sock in sent_at:
        sock.close()
    latencies.sort()
    cpu = (cpu_seconds(pid) - used) / requests * 1e6
    p50, p99 = latencies[requests // 2], latencies[requests * 99 // 100]
    return Load(requests / seconds, cpu, p50, p99, latencies[-1])


def _complete(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return True


def post(port: int, path: str, body: bytes = b"", key: str = "bench") -> dict[str, object]:
    """Send one POST and return the JSON that came back."""
    return ask(port, request("POST", path, body, key))


def ask(port: int, sent: bytes) -> dict[str, object]:
    """Send one request and return the JSON that came back."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(sent)
        answer = b""
        while not _complete(answer):
            answer += sock.recv(65536)
    return json.loads(answer.partition(b"\r\n\r\n")[2])  # type: ignore[no-any-return]


@contextlib.contextmanager
def serving(*options: str) -> Iterator[tuple[int, int]]:
    """Run `ltx-mock serve` and yield its port and process id."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "ltx_mock", "serve", "--port", "0", "--ready-file", str(ready), *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield wait_for_port(ready, process), process.pid
            finally:
                process.terminate()


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, or 0 where there is no /proc to ask."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes (Linux)."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def wait_for_port(ready: Path, process: subprocess.Popen[bytes]) -> int:
    """Return the port from a ready file as soon as it is there."""
    while not ready.exists():
        if process.poll() is not None:
            raise SystemExit("ltx-mock did not start")
        time.sleep(0.001)
    return int(json.loads(ready.read_text())["url"].rpartition(":")[2])
