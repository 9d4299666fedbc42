"""An engine of containers that has none: it speaks Docker's API, and runs `ltx-mock` as a process in their place.

It shows what is asked of an engine, and that the command and the variables that it gets are right. It shows nothing of
an image, nor of what only a container has: its network, and its names for the machine.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.processes import LTX_MOCK, Process

ID = "c0ffee" * 10 + "0000"


class Engine(ThreadingHTTPServer):
    """Runs one container."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.created: dict[str, Any] = {}
        self.process: Process | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The value for DOCKER_HOST."""
        return f"tcp://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Do what the entry point of the image does, on a free port of this machine."""
        variables = dict(each.split("=", 1) for each in self.created["Env"])
        self.process = Process([*LTX_MOCK, *self.created["Cmd"], "--port", "0"], env=variables)
        self.port = int(self.process.wait_for_error_line(r"answers at http://[^:]+:(\d+)")[1])

    def remove(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.end()
            self.process.kill()


class _Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        """Answer about the engine and its container."""
        if self.path.endswith("/version"):
            return self._answer({"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.0"})
        return self._answer(
            {
                "Id": ID,
                "Name": "/ltx-mock",
                "Image": "sha256:0",
                "Config": self.server.created | {"Tty": False},
                "State": {"Status": "running", "Running": True},
                "HostConfig": {"LogConfig": {"Type": "json-file"}},
                "NetworkSettings": {
                    "Ports": {"8219/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(self.server.port)}]},
                    "Networks": {},
                },
            }
        )

    def do_POST(self) -> None:
        """Create or start the container."""
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append(re.sub(r"^/v[\d.]+|\?.*", "", self.path))
        if "/containers/create" in self.path:
            self.server.created = json.loads(content)
            return self._answer({"Id": ID, "Warnings": []}, 201)
        self.server.start()
        return self._answer(None, 204)

    def do_DELETE(self) -> None:
        """Remove the container."""
        self.server.asked.append("DELETE")
        self.server.remove()
        self._answer(None, 204)

    def _answer(self, data: object, status: int = 200) -> None:
        body = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def engine() -> Iterator[Engine]:
    """Run such an engine."""
    with Engine() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.remove()
            running.shutdown()
            thread.join()
