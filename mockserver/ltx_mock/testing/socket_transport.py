"""An httpx transport over a socket that bypasses mocks of httpx and httpcore."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cached_property

import httpcore
import httpx
from httpcore._async.http11 import AsyncHTTP11Connection
from httpcore._backends.anyio import AnyIOBackend
from httpcore._models import URL, Request
from httpcore._sync.http11 import HTTP11Connection
from httpx._client import AsyncClient, Client
from httpx._models import Response

from ltx_mock.core.hosts import known_places
from ltx_mock.testing.connections import connected
from ltx_mock_contracts.io.own_sockets import ALLOW

__all__ = ["AsyncClient", "Client", "SocketTransport"]

# What is made here comes from the module that defines it: `httpx.Client` may be a mock when this one is imported.

Verify = bool | ssl.SSLContext

_RAISED = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class SocketTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """HTTP/1.1 with keep-alive, for `httpx.Client` and `httpx.AsyncClient`.

    A test's mocks of HTTP must not affect requests to the fake. pytest-httpx replaces httpx's transports and respx the
    pools of httpcore; this uses the connections below them.

    Args:
        verify: as in httpx: whether certificates are verified, or an SSL context.
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
        stream: httpcore.NetworkStream = _connected(origin.host.decode(), origin.port, seconds)
        if origin.scheme == b"https":
            stream = stream.start_tls(self._tls, server_hostname=origin.host.decode(), timeout=seconds)
        return HTTP11Connection(origin=origin, stream=stream)

    async def _connect_async(self, sent: httpcore.Request) -> httpcore.AsyncHTTP11Connection:
        origin, seconds = sent.url.origin, sent.extensions.get("timeout", {}).get("connect")
        stream = await _connected_async(origin.host.decode(), origin.port, seconds)
        if origin.scheme == b"https":
            stream = await stream.start_tls(self._tls, server_hostname=origin.host.decode(), timeout=seconds)
        return AsyncHTTP11Connection(origin=origin, stream=stream)

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
    """A body that releases its connection when it is closed."""

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
    """The body of an asynchronous client."""

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
    return Request(
        request.method,
        URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _received(response: httpcore.Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> httpx.Response:
    return Response(response.status, headers=response.headers, stream=stream, extensions=response.extensions)


class _Stream(httpcore.NetworkStream):
    """A connected socket with the stream interface of httpcore."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        with _raising(httpcore.ReadTimeout, httpcore.ReadError):
            self._sock.settimeout(timeout)
            return self._sock.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore. An empty write is skipped: it would consume a pending reset, which `read` must report."""
        if not buffer:
            return
        with _raising(httpcore.WriteTimeout, httpcore.WriteError):
            self._sock.settimeout(timeout)
            self._sock.sendall(buffer)

    def close(self) -> None:
        """See httpcore."""
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        """See httpcore."""
        with _raising(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                self._sock.settimeout(timeout)
                return _Stream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> object:
        """See httpcore."""
        match info:
            case "socket":
                return self._sock
            case "client_addr":
                return self._sock.getsockname()
            case "server_addr":
                return self._sock.getpeername()
            case "is_readable":
                return self._sock.fileno() < 0 or bool(select.select([self._sock], [], [], 0)[0])
        return None


def _connected(host: str, port: int, seconds: float | None) -> httpcore.NetworkStream:
    with _blocked(), _raising(httpcore.ConnectTimeout, httpcore.ConnectError):
        sock = connected((host, port), seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Stream(sock)


async def _connected_async(host: str, port: int, seconds: float | None) -> httpcore.AsyncNetworkStream:
    hosts = [str(address[0]) for _, address in known_places(host, port)] or [host]
    for each in hosts:
        try:
            with _blocked():
                return await AnyIOBackend().connect_tcp(each, port, timeout=seconds)
        except httpcore.ConnectError:
            if each == hosts[-1]:
                raise
    raise AssertionError("there is always a host")


@contextmanager
def _blocked() -> Iterator[None]:
    """Add a hint to the error of a guard that blocks sockets, which may be of any type."""
    try:
        yield
    except (RuntimeError, ExceptionGroup) as error:
        cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        message = f"{type(cause).__name__}: {cause}; {ALLOW}, or give the client the transport of the fake"
        raise httpx.ConnectError(message) from error


@contextmanager
def _raising(too_late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise too_late(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error


@contextmanager
def _raising_httpx(request: httpx.Request) -> Iterator[None]:
    """Translate errors of httpcore to those of httpx."""
    try:
        yield
    except _RAISED as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error), request=request) from error
