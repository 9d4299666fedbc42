"""A local HTTP server for callbacks, which also serves images and LoRAs to the checked server."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urlsplit

from ltx_mock_contracts.receiver import HttpReceiver, Request, Response

__all__ = ["Call", "Inbox", "Receiver"]

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Call:
    """A request that an inbox has received, and the status of its response."""

    method: str
    content_type: str
    body: bytes
    status: int


class Inbox:
    """One path of the receiver, with its requests and its responses.

    Attributes:
        url: The `callback_url` for requests.
        statuses: The statuses of the responses, in order; the last one is repeated.
    """

    def __init__(self, url: str, statuses: tuple[int, ...]) -> None:
        self.url = url
        self._statuses = list(statuses)
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def take(self, method: str, content_type: str, body: bytes) -> int:
        """Record a request and return the status of its response."""
        with self._lock:
            status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
            self._calls.append(Call(method, content_type, body, status))
            return status

    def take_new(self) -> list[Call]:
        """Return the new requests since the last call, in order."""
        with self._lock:
            new, self._calls = self._calls, []
            return new


class Receiver:
    """Inboxes for callbacks, and files to download. Use it as a context manager.

    Args:
        host: Its address for the server: `HOST`, `HOST:PORT` or a URL; None for this machine only.
        port: The local port; 0 takes a free one.

    Raises:
        OSError: The port is not available.
    """

    def __init__(self, host: str | None, port: int) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._numbers = count(1)
        local = host is None or urlsplit(f"//{host}").hostname in {"127.0.0.1", "localhost"}
        self._server = HttpReceiver(self._respond, "127.0.0.1" if local else "", port)
        self.root = _root(host, self._server.port)

    def inbox(self, *statuses: int, name: str | None = None) -> Inbox:
        """Return a new inbox.

        Args:
            statuses: The statuses of its responses, in order; none means always 200.
            name: The end of its path; random by default.
        """
        path = f"/inbox/{name or token_urlsafe(16)}"
        self._inboxes[path] = Inbox(self.root + path, statuses or (200,))
        return self._inboxes[path]

    def file(self, name: str, content_type: str, body: bytes) -> str:
        """Serve a file and return its URL."""
        path = f"/files/{next(self._numbers)}/{name}"
        self._files[path.partition("?")[0]] = content_type, body
        return self.root + path

    def missing(self, name: str) -> str:
        """Return a URL that responds with 404."""
        return f"{self.root}/nothing/{name}"

    def _respond(self, request: Request) -> Response:
        path = request.path.partition("?")[0]
        if request.method not in _METHODS:
            return Response(501)
        if request.method == "GET" and path in self._files:
            content_type, body = self._files[path]
            return Response(200, {"content-type": content_type}, body)
        inbox = self._inboxes.get(path)
        plain = {"content-type": "text/plain"}
        if inbox is None:
            return Response(404, plain)
        return Response(inbox.take(request.method, request.headers.get("content-type", ""), request.body), plain)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


def _root(host: str | None, port: int) -> str:
    if host is None:
        return f"http://127.0.0.1:{port}"
    if "://" in host:
        return host.rstrip("/")
    return f"http://{host}" if urlsplit(f"//{host}").port else f"http://{host}:{port}"
