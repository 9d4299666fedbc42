"""Serve the fake on a socket with uvicorn, without its log lines, signal handlers and periodic ticks."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import cast

import uvicorn
from starlette.types import Receive, Scope, Send

from ltx_mock.asgi.connection import reset
from ltx_mock.core.clock import SECOND
from ltx_mock.core.hosts import address_of
from ltx_mock.core.system_time import keep_time
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import LtxMockError
from ltx_mock.server.app import Endpoints, build
from ltx_mock.server.http_protocol import Connections, HttpConnection
from ltx_mock.server.quiet_logs import quiet_this_thread
from ltx_mock_contracts.io.own_sockets import OwnSocket, without_guard

STOP_SECONDS = 1
# A client polls every 5 s (CLI-2), uvicorn's default keep-alive timeout, so polls would hit closing connections.
KEEP_ALIVE_SECONDS = 75
ONE_PROCESS = 1
"""For uvicorn, which reads a number of workers for other programs from `WEB_CONCURRENCY` otherwise."""
BACKLOG = 2048
TRIES = 20
"""The number of free ports to try until one is free on all addresses."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        LtxMockError: the address is not available.
    """
    options = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
    if host == "::":
        options.append((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))  # all addresses of both families
    try:
        family, address = _place(host, port)
    except OSError as error:
        raise LtxMockError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    try:
        return _listening(family, options, address)
    except OSError as error:
        raise LtxMockError(f"cannot listen on {host}:{port}: {error.strerror or error}; try --port 0") from error


def listen(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets on one port for all addresses of a host; `localhost` has 127.0.0.1 and ::1.

    Addresses that this machine does not have are skipped.

    Raises:
        LtxMockError: an address is not available because another program listens there.
    """
    for _ in range(TRIES):
        first = bind(host, port)
        try:
            return [first, *_siblings(host, first)]
        except LtxMockError as error:
            first.close()
            problem = error
        if port:
            break
    raise problem


