"""An API of plain sockets: it keeps the bytes of requests and sends the bytes that a test gives it."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Self

from support.waiting import SECONDS


class Raw(NamedTuple):
    """A request: its line, its headers with lower-case names, and the bytes of its body as they came."""

    line: str
    headers: dict[str, str]
    body: bytes


class RawUpstream:
    """Answers each request with the next of some responses, each a list of pieces; the last one goes on for ever.

    Between two pieces it waits until `go_on` is called. An empty list closes the connection.
    """

    def __init__(self, *responses: Sequence[bytes]) -> None:
        self.requests: queue.Queue[Raw] = queue.Queue()
        self._responses = list(responses)
        self._next = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse_connections()
        self._listener.close()
        self.go_on(1000)
        self._thread.join(SECONDS)

    def refuse_connections(self) -> None:
        """Refuse new connections from now on; its port stays taken."""
        with suppress(OSError):  # it does already
            self._listener.shutdown(socket.SHUT_RDWR)

    def go_on(self, pieces: int = 1) -> None:
        """Let it send the next piece."""
        self._next.release(pieces)

    def take(self) -> Raw:
        """Return the next request, waiting for it."""
        return self.requests.get(timeout=SECONDS)

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(SECONDS)
                self._answer(sock)

    def _answer(self, sock: socket.socket) -> None:
        stream = sock.makefile("rb")
        head = []
        while (line := stream.readline()) not in {b"\r\n", b""}:
            head.append(line.decode("latin-1").rstrip("\r\n"))
        if not head:
            return
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while (size := int(stream.readline(), 16)) > 0:
                body += stream.read(size)
                stream.readline()
        else:
            body = stream.read(int(headers.get("content-length", 0)))
        self.requests.put(Raw(head[0], headers, body))
        pieces = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        for number, piece in enumerate(pieces):
            if number:
                self._next.acquire(timeout=SECONDS)
            sock.sendall(piece)


def response(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """Return the bytes of a response that ends its connection."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
