"""A callback receiver that misbehaves on demand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple, Self

from support.waiting import SECONDS


class Received(NamedTuple):
    """A request that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = int | Literal["hang", "close"] | Callable[[Received], int]


class Receiver:
    """A callback receiver on a loopback socket.

    Args:
        *script: What it does with the first, second, … request; the last goes on for ever. A status is answered;
            `hang` says nothing until `release` is set; `close` hangs up; a function is called and returns a status.
        headers: Sent with each answer.
    """

    def __init__(self, *script: Behaviour, headers: dict[str, str] | None = None) -> None:
        self.received: queue.Queue[Received] = queue.Queue()
        self.release = threading.Event()
        self.headers = headers or {}
        self._script = list(script or (200,))
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.root}/callback"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def take(self) -> Received:
        """Return the next request, waiting for it."""
        return self.received.get(timeout=SECONDS)

    def take_all(self) -> list[Received]:
        """Return what has come so far."""
        taken = []
        while not self.received.empty():
            taken.append(self.received.get())
        return taken

    def behave(self, received: Received) -> int | None:
        """Note a request and return the status to answer, or None to hang up."""
        with self._lock:
            behaviour = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if callable(behaviour):
            status = behaviour(received)
            self.received.put(received)
            return status
        self.received.put(received)
        if behaviour == "hang":
            self.release.wait(SECONDS * 6)
        return behaviour if isinstance(behaviour, int) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(SECONDS)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.behave(Received(self.path, headers, body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - http.server's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            pass

    return Handler
