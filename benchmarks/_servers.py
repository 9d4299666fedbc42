"""The servers that are compared: how to start each on a port, and a running one with its first answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from _requests import BODY, GENERATE, OPEN

START_SECONDS = 60
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As on a usual machine, where the second start finds compiled modules."""


class Server(NamedTuple):
    """A server: its name in the tables, and its command as a function of a free port and of an empty folder."""

    name: str
    command: Callable[[int, Path], Sequence[str]]


class Running(NamedTuple):
    """A server that serves: its port, its process id, and the seconds from its start to its first answer."""

    port: int
    pid: int
    first_answer: float


def script(name: str, file: str) -> Server:
    """Return a server that is a script of this folder and takes a port."""
    path = str(Path(__file__).with_name(file))
    return Server(name, lambda port, _: (sys.executable, path, str(port)))


def ltx_mock(name: str, *options: str) -> Server:
    """Return `ltx-mock serve` with more options; `{folder}` in one is the folder of the run."""
    program = str(Path(sys.executable).with_name("ltx-mock"))

    def command(port: int, folder: Path) -> Sequence[str]:
        given = [option.format(folder=folder) for option in options]
        return program, "serve", "--port", str(port), *OPEN, *given

    return Server(name, command)


@contextlib.contextmanager
def running(server: Server, core: str) -> Iterator[Running]:
    """Start a server on one core, and stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = ["taskset", "-c", core, *server.command(port, Path(folder))]
        begun = time.perf_counter()
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=nowhere, stderr=nowhere) as process:
            try:
                yield Running(port, process.pid, _first_answer(server.name, process, port) - begun)
            finally:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _first_answer(name: str, process: subprocess.Popen[bytes], port: int) -> float:
    """Ask until there is an answer, and return its moment."""
    while process.poll() is None:
        with contextlib.suppress(ConnectionError):
            create_task(http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS))
            return time.perf_counter()
        time.sleep(0.001)
    raise SystemExit(f"{name} did not start")


def create_task(connection: http.client.HTTPConnection, key: str = "bench") -> str:
    """Submit the small request with an API key, and return the id of the task."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", GENERATE, BODY, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(f"unexpected answer {response.status}: {content[:300]!r}")
    return str(json.loads(content)["data"]["taskId"])
