"""httpx over a socket, past what mocks of httpx and httpcore put in the place of their transports and pools."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cached_property

import httpcore
import httpx

Verify = bool | ssl.SSLContext

_RAISED = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class SocketTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client` and `httpx.AsyncClient` alike: HTTP/1.1 with connections that are kept alive.

    A test that mocks the HTTP of the program under test does not mean its way to the fake. pytest-httpx replaces
    httpx's own transports and respx the pools of httpcore; this uses the connections below them.

    Args:
        verify: as in httpx: whether certificates are verified, or a context that does it.
    """

    def __init__(self, verify: Verify = True) -> None:
        self._verify = verify
        self._idle: list[httpcore.HTTP11Connection] = []
        self._idle_async: list[httpcore.AsyncHTTP11Connection] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        with _raising_httpx(request):
            sent = _sent(request)
            connection = self._kept(sent) or self._connect(sent)
            response = connection.handle_request(sent)
        return _received(response, _Body(request, response, connection, self._idle))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        with _raising_httpx(request):
            sent = _sent(request)
            connection = await self._kept_async(sent) or await self._connect_async(sent)
            response = await connection.handle_async_request(sent)
        return _received(response, _AsyncBody(request, response, connection, self._idle_async))

    def close(self) -> None:
        """See httpx."""
        while self._idle:
            self._idle.pop().close()

    async def aclose(self) -> None:
        """See httpx."""
        while self._idle_async:
            await self._idle_async.pop().aclose()

    def _kept(self, sent: httpcore.Request) -> httpcore.HTTP11Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.can_handle_request(sent.url.origin) and not connection.has_expired():
                return connection
            connection.close()
        return None

    async def _kept_async(self, sent: httpcore.Request) -> httpcore.AsyncHTTP11Connection | None:
        while self._idle_async:
            connection = self._idle_async.pop()
            if connection.can_handle_request(sent.url.origin) and not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    def _connect(self, sent: httpcore.Request) -> httpcore.HTTP11Connection:
        origin, seconds = sent.url.origin, sent.extensions.get("timeout", {}).get("connect")
        stream = httpcore.SyncBackend().connect_tcp(origin.host.decode(), origin.port, timeout=seconds)
        if origin.scheme == b"https":
            stream = stream.start_tls(self._tls, server_hostname=origin.host.decode(), timeout=seconds)
        return httpcore.HTTP11Connection(origin=origin, stream=stream)

    async def _connect_async(self, sent: httpcore.Request) -> httpcore.AsyncHTTP11Connection:
        origin, seconds = sent.url.origin, sent.extensions.get("timeout", {}).get("connect")
        stream = await httpcore.AnyIOBackend().connect_tcp(origin.host.decode(), origin.port, timeout=seconds)
        if origin.scheme == b"https":
            stream = await stream.start_tls(self._tls, server_hostname=origin.host.decode(), timeout=seconds)
        return httpcore.AsyncHTTP11Connection(origin=origin, stream=stream)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if isinstance(self._verify, ssl.SSLContext):
            return self._verify
        context = ssl.create_default_context()
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Body(httpx.SyncByteStream):
    """A body that gives its connection back when it is closed."""

    def __init__(
        self,
        request: httpx.Request,
        response: httpcore.Response,
        connection: httpcore.HTTP11Connection,
        idle: list[httpcore.HTTP11Connection],
    ) -> None:
        self._request, self._response, self._connection, self._idle = request, response, connection, idle

    def __iter__(self) -> Iterator[bytes]:
        with _raising_httpx(self._request):
            yield from self._response.iter_stream()

    def close(self) -> None:
        """See httpx."""
        self._response.close()
        if self._connection.is_idle():
            self._idle.append(self._connection)


class _AsyncBody(httpx.AsyncByteStream):
    """The same for an asynchronous client."""

    def __init__(
        self,
        request: httpx.Request,
        response: httpcore.Response,
        connection: httpcore.AsyncHTTP11Connection,
        idle: list[httpcore.AsyncHTTP11Connection],
    ) -> None:
        self._request, self._response, self._connection, self._idle = request, response, connection, idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _raising_httpx(self._request):
            async for piece in self._response.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        """See httpx."""
        await self._response.aclose()
        if self._connection.is_idle():
            self._idle.append(self._connection)


def _sent(request: httpx.Request) -> httpcore.Request:
    url = request.url
    if url.scheme not in {"http", "https"}:
        raise httpcore.UnsupportedProtocol(f"{url.scheme!r} is neither http nor https")
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _received(response: httpcore.Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    return httpx.Response(response.status, headers=response.headers, stream=stream, extensions=response.extensions)


@contextmanager
def _raising_httpx(request: httpx.Request) -> Iterator[None]:
    """Raise httpx's error of the same name for each of httpcore's."""
    try:
        yield
    except _RAISED as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error), request=request) from error
