"""One worker and two: requests a second, processor time a request, and how connections are split between the two.

Needs `wrk` and /proc. The workers have a memory store each, which `serve` refuses, so that the figures are those of the
processes alone. Three rounds, each number of workers in turn; the figures are the medians. The last table compares a
listening socket for each worker, as on Linux, with a common one.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from _load import cpu_seconds, wait_for_port
from _requests import BODY, GENERATE, OPEN, STATUS

ROUNDS = 3
SECONDS = 5
CONNECTIONS = 16
SPLITS = 10
SERVE = "from ltx_mock.cli import main, serve; serve.check_workers = lambda *_: None"
COMMON = "from ltx_mock.cli import running; running.sockets_of_workers = lambda sockets, count: [sockets] * count"
POST = f"wrk.method = 'POST'; wrk.body = {json.dumps(BODY.decode())}; wrk.headers['Content-Type'] = 'application/json'"


@contextlib.contextmanager
def serving(workers: int, *more: str, common: bool = False) -> Iterator[tuple[int, list[int]]]:
    """Run `ltx-mock serve --workers`, with more options, and yield its port and the process ids of the workers."""
    program = "; ".join([SERVE, *([COMMON] if common else []), "main()"])
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        options = (
            "serve",
            "--port",
            "0",
            "--quiet",
            "--workers",
            str(workers),
            "--ready-file",
            str(ready),
            *OPEN,
            *more,
        )
        with subprocess.Popen([sys.executable, "-c", program, *options], stderr=subprocess.DEVNULL) as process:
            try:
                port = wait_for_port(ready, process)
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                yield port, [process.pid] if workers == 1 else [int(each) for each in children]
            finally:
                process.terminate()


def load(
    port: int, pids: list[int], path: str, script: str, connections: int = CONNECTIONS
) -> tuple[float, float, list[float]]:
    """Return requests a second, processor microseconds a request, and the processor seconds a second of each worker."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script)
        lua.flush()
        before, begun = [cpu_seconds(pid) for pid in pids], time.perf_counter()
        told = subprocess.run(
            [
                *("wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "-H", "Authorization: Bearer bench"),
                *("-s", lua.name, f"http://127.0.0.1:{port}{path}"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        seconds = time.perf_counter() - begun
        used = [cpu_seconds(pid) - old for pid, old in zip(pids, before, strict=True)]
    requests = int(re.search(r"(\d+) requests in", told)[1])  # type: ignore[index]
    return requests / seconds, sum(used) / requests * 1e6, [each / seconds for each in used]


def splits(port: int, pids: list[int]) -> Iterator[str]:
    """Open connections, several times, and yield how many of them each worker has got."""
    idle = [_sockets(pid) for pid in pids]
    for _ in range(SPLITS):
        while [_sockets(pid) for pid in pids] != idle:
            time.sleep(0.01)
        peers = list[socket.socket]()
        with contextlib.ExitStack() as stack:
            for _ in range(CONNECTIONS):
                peers.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
                peers[-1].sendall(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")
            for peer in peers:
                peer.recv(1000)
            yield ":".join(str(_sockets(pid) - count) for pid, count in zip(pids, idle, strict=True))


def _sockets(pid: int) -> int:
    count = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it is closed meanwhile
            count += str(each.readlink()).startswith("socket:")
    return count


def main() -> None:
    if shutil.which("wrk") is None:
        print("bench_workers.py needs wrk")
        return
    loads = {"generateTask": (GENERATE, POST), "statusTask, unknown": (f"{STATUS}task_0", "")}
    found: dict[tuple[str, int], list[tuple[float, float, list[float]]]] = {}
    for _round in range(ROUNDS):
        for workers in (1, 2):
            with serving(workers) as (port, pids):
                for name, (path, script) in loads.items():
                    found.setdefault((name, workers), []).append(load(port, pids, path, script))
    print(f"{'':<22} {'workers':>8} {'req/s':>8} {'cpu µs':>8}  processors of each worker, in each round")
    for (name, workers), rounds in sorted(found.items()):
        rate, cpu = median(each[0] for each in rounds), median(each[1] for each in rounds)
        shares = "; ".join(" + ".join(f"{share:.2f}" for share in each[2]) for each in rounds)
        print(f"{name:<22} {workers:>8} {rate:>8.0f} {cpu:>8.0f}  {shares}")
    for common in (False, True):
        with serving(2, common=common) as (port, pids):
            found_splits = " ".join(splits(port, pids))
        print(f"{CONNECTIONS} connections, {'a common socket' if common else 'a socket each'}: {found_splits}")


if __name__ == "__main__":
    main()
