"""The HTTP client of the fake, for callbacks, reference images and LoRAs.

It uses h11 over asyncio, not httpx, requests or urllib3, because tests mock those for the program under test. A guard
such as pytest-socket sees its sockets, except those to our own listeners (`ltx_mock_contracts.io.own_sockets`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import ssl
from asyncio import open_connection
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Final, Literal, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

import h11

from ltx_mock.core.hosts import address_of, connectable, known_places
from ltx_mock.engine.tls import trusting, why_refused
from ltx_mock_contracts.io.own_sockets import ALLOW, socket_for

USER_AGENT = "ltx-mock"
MARK = "x-ltx-mock-outgoing"
"""A header on all requests of the fake; a control plane refuses requests with it."""

READ_BYTES = 64 * 1024
START_BYTES = 64
MAX_INFORMATIONAL = 8
_SAFE = "!#$%&'()*+,/:;=?@[]~"

Headers = Sequence[tuple[str, str]]
Silence = Literal["silent", "refused", "untrusted", "broken"]


CONNECTION_REFUSED: Final = "(connection refused)"
"""A part of the reason of a refused connection."""


class Unanswered(Exception):  # noqa: N818 - not an error of ours
    """The other side sent no readable HTTP response.

    `kind` is `silent`, `refused` (the connection), `untrusted` (the certificate) or `broken`.
    """

    def __init__(self, reason: str, kind: Silence = "broken") -> None:
        super().__init__(reason)
        self.kind = kind


class Fetched(NamedTuple):
    """A response to a GET: the start of its body, and the number of bytes read."""

    status: int
    location: str | None
    start: bytes = b""
    size: int = 0


class Sender:
    """Sends each request over a new connection. It follows no redirects and ignores proxy settings.

    Args:
        ca_file: a PEM file with certificates to trust besides those of the system.
    """

    def __init__(self, ca_file: str | os.PathLike[str] | None = None) -> None:
        self._ca_file = ca_file
        if ca_file is not None:
            _ = self._tls  # to report an unusable file at once

    async def post(self, url: str, body: bytes, timeout_s: float, content_type: str) -> int:
        """POST a body and return the status as soon as it arrives.

        Raises:
            Unanswered: no response within `timeout_s` real seconds.
        """
        headers = [("content-type", content_type), ("content-length", str(len(body)))]
        async with self._exchange("POST", url, timeout_s, headers, body) as (_, response):
            return response.status_code

    async def get(self, url: str, timeout_s: float, limit: int) -> Fetched:
        """GET, and read the body of a 200 up to its end or to more than `limit` bytes.

        Raises:
            Unanswered: no complete response within `timeout_s` real seconds, or an encoded one.
        """
        async with self._exchange("GET", url, timeout_s) as (connection, response):
            fetched = Fetched(response.status_code, _header(response, b"location"))
            if response.status_code != 200:
                return fetched
            if (encoding := _header(response, b"content-encoding") or "identity").strip().lower() != "identity":
                raise Unanswered(f"the response has Content-Encoding {encoding[:40]!r}; serve the file unencoded")
            start, size = b"", 0
            while size <= limit and isinstance(event := await connection.next_event(), h11.Data):
                start += event.data[: START_BYTES - len(start)]
                size += len(event.data)
            return fetched._replace(start=start, size=size)

    @asynccontextmanager
    async def _exchange(
        self, method: str, url: str, timeout_s: float, headers: Headers = (), body: bytes = b""
    ) -> AsyncIterator[tuple[_Connection, h11.Response]]:
        try:
            target = _Target.of(url)
        except ValueError as error:
            raise Unanswered(f"{url[:200]!r} cannot be called: {error}") from None
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._connect(target)
                try:
                    yield connection, await connection.ask(method, target, headers, body)
                finally:
                    connection.close()
        except TimeoutError:
            raise Unanswered(f"no response within {timeout_s:g} s", "silent") from None
        except (h11.ProtocolError, OSError) as error:
            raise _unanswered(error, target) from None

    async def _connect(self, target: _Target) -> _Connection:
        try:
            sock = await _connected(target)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a guard of the user's, such as pytest-socket, raises what it likes
            raise Unanswered(f"{type(error).__name__}: {error}; {ALLOW}") from None
        tls, name = (self._tls, target.name) if target.secure else (None, None)
        return _Connection(*await open_connection(sock=sock, ssl=tls, server_hostname=name))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return trusting(self._ca_file)


class _Target(NamedTuple):
    """The parts of a URL that a connection and a request need.

    `host` is the host to connect to, `name` the name that the certificate must have.
    """

    secure: bool
    host: str
    name: str
    port: int
    path: str
    authority: str
    authorization: str | None

    @classmethod
    def of(cls, url: str) -> Self:
        """Parse a URL; raises `ValueError` if it is not an http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise ValueError(f"the scheme is {parts.scheme[:20]!r}, not http or https")
        if not parts.hostname:
            raise ValueError("it has no host")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        secure = parts.scheme == "https"
        query = f"?{parts.query}" if parts.query else ""
        shown = f"[{host}]" if ":" in host else host
        user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return cls(
            secure,
            connectable(host),
            connectable(host) if address_of(host) else host.rstrip("."),
            (443 if secure else 80) if parts.port is None else parts.port,
            quote((parts.path or "/") + query, safe=_SAFE),
            shown if parts.port is None else f"{shown}:{parts.port}",
            None if user == ":" else f"Basic {base64.b64encode(user.encode()).decode()}",
        )


