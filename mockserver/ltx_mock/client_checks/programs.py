"""Run a client program with the address of the fake in its environment, within time limits."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import IO, Final

from ltx_mock.client_checks.outcome import ClientRun
from ltx_mock.client_checks.time_limits import TimeLimits, wait_for_end
from ltx_mock.client_checks.timing import Timing
from ltx_mock.errors import LtxMockError
from ltx_mock.testing.mock_server import MockServer
from ltx_mock_contracts.reporting.redaction import HIDDEN, Redactor, text_without_keys

__all__ = ["Program", "free_port"]

KEPT_BYTES: Final = 64 * 1024
PIECE: Final = 16 * 1024
GRACE_SECONDS: Final = 0.5
READ_SECONDS: Final = 1.0
"""For how many real seconds nothing must come of an output before it is left: a child process may keep it open."""
ROUNDS: Final = 5
PROCESSES: Final = Path("/proc")
MARK: Final = "CHECK_CLIENT_RUN"
"""An environment variable that marks a program and all its child processes, so that they can be found."""


_PORTS: Final = range(15_000, 30_000)
_giving_ports = threading.Lock()
_given_ports: deque[int] = deque(maxlen=1000)


class Program:
    """A command that makes one video. Call it with a fake to run it once.

    Its arguments and the values of `env` may contain the placeholders `{url}` (the root of the fake), `{base_url}`
    (with `/api/v1`), `{api_key}`, `{callback_url}`, `{callback_secret}` and `{scale}`.

    Args:
        command: The program and its arguments.
        timing: The timing of fake and client.
        limits: The time limits.
        env: Additional environment variables.
        callback: The URL of its receiver; None if it has none.
    """

    def __init__(
        self,
        command: Sequence[str],
        timing: Timing,
        *,
        limits: TimeLimits,
        env: Mapping[str, str] | None = None,
        callback: str | None = None,
    ) -> None:
        self._command = list(command)
        self._timing = timing
        self._patience = limits
        self._env = dict(env or {})
        self._callback = callback
        self._stopped = threading.Event()

    def listening_at(self, callback: str) -> Program:
        """Return the program with another receiver URL; `stop` ends both."""
        other = Program(self._command, self._timing, limits=self._patience, env=self._env, callback=callback)
        other._stopped = self._stopped
        return other

    def stop(self) -> None:
        """End all current runs, from any thread; later ones end at once."""
        self._stopped.set()

    def __call__(self, mock: MockServer) -> ClientRun:
        """Run the program once.

        Raises:
            LtxMockError: It cannot be started.
        """
        known = {
            "url": mock.url,
            "base_url": mock.base_url,
            "api_key": mock.api_key,
            "callback_url": self._callback or "",
            "callback_secret": (secret := mock.settings.callback_secret or ""),
            "scale": self._timing.wait_divisor,
        }
        environment = os.environ | mock.env | {"APIXO_TIME_SCALE": self._timing.wait_divisor}
        environment |= {"APIXO_CALLBACK_URL": self._callback} if self._callback else {}
        environment |= {"APIXO_CALLBACK_SECRET": secret} if secret else {}
        environment |= {name: _filled(value, known) for name, value in self._env.items()}
        mark = uuid.uuid4().hex
        environment |= {MARK: mark}
        command = [_filled(part, known) for part in self._command]
        began = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603 - running what the user names is what this is for
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise LtxMockError(f"cannot run {command[0]!r}: {error.strerror}") from error
        output = _Output(process.stdout)
        try:
            stop = wait_for_end(lambda seconds: _wait(process, seconds) or self._stopped.is_set(), mock, self._patience)
        finally:
            _end_all(process, mark)
        return ClientRun(
            succeeded=stop is None and process.returncode == 0,
            description=_how(process.returncode) if stop is None else self._patience.describe(stop),
            exited=stop is None,
            stop=stop,
            seconds=time.monotonic() - began,
            output=Redactor({secret: HIDDEN}).text(text_without_keys(output.text(), [mock.api_key])),
        )


class _Output:
    """Reads the output of a program, and keeps its end."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._kept = bytearray()
        self._lost = 0
        self._pieces = 0
        self._changing = threading.Lock()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return the output after the end of the program.

        A process that nobody could end may keep the pipe open, so a quiet one is not waited for.
        """
        seen = -1
        while self._thread.is_alive() and (self._pieces > seen or self._has_more()):
            seen = self._pieces
            self._thread.join(READ_SECONDS)
        with self._changing:
            kept, lost = bytes(self._kept), self._lost
        if not lost:
            return kept.decode("utf-8", "replace")
        # The first line is incomplete, so a key in it might not be recognized.
        cut, _, whole = kept.partition(b"\n")
        return f"… {lost + len(cut)} bytes before this\n{whole.decode('utf-8', 'replace')}"

    def _has_more(self) -> bool:
        """Tell whether output, or its end, is still to be read, as after a pause of the machine; not on Windows."""
        if self._stream is None or not hasattr(select, "poll"):
            return False
        with suppress(OSError, ValueError):  # the reader has closed it
            poll = select.poll()
            poll.register(self._stream.fileno(), select.POLLIN)
            return bool(poll.poll(0))
        return False

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            while self._stream is not None and (piece := os.read(self._stream.fileno(), PIECE)):
                with self._changing:
                    self._pieces += 1
                    self._kept += piece
                    over = max(0, len(self._kept) - KEPT_BYTES)
                    self._lost += over
                    del self._kept[:over]
        if self._stream is not None:
            self._stream.close()


def free_port() -> int:
    """Return a port on which nobody listens, a different one each time.

    A system assigns none of these by itself, so the port is still free when a program takes it.

    Raises:
        LtxMockError: None is free.
    """
    for port in SystemRandom().sample(_PORTS, len(_PORTS)):
        with _giving_ports, socket.socket() as probe, suppress(OSError):
            if port not in _given_ports:
                probe.bind(("127.0.0.1", port))
                _given_ports.append(port)
                return port
    raise LtxMockError(f"no port from {_PORTS[0]} to {_PORTS[-1]} is free")


def _filled(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end_all(process: subprocess.Popen[bytes], mark: str) -> None:
    """Terminate the program and its children, then kill them."""
    if not hasattr(os, "killpg"):  # Windows has no process groups and signals
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)  # noqa: S603, S607
        process.wait()
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        if process.poll() is None:
            _wait(process, GRACE_SECONDS)
    process.wait()
    for _ in range(ROUNDS):
        left = list(_left_behind(f"{MARK}={mark}".encode()))
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return


def _left_behind(mark: bytes) -> Iterator[int]:
    """Find processes that have left the program's process group (Linux only)."""
    for each in PROCESSES.glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in each.read_bytes().split(b"\0"):
                yield int(each.parent.name)


def _how(code: int) -> str:
    if code >= 0:
        return f"exits with {code}"
    known = {each.value: each.name for each in signal.Signals}
    return f"is ended by {known.get(-code, f'signal {-code}')}"
