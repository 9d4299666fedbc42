"""The HTTP client of the fake, for callbacks, reference images and LoRAs.

It uses h11 over asyncio (`ltx_mock.engine.single_request`), not httpx, requests or urllib3, as tests mock those for
the program under test. A guard such as pytest-socket sees its sockets, except those to our own listeners
(`ltx_mock_contracts.io.own_sockets`).
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from asyncio import open_connection
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ltx_mock.core.hosts import CONTAINER_HOST
from ltx_mock.engine.kept_connection import KeptConnection, StaleError
from ltx_mock.engine.target import Target, connected, target_of
from ltx_mock.engine.tls import trusting, why_refused
from ltx_mock_contracts.io.own_sockets import ALLOW

if TYPE_CHECKING:
    import h11

    from ltx_mock.engine.single_request import SingleRequest

USER_AGENT = "ltx-mock"
MARK = "x-ltx-mock-outgoing"
"""A header on all requests of the fake; a control plane refuses requests with it."""

READ_BYTES = 64 * 1024
START_BYTES = 64

_PRINTABLE = re.compile(r"[ -~]*")

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
    """A response to a GET: the start of its body, the number of bytes read, and its `Content-Type`."""

    status: int
    location: str | None
    start: bytes = b""
    size: int = 0
    media_type: str | None = None


class Sender:
    """Sends requests, without following redirects, and ignores proxy settings.

    Args:
        ca_file: a PEM file with certificates to trust besides those of the system.
    """

    def __init__(self, ca_file: str | os.PathLike[str] | None = None) -> None:
        self._ca_file = ca_file
        if ca_file is not None:
            _ = self._tls  # to report an unusable file at once

    async def post(
        self,
        url: str,
        body: bytes,
        timeout_s: float,
        content_type: str,
        line: Line | None = None,
        *,
        headers: Headers = (),
        last: bool = True,
    ) -> int:
        """POST a body and return the status as soon as it arrives.

        Args:
            url: the receiver.
            body: the body.
            timeout_s: the time limit in real seconds.
            content_type: the type of the body.
            line: the connection for several requests to this receiver; without it, a new connection is used.
            headers: further headers, with printable values.
            last: whether no other request follows on the line.

        Raises:
            Unanswered: no response within the time limit.
        """
        target = _target(url)
        of_body = (("content-type", content_type), ("content-length", str(len(body))))
        async with _Limited(target, timeout_s):
            if line is not None and not target.secure and _PRINTABLE.fullmatch(content_type):
                return await self._post_on(line, target, of_body, headers, body, closes=last)
            connection = await self._connect(target)
            try:
                sent = _named(target, (*of_body, *headers))
                return (await connection.ask("POST", target.path, sent, body)).status_code
            finally:
                connection.close()

    async def get(
        self,
        url: str,
        timeout_s: float,
        limit: int,
        *,
        keep: Callable[[bytes], object] | None = None,
        only_public: bool = False,
    ) -> Fetched:
        """GET over a new connection, and read the body of a 200 up to its end or to more than `limit` bytes.

        Args:
            url: what to get.
            timeout_s: the time limit in real seconds.
            limit: the maximum size.
            keep: is called with each part of the body.
            only_public: whether to connect to public addresses only.

        Raises:
            Unanswered: no complete response within `timeout_s` real seconds, or an encoded one.
        """
        target = _target(url)
        async with _Limited(target, timeout_s):
            connection = await self._connect(target, only_public=only_public)
            try:
                response = await connection.ask("GET", target.path, _named(target))
                media_type = _header(response, b"content-type")
                fetched = Fetched(response.status_code, _header(response, b"location"), media_type=media_type)
                if response.status_code != 200:
                    return fetched
                if (encoding := _header(response, b"content-encoding") or "identity").strip().lower() != "identity":
                    raise Unanswered(f"the response has Content-Encoding {encoding[:40]!r}; serve the file unencoded")
                start, size = b"", 0
                while size <= limit and (part := await connection.part()) is not None:
                    start += part[: START_BYTES - len(start)]
                    size += len(part)
                    if keep is not None:
                        keep(part)
                return fetched._replace(start=start, size=size)
            finally:
                connection.close()

    async def _post_on(
        self,
        line: Line,
        target: Target,
        of_body: tuple[tuple[str, str], ...],
        headers: Headers,
        body: bytes,
        *,
        closes: bool,
    ) -> int:
        raw = _raw_head("POST", target, of_body, closes=closes) + _raw(headers) + b"\r\n" + body
        try:
            connection = await self._kept(line, target)
            try:
                status, begun = await connection.ask(raw)
            except StaleError:
                line.close()
                connection = await self._kept(line, target)
                status, begun = await connection.ask(raw)
            if status is None:
                sent = _named(target, (*of_body, *headers))
                response = await _single_request(*connection.streams).read("POST", target.path, sent, body, begun)
                status = response.status_code
        except BaseException:
            line.close()
            raise
        return status

    async def _kept(self, line: Line, target: Target) -> KeptConnection:
        """Return the connection of a line, a new one if it has none that can be used."""
        if line.connection is None or not await line.connection.is_usable():
            line.close()
            line.connection = await KeptConnection.over(await _socket(target))
        return line.connection

    async def _connect(self, target: Target, *, only_public: bool = False) -> SingleRequest:
        tls, name = (self._tls, target.name) if target.secure else (None, None)
        sock = await _socket(target, only_public=only_public)
        return _single_request(*await open_connection(sock=sock, ssl=tls, server_hostname=name))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return trusting(self._ca_file)


class Line:
    """The connection for several requests to one receiver, one after the other; a new one when it closes that."""

    connection: KeptConnection | None = None

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def _single_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> SingleRequest:
    from ltx_mock.engine.single_request import SingleRequest  # noqa: PLC0415 - most servers send no request

    return SingleRequest(reader, writer)


def _target(url: str) -> Target:
    try:
        return target_of(url)
    except ValueError as error:
        raise Unanswered(f"{url[:200]!r} cannot be called: {error}") from None


def _named(target: Target, headers: Headers = (), *, closes: bool = True) -> list[tuple[str, str]]:
    """Return all headers of a request."""
    return [
        ("host", target.authority),
        ("user-agent", USER_AGENT),
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("connection", "close" if closes else "keep-alive"),
        (MARK, "1"),
        *([("authorization", target.authorization)] if target.authorization else []),
        *headers,
    ]


@lru_cache(maxsize=256)
def _raw_head(method: str, target: Target, headers: tuple[tuple[str, str], ...], *, closes: bool) -> bytes:
    """Return the first line of a request and these headers as bytes; all values must be printable."""
    return f"{method} {target.path} HTTP/1.1\r\n".encode("ascii") + _raw(_named(target, headers, closes=closes))


def _raw(headers: Headers) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")


class _Limited:
    """Limits the time of an exchange, and reports what goes wrong as `Unanswered`."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        self._target, self._seconds, self._timeout = target, timeout_s, asyncio.timeout(timeout_s)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            error = late
        if isinstance(error, TimeoutError):
            raise Unanswered(f"no response within {self._seconds:g} s", "silent") from None
        if isinstance(error, OSError):
            raise _unanswered(error, self._target) from None


async def _socket(target: Target, *, only_public: bool = False) -> socket.socket:
    try:
        return await connected(target, only_public=only_public)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a guard of the user's, such as pytest-socket, raises what it likes
        raise Unanswered(f"{type(error).__name__}: {error}; {ALLOW}") from None


def _header(response: h11.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key == name), None)


def _unanswered(error: Exception, target: Target) -> Unanswered:
    place = f"{target.name}:{target.port}"
    if isinstance(error, ConnectionRefusedError):
        return Unanswered(f"nothing listens on {place} {CONNECTION_REFUSED}", "refused")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unanswered(f"the certificate of {place} is not accepted: {why_refused(error)}", "untrusted")
    if isinstance(error, ssl.SSLError):
        return Unanswered(f"no TLS with {place}: {error.reason or error}; does the server use https?")
    if isinstance(error, socket.gaierror):
        start = f"; start the container with --add-host {CONTAINER_HOST}:host-gateway"
        hint = start if target.name == CONTAINER_HOST else ""
        return Unanswered(f"the host {target.name} cannot be found: {error.strerror}{hint}")
    return Unanswered(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
