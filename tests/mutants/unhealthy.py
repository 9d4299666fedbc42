"""Servers that are ill: silent, senseless or moody; and one that counts. Each is a context manager on loopback."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ltx_mock import MockServer
from ltx_mock_contracts import MalformedBody, parse_body, validate_request
from mutants.base import KEY
from support.bodies import TEXT, request_body
from support.waiting import SECONDS

POLL_SECONDS = 0.01
HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")
GARBAGE = b"\x15\x03\x01\x00\x02\x02\x16\xff\xfeSSH-2.0-nothing\r\n\r\n"


class Asked(NamedTuple):
    """A request on its way to the fake."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Told(NamedTuple):
    """An answer on its way back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


Manner = Callable[["Handler", Asked], None]


class _Tcp(ThreadingTCPServer):
    """Knows its connections, so that it can end those on which nobody says anything."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[BaseRequestHandler]) -> None:
        self.open: set[socket.socket] = set()
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has gone, or was shown out."""


class _Http(_Tcp, ThreadingHTTPServer):
    """The same for HTTP."""


@contextmanager
def _serving(server: _Tcp) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.over.set()
        server.shutdown()
        for connection in list(server.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        server.server_close()
        thread.join()


@contextmanager
def hanging() -> Iterator[str]:
    """A server that accepts, reads and never answers."""

    class Silent(BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                pass

    with _serving(_Tcp(Silent)) as url:
        yield url


@contextmanager
def garbage() -> Iterator[str]:
    """A server that answers with bytes that are no HTTP, and hangs up."""

    class Babble(BaseRequestHandler):
        def handle(self) -> None:
            if self.request.recv(65536):
                self.request.sendall(GARBAGE)

    with _serving(_Tcp(Babble)) as url:
        yield url


class Handler(BaseHTTPRequestHandler):
    """Hands a request on and its answer back, in the manner of its proxy."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: str
    manner: Manner

    def setup(self) -> None:
        super().setup()
        parts = urlsplit(self.upstream)
        self.way = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)

    def finish(self) -> None:
        self.way.close()
        super().finish()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        type(self).manner(self, Asked(self.command, self.path, headers, body))

    do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 - the parent's names

    def fetch(self, asked: Asked) -> Told:
        """Return what the server behind this one says."""
        headers = {name: value for name, value in asked.headers.items() if name not in HOP}
        self.way.request(asked.method, asked.path, asked.body, headers)
        response = self.way.getresponse()
        kept = [header for header in response.getheaders() if header[0].lower() not in HOP]
        return Told(response.status, kept, response.read())

    def tell(self, told: Told) -> None:
        """Send an answer in one piece."""
        self.start(told, ("content-length", str(len(told.body))))
        if self.command != "HEAD":
            self.wfile.write(told.body)

    def start(self, told: Told, *more: tuple[str, str]) -> None:
        self.send_response_only(told.status)
        for name, value in [*told.headers, *more]:
            self.send_header(name, value)
        self.end_headers()

    def hang(self) -> None:
        """Say nothing until the server is over."""
        assert isinstance(self.server, _Http)
        self.close_connection = True
        self.server.over.wait()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


@contextmanager
def _proxy(upstream: str | None, manner: Manner) -> Iterator[str]:
    """Serve in front of a URL, or of a new fake that accepts any key and `KEY` among them."""
    if upstream is None:
        with MockServer(clock="manual") as mock, _proxy(mock.url, manner) as url:
            yield url
        return
    kind = type("ProxyHandler", (Handler,), {"upstream": upstream, "manner": staticmethod(manner)})
    with _serving(_Http(kind)) as url:
        yield url


