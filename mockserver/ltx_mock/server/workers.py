"""Several worker processes on one port, and the supervisor that starts and replaces them.

A worker reads its setup from its stdin, which stays open: the worker stops when stdin ends, also when the supervisor is
killed. Its stdout begins with the line `ready`, or with the reason why it cannot start; all further lines are for the
supervisor's stdout, except a line that asks for a restart of all workers (`restart_line`). Nothing secret is on its
command line or in its environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import cast

from ltx_mock.core.clock import SECOND
from ltx_mock.errors import LtxMockError
from ltx_mock.server.http import STOP_SECONDS, bind_same, resetting

READY = "ready"
MOST_FAILURES = 5
"""So many workers in a row may end before they are ready, as long as the server has never served."""
RETRY_SECONDS = 1.0
"""The pause before another try, when a server that has served cannot start a worker: its store may be away."""
KILL_SECONDS = STOP_SECONDS + 0.25
"""Time for all workers to stop; the supervisor itself then has the rest of 2 seconds to end."""
PIECE_BYTES = 64 * 1024
_restart_line = re.compile(rb"^\0restart (\d+)\n", re.MULTILINE)
# The search path of modules is the supervisor's. With -P nothing is imported from the current folder before it is set.
START = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); from importlib import import_module; "
    "import_module(sys.argv[1]).main([int(each) for each in sys.argv[2:]])"
)


def sockets_of_workers(sockets: Sequence[socket.socket], count: int) -> list[list[socket.socket]]:
    """Return the listening sockets for each of several workers, given those of one server.

    On Linux each worker has its own, over which the kernel spreads connections evenly; from a common one the worker
    that happens to be awake takes most. As the supervisor holds all sockets, connections to a worker that ends wait for
    the next one. Elsewhere SO_REUSEPORT does not spread connections, and the workers have common sockets.

    Raises:
        LtxMockError: the system has no more sockets.
    """
    if sys.platform != "linux":
        return [list(sockets)] * count
    for sock in sockets:  # only now, so that no other server could share the port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return [list(sockets), *([bind_same(sock, socket.SO_REUSEPORT) for sock in sockets] for _ in range(count - 1))]


def restart_line(away_ms: int) -> str:
    """Return the line by which a worker asks for a restart of all workers.

    Args:
        away_ms: how many real milliseconds to wait between their end and the start of new ones.
    """
    return f"\0restart {away_ms}"


class Worker:
    """One worker process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stdin = cast("asyncio.StreamWriter", process.stdin)
        self._stdout = cast("asyncio.StreamReader", process.stdout)
        self.is_ready = False

    @classmethod
    async def start(cls, module: str, setup: bytes, sockets: Iterable[socket.socket]) -> Worker:
        """Start a process that runs `main` of a module with inherited sockets, and give it its setup.

        The process has a session of its own, so that only the supervisor gets signals from the terminal.
        """
        descriptors = [each.fileno() for each in sockets]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", START, module, *map(str, descriptors)),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=descriptors,
            start_new_session=True,
        )
        worker = cls(process)
        worker._stdin.write(json.dumps(sys.path).encode() + b"\n" + setup)
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def begin(self) -> str:
        """Wait until it is ready or has ended; return the reason that it gives for not being ready, or nothing."""
        first = (await self._stdout.readline()).decode(errors="replace").strip()
        self.is_ready = first == READY
        return "" if self.is_ready else first

    async def forward(self, write: Callable[[bytes], None], restart: Callable[[int], None]) -> str:
        """Pass on whole lines of its output until it ends, and return how it ended.

        `restart` is called when it asks for a restart; see `restart_line`.
        """
        rest = b""
        while piece := await self._stdout.read(PIECE_BYTES):
            lines, newline, rest = (rest + piece).rpartition(b"\n")
            if newline:
                text = lines + newline
                for away_ms in _restart_line.findall(text):
                    restart(int(away_ms))
                write(_restart_line.sub(b"", text))
        code = await self._process.wait()
        self._stdin.close()
        with suppress(OSError):
            await self._stdin.wait_closed()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def stop(self) -> None:
        """Stop it as a single server stops; kill it if it is not ready."""
        if self.is_ready:
            self._stdin.close()
        else:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # the method of asyncio might wait for it, besides asyncio's watcher


