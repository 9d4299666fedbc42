"""Forwards a request to the upstream, and streams its response back, both unchanged.

Only the headers of one connection (RFC 9110, 7.6.1) and `Host` are replaced, and one is added, against loops. Nothing
is tried again, and no redirect is followed: a task costs money, and a key has no business elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

import httpx

from ltx_mock.asgi.messages import BODYLESS
from ltx_mock.engine.outbound import MARK
from ltx_mock.engine.tls import trusting
from ltx_mock_contracts.io.server_url import server_root

if TYPE_CHECKING:
    import os

    from starlette.types import Scope

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

CONNECT_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 120.0
"""How long the upstream may be silent, in real seconds. Clients usually give up earlier."""
IDLE_SECONDS: Final = 2.0
"""How long an unused connection is kept. On an older one a request may cross the upstream's close, and be lost."""
OF_A_CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"}
    | {b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)

OF_A_BODY: Final = frozenset({b"content-length", b"content-encoding"})
FINAL_STATUSES: Final = range(200, 600)
"""The statuses of a response (RFC 9110, 15). Others cannot be passed on."""
UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.LocalProtocolError)
"""The errors before a request is sent."""


class UpstreamError(Exception):
    """The upstream has not responded; the text says why, and `was_reset` whether the connection was reset."""

    def __init__(self, error: httpx.HTTPError) -> None:
        super().__init__(_reason(error))
        self.was_reset = isinstance(error, httpx.NetworkError)


class UnreachableError(UpstreamError):
    """It cannot be reached, so it has not processed the request."""


class Upstream:
    """The API behind the proxy.

    Args:
        url: Its URL, with or without `/api/v1`.
        ca_file: A PEM file with certificates to trust besides those of the system.

    Raises:
        ValueError: `url` is no http or https URL of a server, or has a user or a password.

    Attributes:
        root: Its URL without `/api/v1`.
        host: Its host and port, for messages.
    """

    def __init__(self, url: str, ca_file: str | os.PathLike[str] | None = None) -> None:
        self.root = server_root(url)
        parts = urlsplit(self.root)
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("must have no user, no query and no fragment")
        self.host = parts.netloc
        self._mark = (MARK.encode(), secrets.token_hex(8).encode())
        timeout = httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        verify = trusting(ca_file) if parts.scheme == "https" else False
        limits = httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, verify=verify, follow_redirects=False)

    def has_sent(self, scope: Scope) -> bool:
        """Tell whether a request is one that was forwarded, and leads back here."""
        return self._mark in scope["headers"]

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def forwarded(
        self, scope: Scope, content: bytes | AsyncIterator[bytes], *, changed: bool = False
    ) -> AsyncIterator[httpx.Response]:
        """Send a request on and yield its response, whose body is not read yet.

        Args:
            scope: The request.
            content: Its body, with its content coding.
            changed: Whether the body is another one, without a content coding.

        Raises:
            UnreachableError: It cannot be reached.
            UpstreamError: There is no response.
        """
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        url, dropped = httpx.URL(self.root), {b"host"} | (OF_A_BODY if changed else set())
        request = httpx.Request(
            scope["method"],
            url.copy_with(raw_path=url.raw_path.rstrip(b"/") + target),
            headers=[
                *((name, value) for name, value in end_to_end(scope["headers"]) if name not in dropped),
                self._mark,
            ],
            content=content or None,
        )
        self._client.cookies.clear()  # cookies are the app's affair
        try:
            response = await self._client.send(request, stream=True, auth=None)
        except httpx.HTTPError as error:
            kind = UnreachableError if isinstance(error, UNSENT) else UpstreamError
            raise kind(error) from error
        try:
            if response.status_code not in FINAL_STATUSES:
                raise UpstreamError(httpx.RemoteProtocolError(f"the status is {response.status_code}"))
            yield response
        finally:
            await response.aclose()


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers without those of one connection."""
    given = [(name.lower(), value) for name, value in headers]
    named = b",".join(value for name, value in given if name == b"connection").lower()
    dropped = OF_A_CONNECTION | {each.strip() for each in named.split(b",")}
    return [(name, value) for name, value in given if name not in dropped]


def headers_of(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response to pass on; a `Content-Length` only if it is that of the body."""
    headers = end_to_end(response.headers.raw)
    if response.status_code not in BODYLESS and "transfer-encoding" not in response.headers:
        return headers
    return [(name, value) for name, value in headers if name != b"content-length"]


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        seconds = CONNECT_SECONDS if isinstance(error, httpx.ConnectTimeout) else SILENT_SECONDS
        return f"no response within {seconds:g} s"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
