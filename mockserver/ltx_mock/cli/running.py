"""Run one server in this process, or several in worker processes, until a signal ends them."""

from __future__ import annotations

import asyncio
import gc
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, NamedTuple

from ltx_mock.cli.output import note, use_readable_streams
from ltx_mock.cli.streams import Outlet
from ltx_mock.core.setting_readers import MEMORY
from ltx_mock.core.settings import Settings
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import LtxMockError
from ltx_mock.server.app import Endpoints, new_engine
from ltx_mock.server.http import HttpServer, run
from ltx_mock.server.workers import READY, Supervisor, restart_line, sockets_of_workers
from ltx_mock_contracts.io.own_sockets import OwnSocket

if TYPE_CHECKING:
    from ltx_mock.cli.console import LineFormat

SIGNALS = (signal.SIGINT, signal.SIGTERM)
COLLECT_AFTER = (500, 4, 25_000)
"""So a usual pass walks 500 new objects, each fifth 2,500: at most two milliseconds, however many tasks there are."""
COLLECT_AMONG_WAITING = (2000, 4, 6250)
"""The same where requests wait for a commit: they hold more than 500 objects, which would be walked in each commit."""


class WorkerSetup(NamedTuple):
    """What a worker process gets from its supervisor.

    Attributes:
        settings: All settings, with the seed and with secrets.
        lines: The form of the lines to print; None for no lines.
        encoding: The encoding of the supervisor's stdout.
        errors: How characters are written that it lacks.
    """

    settings: Settings
    lines: LineFormat | None
    encoding: str
    errors: str


def end_at_sigterm() -> None:
    """Let SIGTERM end this process also before it serves: the first process of a container ignores it by default."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def run_server(
    engine: Engine,
    sockets: list[socket.socket],
    lines: LineFormat | None,
    on_ready: Callable[[], None],
    on_start: Callable[[HttpServer], None] = lambda _: None,
    endpoints: Endpoints | None = None,
) -> None:
    """Serve in this process until SIGINT or SIGTERM.

    Args:
        engine: the engine to serve.
        sockets: the listening sockets.
        lines: the form of the lines to print; None for no lines.
        on_ready: is called as soon as connections are accepted.
        on_start: is called in the event loop with the server, just before.
        endpoints: what answers instead of the fake.
    """
    console = lines.console() if lines else None
    if console:
        engine.observers.add(console)

    def ready(server: HttpServer) -> None:
        on_signals(server.stop)
        on_start(server)
        _tame_garbage_collector(engine.store.settings.store)
        on_ready()

    try:
        run(lambda: HttpServer(engine, endpoints), sockets, ready)
    finally:
        _end_quickly()
        if console:
            console.close()


def run_workers(
    count: int,
    settings: Settings,
    sockets: list[socket.socket],
    lines: LineFormat | None,
    on_ready: Callable[[], None],
) -> None:
    """Serve in worker processes until SIGINT or SIGTERM; see `run_server`.

    Raises:
        LtxMockError: the workers do not start.
    """
    outlet = Outlet(sys.stdout) if lines else None
    encoding, errors = getattr(sys.stdout, "encoding", "utf-8"), getattr(sys.stdout, "errors", "strict")
    setup = pickle.dumps(WorkerSetup(settings, lines, encoding, errors))

    def write(text: bytes) -> None:
        if outlet:
            outlet.write(text.decode(encoding, "replace"))

    async def main() -> None:
        supervisor = Supervisor(__name__, setup, sockets_of_workers(sockets, count), write, note)
        on_signals(supervisor.stop)
        await supervisor.run(on_ready)

    try:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(main())
    finally:
        _end_quickly()
        if outlet:
            outlet.close()


def main(descriptors: Sequence[int]) -> None:
    """Be a worker of `run_workers` until stdin ends.

    Args:
        descriptors: the numbers of the inherited listening sockets.
    """
    setup: WorkerSetup = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the supervisor
    use_readable_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding=setup.encoding, errors=setup.errors)
    sockets: list[socket.socket] = [OwnSocket(fileno=each) for each in descriptors]

    def tell(text: str) -> None:
        print(text, flush=True)

    def obey_supervisor(server: HttpServer) -> None:
        loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()
        server.connections.restart = lambda away_ms: tell(restart_line(away_ms))

        def stop() -> None:
            loop.remove_reader(stdin)
            server.stop()

        loop.add_reader(stdin, stop)

    try:
        run_server(new_engine(setup.settings), sockets, setup.lines, lambda: tell(READY), obey_supervisor)
    except LtxMockError as error:
        tell(str(error))
        sys.exit(2)


def on_signals(stop: Callable[[], None]) -> None:
    """Call a function in the running event loop at SIGINT and SIGTERM.

    The loop must know: it would not wake up for a handler of `signal.signal` if a signal came just before it waits.
    """
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        try:
            loop.add_signal_handler(name, stop)
        except NotImplementedError:  # on Windows, whose loop wakes up by itself
            signal.signal(name, lambda *_: None if loop.is_closed() else loop.call_soon_threadsafe(stop))


def _end_quickly() -> None:
    """Prepare for the end of the process: it ignores a second Ctrl-C, and its garbage collector has nothing to do."""
    for name in SIGNALS:
        signal.signal(name, signal.SIG_IGN)
    gc.freeze()


def _tame_garbage_collector(store: str = MEMORY) -> None:
    """Tune the garbage collector, whose passes over a large table of tasks would cause pauses of 100 ms."""
    gc.freeze()
    gc.set_threshold(*(COLLECT_AFTER if store == MEMORY else COLLECT_AMONG_WAITING))