class Supervisor:
    """Keeps workers running, one for each list of sockets.

    Args:
        module: the module whose `main` is a worker's program; it is called with the numbers of its sockets.
        setup: what each worker reads from its stdin.
        sockets: the listening sockets of each worker.
        write: takes whole lines of the workers' output.
        note: takes a line about a worker that has ended.
    """

    def __init__(
        self,
        module: str,
        setup: bytes,
        sockets: Sequence[Sequence[socket.socket]],
        write: Callable[[bytes], None],
        note: Callable[[str], None],
    ) -> None:
        self._module, self._setup, self._sockets = module, setup, sockets
        self._write, self._note = write, note
        self._workers = set[Worker]()
        self._serving = False
        self._stopping = asyncio.Event()
        self._restarting: asyncio.Task[None] | None = None

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run the workers until `stop` is called; `on_ready` is called when all accept connections.

        Raises:
            LtxMockError: workers do not start, and the server has never served.
        """
        self._on_ready = on_ready
        places = [asyncio.ensure_future(self._keep_worker(each)) for each in self._sockets]
        try:
            await asyncio.gather(*places)
        finally:
            self.stop()
            await asyncio.wait(places)

    def stop(self) -> None:
        """Start to stop. Call it in the event loop of `run`."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._restarting is not None:
            self._restarting.cancel()
        for sockets in self._sockets:
            for sock in sockets:
                sock.close()
        self._stop_workers()

    def _stop_workers(self) -> None:
        loop = asyncio.get_running_loop()
        for worker in self._workers:
            worker.stop()
            loop.call_later(KILL_SECONDS, worker.kill)

    async def _keep_worker(self, sockets: Sequence[socket.socket]) -> None:
        """Run a worker, and another one when it ends, until the supervisor stops."""
        failures = 0
        while not self._stopping.is_set():
            worker = await Worker.start(self._module, self._setup, sockets)
            self._workers.add(worker)
            if self._stopping.is_set():
                worker.stop()
            reason = await worker.begin()
            if worker.is_ready:
                failures = 0
                self._check_all_ready()
            ending = await worker.forward(self._write, self._restart)
            self._workers.remove(worker)
            if self._restarting is not None:
                await asyncio.wait([self._restarting])
            if self._stopping.is_set():
                return
            if worker.is_ready:
                self._note(f"worker {worker.pid} has ended ({ending}); another one takes its place")
                continue
            failures += 1
            if not self._serving:
                if reason or failures == MOST_FAILURES:
                    raise LtxMockError(reason or f"{failures} workers in a row ended before they were ready ({ending})")
                continue
            if failures == 1:
                self._note(f"worker {worker.pid} cannot start ({reason or ending}); others are tried until one starts")
            await self._pause()

    async def _pause(self) -> None:
        """Wait before the next try, or for the stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), RETRY_SECONDS)

    def _restart(self, away_ms: int) -> None:
        """Stop all workers; others take their places, after so many real milliseconds at least."""
        if not self._stopping.is_set() and (self._restarting is None or self._restarting.done()):
            self._note("a scenario restarts all workers")
            self._restarting = asyncio.create_task(self._stay_away(away_ms))
            self._stop_workers()

    async def _stay_away(self, milliseconds: int) -> None:
        if milliseconds:
            async with resetting(sock for sockets in self._sockets for sock in sockets):
                await asyncio.sleep(milliseconds / SECOND)

    def _check_all_ready(self) -> None:
        if not self._serving and sum(each.is_ready for each in self._workers) == len(self._sockets):
            self._serving = True
            self._on_ready()
