"""The thread of the fake, and functions to run code in it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from threading import Thread
from typing import Any, TypeVar

from starlette.types import ASGIApp

from ltx_mock.core.settings import Settings
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import LtxMockError
from ltx_mock.server.app import Endpoints, new_engine
from ltx_mock.server.http import HttpServer, listen, run, url_of
from ltx_mock.server.process import close_in_children, require_threads

T = TypeVar("T")

START_SECONDS = 10.0
STOP_SECONDS = 5.0
STOPPED = "the server is stopped"


class ServerThread:
    """A server in its own thread, with its own event loop.

    Args:
        settings: Its settings.
        endpoints: Makes what answers instead of the fake, given the engine; None if that answers.

    Attributes:
        url: The root of the server.
        app: The application, to be called in the server's event loop.
        internal_errors: Errors in the background, which no response could show.
    """

    def __init__(self, settings: Settings, endpoints: Callable[[Engine], Endpoints | None] | None = None) -> None:
        require_threads("a MockServer")
        self.engine = new_engine(settings)
        self._endpoints = endpoints(self.engine) if endpoints else None
        self.internal_errors: list[str] = []
        self._sockets = listen(settings.host, settings.port)
        self.url = url_of(self._sockets[0])
        self._pid = os.getpid()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: HttpServer | None = None
        self._failure: LtxMockError | None = None
        self._thread = Thread(target=self._run, name="ltx-mock", daemon=True)
        close_in_children(self)
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise LtxMockError(f"the server did not start within {START_SECONDS:g} s")
        if self._failure is not None:
            raise self._failure

    @property
    def app(self) -> ASGIApp:
        """The ASGI application."""
        if self._server is None:
            raise LtxMockError(STOPPED)
        return self._server.config.app  # type: ignore[return-value]

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the server's event loop.

        Raises:
            LtxMockError: the server is stopped, or this is a forked child process.
        """
        if os.getpid() != self._pid:
            work.close()
            raise LtxMockError(
                f"this MockServer runs in process {self._pid}, of which this one is a fork. A child can call the API "
                f"at {self.url}; the rest is for the parent, or for a MockServer that the child starts itself"
            )
        if self._loop is None or not self._thread.is_alive() or self._loop.is_closed():
            work.close()
            raise LtxMockError(STOPPED)
        return asyncio.run_coroutine_threadsafe(self._when_open(work), self._loop)

    async def _when_open(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, but not during a restart."""
        try:
            await self.engine.is_open.wait()
        except BaseException:
            work.close()
            raise
        return await work

    def restart(self, away_ms: int) -> None:
        """Start to restart the server; see `HttpServer.restart`. Call it in its event loop."""
        if self._server is not None:
            self._server.restart(away_ms)

    @property
    def is_away(self) -> bool:
        """Whether the server refuses connections for a while."""
        return self._server is not None and self._server.is_away

    def wait_for(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine in the server's event loop and return what it returns; `timeout` is in real seconds.

        Raises:
            LtxMockError: the server is stopped, or is busy for longer than the timeout.
        """
        future = self.begin(work)
        try:
            return future.result(timeout)
        except CancelledError:
            raise LtxMockError("the server was stopped meanwhile") from None
        except TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise LtxMockError(f"the server did not respond within {timeout:g} s") from None

    def stop(self) -> None:
        """Stop the server and wait for its thread. Does nothing the second time."""
        if os.getpid() == self._pid and self._thread.is_alive() and self._loop is not None and self._server is not None:
            try:
                self._loop.call_soon_threadsafe(self._server.stop)
            except RuntimeError:  # its loop was closed meanwhile
                return
        if self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)

    def open_sockets(self) -> Iterator[int]:
        """Return the file descriptors of the listening sockets and of all connections."""
        yield from (sock.fileno() for sock in (self._server.listening if self._server else self._sockets))
        for connection in list(self._server.server_state.connections) if self._server else ():
            transport = getattr(connection, "transport", None)
            sock = transport.get_extra_info("socket") if transport else None
            yield sock.fileno() if sock else -1

    def _run(self) -> None:
        try:
            run(lambda: HttpServer(self.engine, self._endpoints), self._sockets, self._on_ready)
        except LtxMockError as problem:
            self._failure = problem
            for sock in self._sockets:
                sock.close()
            self._ready.set()

    def _on_ready(self, server: HttpServer) -> None:
        self._server, self._loop = server, asyncio.get_running_loop()
        self._loop.set_exception_handler(self._note)
        self._ready.set()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.internal_errors.append(f"{type(error).__name__}: {error}" if error else str(context.get("message")))
        loop.default_exception_handler(context)


def in_thread(server_thread: ServerThread, work: Callable[[], T]) -> T:
    """Run a function in the server's thread and return what it returns."""

    async def step() -> T:
        return work()

    return server_thread.wait_for(step())
