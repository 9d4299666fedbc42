"""A server of our own, which the checked server calls back and fetches images and LoRAs from."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Call", "Inbox", "Receiver"]

_POLL_SECONDS: Final = 0.01
_LARGEST: Final = 10 * 1024 * 1024
_PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """A request that came in for an inbox, and how it was answered."""

    method: str
    content_type: str
    body: bytes
    status: int


class Inbox:
    """One path of the receiver: what came to it, and how it answers.

    Attributes:
        url: What to give as `callback_url`.
        answers: The statuses to answer with, one after the other; the last one goes on for ever.
    """

    def __init__(self, url: str, answers: tuple[int, ...]) -> None:
        self.url = url
        self._answers = list(answers)
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def take(self, method: str, content_type: str, body: bytes) -> int:
        """Write a request down and return the status to answer with."""
        with self._lock:
            status = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            self._calls.append(Call(method, content_type, body, status))
            return status

    def take_new(self) -> list[Call]:
        """Return what came since this was last asked, in order."""
        with self._lock:
            new, self._calls = self._calls, []
            return new


class Receiver:
    """An HTTP server in a thread. Use it as a context manager.

    Args:
        host: How others reach it: `HOST`, `HOST:PORT` or a URL; None is this machine only.
        port: The local port; 0 takes a free one.

    Raises:
        OSError: The port cannot be had.
    """

    def __init__(self, host: str | None, port: int) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._numbers = count(1)
        local = host is None or urlsplit(f"//{host}").hostname in {"127.0.0.1", "localhost"}
        self._server = ThreadingHTTPServer(("127.0.0.1" if local else "", port), _handler(self))
        self._server.daemon_threads = True
        self.root = _root(host, self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()

    def inbox(self, *answers: int, name: str | None = None) -> Inbox:
        """Return a new inbox that answers so; without statuses always 200.

        Args:
            answers: The statuses.
            name: The end of its path; by default one that nobody can guess.
        """
        path = f"/inbox/{name or token_urlsafe(16)}"
        self._inboxes[path] = Inbox(self.root + path, answers or (200,))
        return self._inboxes[path]

    def file(self, name: str, content_type: str, body: bytes) -> str:
        """Offer a file and return its URL."""
        path = f"/files/{next(self._numbers)}/{name}"
        self._files[path.partition("?")[0]] = content_type, body
        return self.root + path

    def missing(self, name: str) -> str:
        """Return a URL where there is nothing."""
        return f"{self.root}/nothing/{name}"

    def called(self, method: str, path: str, content_type: str, body: bytes) -> int:
        """Tell the inbox of a path of a request and return the status to answer with."""
        inbox = self._inboxes.get(path)
        return 404 if inbox is None else inbox.take(method, content_type, body)

    def served(self, path: str) -> tuple[str, bytes] | None:
        """Return type and bytes of a file, or None where there is none."""
        return self._files.get(path)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _root(host: str | None, port: int) -> str:
    if host is None:
        return f"http://127.0.0.1:{port}"
    if "://" in host:
        return host.rstrip("/")
    return f"http://{host}" if urlsplit(f"//{host}").port else f"http://{host}:{port}"


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "0")
            body = self.rfile.read(min(int(length), _LARGEST) if length.isdecimal() else 0)
            content_type = self.headers.get("content-type", "")
            self._answer(receiver.called(self.command, self.path.partition("?")[0], content_type, body))

        do_PUT = do_PATCH = do_POST  # noqa: N815 - the parent's way to name methods

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            served = receiver.served(path)
            if served is None:
                self._answer(receiver.called(self.command, path, "", b""))
            else:
                self._answer(200, *served)

        def _answer(self, status: int, content_type: str = "text/plain", body: bytes = b"") -> None:
            self.close_connection = True
            try:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # who asked has gone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            """Say nothing."""

    return Handler
