"""Run a client that is a program: with the fake in its environment, and an end to it, whatever it does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Final

from ltx_mock.clients.story import Ran
from ltx_mock.clients.timing import Timing
from ltx_mock.errors import LtxMockError
from ltx_mock.mock_server import MockServer

__all__ = ["Program", "free_port"]

KEPT_BYTES: Final = 64 * 1024
PIECE: Final = 16 * 1024
GRACE_SECONDS: Final = 0.5
READ_SECONDS: Final = 1.0


class Program:
    """A command that makes one video. Call it with a fake to run it once.

    In its arguments and in the values of `env` stand `{url}` (the root of the fake), `{base_url}` (with `/api/v1`),
    `{api_key}`, `{callback_url}` and `{scale}` for what they are in this run.

    Args:
        command: The program and its arguments.
        timing: How time goes.
        timeout: After how many real seconds it is ended.
        env: Further names and values for its environment.
        callback: Where its receiver listens; None where it has none.
    """

    def __init__(
        self,
        command: Sequence[str],
        timing: Timing,
        *,
        timeout: float,
        env: Mapping[str, str] | None = None,
        callback: str | None = None,
    ) -> None:
        self._command = list(command)
        self._timing = timing
        self._timeout = timeout
        self._env = dict(env or {})
        self._callback = callback

    def __call__(self, mock: MockServer) -> Ran:
        """Run it.

        Raises:
            LtxMockError: It cannot be started.
        """
        known = {
            "url": mock.url,
            "base_url": mock.base_url,
            "api_key": mock.api_key,
            "callback_url": self._callback or "",
            "scale": self._timing.told,
        }
        environment = os.environ | mock.env | {"APIXO_TIME_SCALE": self._timing.told}
        environment |= {"APIXO_CALLBACK_URL": self._callback} if self._callback else {}
        environment |= {name: _filled(value, known) for name, value in self._env.items()}
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
        ended = _wait(process, self._timeout)
        _end_all(process)
        return Ran(
            well=ended and process.returncode == 0,
            how=_how(process.returncode) if ended else f"was ended after {self._timeout:g} s",
            ended=ended,
            seconds=time.monotonic() - began,
            output=output.text(),
        )


class _Output:
    """Reads what a program prints, and keeps the end of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._kept: deque[bytes] = deque(maxlen=KEPT_BYTES // PIECE)
        self._size = 0
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return it, when the program has ended."""
        self._thread.join(READ_SECONDS)
        text = b"".join(self._kept).decode("utf-8", "replace")
        lost = self._size - sum(map(len, self._kept))
        return f"… {lost} bytes before this\n{text}" if lost > 0 else text

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            while self._stream is not None and (piece := os.read(self._stream.fileno(), PIECE)):
                self._size += len(piece)
                self._kept.append(piece)
        if self._stream is not None:
            self._stream.close()


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it has started, gently and then not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        if process.poll() is None:
            _wait(process, GRACE_SECONDS)
    process.wait()


def _how(code: int) -> str:
    return f"exits with {code}" if code >= 0 else f"is ended by {signal.Signals(-code).name}"