@contextmanager
def flaky(seed: int = 0, upstream: str | None = None) -> Iterator[str]:
    """A server of which one answer in three is a 500, no JSON, or none but a closed connection."""
    dice, lock = random.Random(seed), threading.Lock()

    def fail(handler: Handler) -> None:
        handler.close_connection = True

    def crash(handler: Handler) -> None:
        body = b'{"code":500,"message":"Internal server error","data":null}'
        handler.tell(Told(500, [("content-type", "application/json")], body))

    def babble(handler: Handler) -> None:
        handler.tell(Told(200, [("content-type", "application/json")], b'{"code":200,"mess\x00'))

    def manner(handler: Handler, asked: Asked) -> None:
        with lock:
            mood = dice.choice([fail, crash, babble]) if dice.random() < 1 / 3 else None
        told = handler.fetch(asked)
        if mood is None:
            handler.tell(told)
        else:
            mood(handler)

    with _proxy(upstream, manner) as url:
        yield url


@contextmanager
def slow(milliseconds: float = 5, upstream: str | None = None) -> Iterator[str]:
    """A server that thinks for so long before each answer and sends it in chunks."""

    def manner(handler: Handler, asked: Asked) -> None:
        told = handler.fetch(asked)
        time.sleep(milliseconds / 1000)
        if handler.command == "HEAD" or told.status in {204, 304}:
            handler.tell(told)
            return
        handler.start(told, ("transfer-encoding", "chunked"))
        size = max(7, len(told.body) // 20)
        for start in range(0, len(told.body), size):
            piece = told.body[start : start + size]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    with _proxy(upstream, manner) as url:
        yield url


@contextmanager
def silent_after(answers: int, upstream: str | None = None) -> Iterator[str]:
    """A server that answers so many requests and from then on none."""
    left, lock = [answers], threading.Lock()

    def manner(handler: Handler, asked: Asked) -> None:
        with lock:
            left[0] -= 1
            silent = left[0] < 0
        if silent:
            handler.hang()
        else:
            handler.tell(handler.fetch(asked))

    with _proxy(upstream, manner) as url:
        yield url


class Counting:
    """What a counting proxy saw.

    Attributes:
        url: its root.
        key: a key that the fake behind it accepts, unless it has others.
        made: how many answers of generateTask had HTTP 200 and a taskId: the tasks that were made.
        asked: how many requests of generateTask there were.
        polled: how many of statusTask.
        admin: how many of the control plane, which is not there.
    """

    def __init__(self) -> None:
        self.url = ""
        self.key = KEY
        self.made = self.asked = self.polled = self.admin = 0
        self._lock = threading.Lock()

    def note(self, asked: Asked, told: Told) -> None:
        generate = "/generateTask/" in asked.path
        with self._lock:
            self.asked += generate
            self.polled += "/statusTask/" in asked.path
            self.admin += asked.path.startswith("/__admin")
            self.made += generate and told.status == 200 and bool(_task_id(told.body))


@contextmanager
def counting(upstream: str | None = None, *, accepts_everything: bool = False) -> Iterator[Counting]:
    """A server that looks like a stranger, for it hides the control plane, and counts the tasks that are made.

    Args:
        upstream: the URL of the fake behind it; by default a new one.
        accepts_everything: whether it makes a task of every request of generateTask, however bad its body is.
    """
    seen = Counting()

    def manner(handler: Handler, asked: Asked) -> None:
        if asked.path.startswith("/__admin"):
            body = b'{"code":404,"message":"Not found","data":null}'
            told = Told(404, [("content-type", "application/json")], body)
        else:
            told = handler.fetch(_mended(asked) if accepts_everything else asked)
        seen.note(asked, told)
        handler.tell(told)

    with _proxy(upstream, manner) as url:
        seen.url = url
        yield seen


def _mended(asked: Asked) -> Asked:
    """Return the request with a good body in the place of a bad one."""
    if asked.method != "POST" or "/generateTask/" not in asked.path or not _is_bad(asked.body):
        return asked
    headers = asked.headers | {"content-type": "application/json"}
    return asked._replace(body=json.dumps(request_body(TEXT)).encode(), headers=headers)


def _is_bad(body: bytes) -> bool:
    try:
        return any(finding.severity == "violation" for finding in validate_request(parse_body(body)))
    except MalformedBody:
        return True


def _task_id(body: bytes) -> str:
    try:
        return str(json.loads(body)["data"]["taskId"])
    except (ValueError, KeyError, TypeError):
        return ""
