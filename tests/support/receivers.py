"""A callback receiver that misbehaves on demand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Literal, Self

from ltx_mock_contracts.receiver import HttpReceiver, Response
from ltx_mock_contracts.receiver import Request as Received
from support.waiting import SECONDS

__all__ = ["Behaviour", "Received", "Receiver"]

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
        self._server = HttpReceiver(self._respond)
        self.root = f"http://127.0.0.1:{self._server.port}"
        self.url = f"{self.root}/callback"

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
        self._server.stop()

    def _respond(self, received: Received) -> Response | None:
        status = self.behave(received)
        return None if status is None else Response(status, self.headers)
