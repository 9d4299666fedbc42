"""Bytes over a connection, as no HTTP client would send them, and the responses that come back."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from support.waiting import SECONDS


class Heard(NamedTuple):
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


def connect(url: str) -> socket.socket:
    """Return a connection to a server."""
    parts = urlsplit(url)
    return socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=SECONDS)


def send(url: str, *pieces: bytes) -> list[Heard]:
    """Send pieces in a segment each and return the responses until the server hangs up, as it must."""
    with connect(url) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):  # a server may hang up before it has read all
            for piece in pieces:
                connection.sendall(piece)
        return list(responses(rest(connection)))


def rest(connection: socket.socket) -> bytes:
    """Return all that comes before the other side hangs up."""
    heard = b""
    while chunk := connection.recv(65_536):
        heard += chunk
    return heard


def responses(raw: bytes) -> Iterable[Heard]:
    """Take the responses that lie in a row apart."""
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        yield Heard(int(first.split(" ")[1]), headers, raw[:length])
        raw = raw[length:]


def request(method: str, target: str, *headers: str, body: bytes = b"", key: str = "k") -> bytes:
    """Return the bytes of a request; with a body, its length is among the headers."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", *headers]
    if body:
        lines += [f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