class _Connection:
    """A connection for one request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)

    async def ask(self, method: str, target: _Target, headers: Headers, body: bytes) -> h11.Response:
        """Send a request and return the head of the response."""
        named = [
            ("host", target.authority),
            ("user-agent", USER_AGENT),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("connection", "close"),
            (MARK, "1"),
            *([("authorization", target.authorization)] if target.authorization else []),
            *headers,
        ]
        request = h11.Request(method=method, target=target.path, headers=named)
        parts = (request, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(part) or b"" for part in parts))
        with contextlib.suppress(
            ConnectionError
        ):  # a server that closes the connection early may have responded before
            await self._writer.drain()
        for _ in range(MAX_INFORMATIONAL + 1):
            event = await self.next_event()
            if isinstance(event, h11.Response):
                return event
        raise Unanswered("no end to its informational answers (1xx)")

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        """Return the next event of the response."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(READ_BYTES)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise Unanswered("the connection closed without a response")
            self._http.receive_data(data)
        return event  # type: ignore[return-value]

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def _connected(target: _Target) -> socket.socket:
    """Connect to the first address of the target that accepts."""
    loop = asyncio.get_running_loop()
    places = known_places(target.host, target.port)
    if not places:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        places = [(family, where) for family, _, _, _, where in found]
    for number, place in enumerate(places, 1):
        sock = socket_for(place)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, place[1])
        except BaseException as error:
            sock.close()
            if number == len(places) or not isinstance(error, OSError):
                raise
        else:
            return sock
    raise OSError("its name has no address")


def _header(response: h11.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key == name), None)


def _unanswered(error: Exception, target: _Target) -> Unanswered:
    place = f"{target.name}:{target.port}"
    if isinstance(error, ConnectionRefusedError):
        return Unanswered(f"nothing listens on {place} {CONNECTION_REFUSED}", "refused")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unanswered(f"the certificate of {place} is not accepted: {why_refused(error)}", "untrusted")
    if isinstance(error, ssl.SSLError):
        return Unanswered(f"no TLS with {place}: {error.reason or error}; does the server use https?")
    if isinstance(error, socket.gaierror):
        return Unanswered(f"the host {target.name} cannot be found: {error.strerror}")
    return Unanswered(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