def _siblings(host: str, sock: socket.socket) -> list[socket.socket]:
    """Return a socket on the same port for each other address of a name."""
    if address_of(host) is not None:
        return []
    (own, port), found = sock.getsockname()[:2], list[socket.socket]()
    places = [(each[0], str(each[4][0])) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if host == "localhost":  # browsers use both, whatever the hosts file says (RFC 6761)
        places = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    for family, address in dict.fromkeys(places):
        if address == own:
            continue
        try:
            found.append(_sibling(family, address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                continue
            for each in found:
                each.close()
            raise LtxMockError(
                f"cannot listen on {_shown(address, port)}, which {host} includes: another program does. "
                f"Try --port 0, or --host {own}"
            ) from error
    return found


def _sibling(family: int, address: str, port: int) -> socket.socket:
    options = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]
    if family == socket.AF_INET6:
        options.append((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1))
    return _listening(family, options, (address, port))


def bind_same(sock: socket.socket, option: int) -> socket.socket:
    """Return another socket that listens on the same address; both have a socket option that allows it, SO_REUSEPORT.

    Raises:
        LtxMockError: the system has no more sockets.
    """
    names = [(socket.SOL_SOCKET, socket.SO_REUSEADDR), (socket.SOL_SOCKET, option)]
    if sock.family == socket.AF_INET6:
        names.append((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
    try:
        return _listening(sock.family, [(*name, sock.getsockopt(*name)) for name in names], sock.getsockname())
    except OSError as error:
        raise LtxMockError(f"cannot listen on {url_of(sock)}: {error.strerror or error}") from error


def _listening(family: int, options: Iterable[tuple[int, int, int]], address: tuple[object, ...]) -> socket.socket:
    sock = OwnSocket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _place(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    address = address_of(host)
    if address is None:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return family, place
    return (socket.AF_INET, (str(address), port)) if address.version == 4 else (socket.AF_INET6, (str(address), port))


def url_of(sock: socket.socket) -> str:
    """Return the URL of the socket for clients on this machine."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is read here, not bound
    return f"http://{_shown(host, port)}"


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextlib.asynccontextmanager
async def resetting(sockets: Iterable[socket.socket]) -> AsyncIterator[None]:
    """Reset all new connections to listening sockets."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(_Reset, sock=sock.dup()) for sock in sockets]
    try:
        yield
    finally:
        for server in servers:
            server.close()


class _Reset(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        reset(cast("asyncio.Transport", transport))


def _nothing() -> None:
    """Do nothing."""


def _is_relevant(record: logging.LogRecord) -> bool:
    """Drop log records about requests that a stop has cut off, and about refused requests."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and not str(record.msg).startswith(("Cancel ", "Invalid HTTP"))


def _connection() -> type[asyncio.Protocol]:
    """Return the protocol class of the installed parser."""
    try:
        from ltx_mock.server.http_protocol_httptools import HttptoolsConnection  # noqa: PLC0415 - there may be no httptools
    except ImportError:
        from ltx_mock.server.http_protocol_h11 import H11Connection  # noqa: PLC0415

        return H11Connection
    return HttptoolsConnection


class _WhileOpen:
    """The application around an engine; a request that comes during a restart or at the end waits."""

    def __init__(self, engine: Engine, endpoints: Endpoints | None) -> None:
        self._engine, self._app = engine, build(engine, endpoints)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        return (self._app if self._engine.is_open.is_set() else self._wait)(scope, receive, send)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._engine.is_open.wait()
        await self._app(scope, receive, send)


class HttpServer(uvicorn.Server):
    """Serves one engine on its sockets until `stop` is called; see `build`."""

    def __init__(self, engine: Engine, endpoints: Endpoints | None = None) -> None:
        self.connections = Connections()
        self.connections.restart = self.restart
        super().__init__(
            uvicorn.Config(
                _WhileOpen(engine, endpoints),
                interface="asgi3",
                # asyncio accepts so many connections at once, before any is closed to make room.
                backlog=max(1, min(100, self.connections.most // 12)),
                workers=ONE_PROCESS,
                log_config=None,
                lifespan="off",
                http=_connection(),
                ws="none",
                proxy_headers=False,  # the application reads them if there are any
                server_header=False,
                date_header=False,  # it would be the only real time in a response
                timeout_graceful_shutdown=STOP_SECONDS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )
        self.server_state = self.connections
        logging.getLogger("uvicorn.error").addFilter(_is_relevant)
        self._engine = engine
        self._close = None if endpoints is None else endpoints.close
        self._stop = asyncio.Event()
        self._away_ms: int | None = None
        self.is_away = False
        self.listening: list[socket.socket] = []

    async def run_on(self, sockets: list[socket.socket], on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until stopped; `on_ready` is called as soon as connections are accepted for the first time."""
        self._on_ready = on_ready
        self.listening = sockets
        await self._engine.open()
        try:
            await self.serve(sockets=self.listening)
            while (away_ms := self._away_ms) is not None:
                self._away_ms = None
                self._stop.clear()
                await self._engine.restart(self._stay_away(away_ms))
                await self.serve(sockets=self.listening)
        finally:
            await self._engine.close()
            await self._break_off(self.listening)  # with connections that came at the very end
            if self._close is not None:
                await self._close()

    def stop(self) -> None:
        """Start to stop. Call it in the server's event loop."""
        self._away_ms = None
        self._stop.set()

    def restart(self, away_ms: int) -> None:
        """Start to restart: from now on no connection is accepted. Call it in the server's event loop.

        All connections break. New ones are reset for so many real milliseconds, and then wait until the state was read
        again.
        """
        if self._stop.is_set():
            return
        self._away_ms, self.is_away = away_ms, away_ms > 0
        self._engine.is_open.clear()
        self.listening = [sock.dup() for sock in self.listening]  # asyncio closes those that it has listened on
        for server in self.servers:
            server.close()
        for connection in self._open_connections():
            connection.close_if_idle()
        self._stop.set()

    def _open_connections(self) -> list[HttpConnection]:
        return list(cast("set[HttpConnection]", self.connections.connections))

    async def _stay_away(self, milliseconds: int) -> None:
        if milliseconds:
            async with resetting(self.listening):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), milliseconds / SECOND)
        self.is_away = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        for sock in sockets or ():
            sock.listen(BACKLOG)  # the backlog: uvicorn passes the value for asyncio to the system
        self._on_ready()
        self._on_ready = _nothing

    async def main_loop(self) -> None:
        """Wait for `stop`, instead of uvicorn's ten ticks per second."""
        await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop at once if there are no connections, where uvicorn waits a tenth of a second.

        Event streams end by themselves, without a disconnect of the client. Requests that take too long get no
        response, where uvicorn answers 500.
        """
        if self._away_ms is not None:
            await self._break_off(sockets or [])
            return
        self._engine.observers.stopping()
        if self.server_state.connections or self.server_state.tasks:
            deadline = asyncio.get_running_loop().call_later(STOP_SECONDS, self._break_connections)
            await super().shutdown(sockets)
            deadline.cancel()
            return
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()

    async def _break_off(self, sockets: list[socket.socket]) -> None:
        """Close the sockets, and end all requests as the end of the process does."""
        for sock in sockets:
            sock.close()
        self._break_connections()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _break_connections(self) -> None:
        for connection in self._open_connections():
            connection.break_off()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command line; a library must not handle them."""
        yield


def run(
    make_server: Callable[[], HttpServer], sockets: list[socket.socket], on_ready: Callable[[HttpServer], None]
) -> None:
    """Run a server until it is stopped, in a new event loop of the fastest installed kind."""

    async def main() -> None:
        server = make_server()
        await server.run_on(sockets, lambda: on_ready(server))

    quiet_this_thread()
    with asyncio.Runner(debug=False, loop_factory=_new_loop) as runner:
        runner.run(main())


def _new_loop() -> asyncio.AbstractEventLoop:
    with without_guard():
        new = uvicorn.Config(app="", workers=ONE_PROCESS, log_config=None).get_loop_factory() or asyncio.new_event_loop
        return keep_time(new())
