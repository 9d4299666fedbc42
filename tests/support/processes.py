"""The command line as people start it: as a process."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.waiting import SECONDS

LTX_MOCK = [sys.executable, "-m", "ltx_mock"]
OURS = ("LTX_MOCK_", "APIXO_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "http_proxy", "HTTP_PROXY")


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without what would change a command's output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"TZ": "UTC"} | more


def ltx_mock(
    *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = SECONDS
) -> tuple[int, str, str]:
    """Run `ltx-mock` to its end; return exit code, stdout and stderr."""
    done = subprocess.run(
        [*LTX_MOCK, *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        cwd=cwd,
        env=clean_environment(**(env or {})),
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class Process:
    """A program that runs until it is stopped. Its stdout comes line by line, its stderr is kept."""

    def __init__(self, command: list[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=cwd,
            env=clean_environment(**(env or {})),
        )
        self.pid = self._popen.pid
        self._out: queue.Queue[str | None] = queue.Queue()
        self._err: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        self._readers = [
            threading.Thread(target=_read, args=(self._popen.stdout, self._out), daemon=True),
            threading.Thread(target=_read, args=(self._popen.stderr, self._err), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def line(self) -> str:
        """Return the next line of stdout without its end, waiting for it."""
        line = self._out.get(timeout=SECONDS)
        assert line is not None, f"it ended: {self.stderr()}"
        return line

    def rest(self) -> list[str]:
        """Return the lines of stdout that were not read yet, when the program has ended."""
        return [line for line in _drain(self._out) if line is not None]

    def wait_for_error_line(self, pattern: str) -> re.Match[str]:
        """Return the first match of a pattern in a line of stderr, waiting for it."""
        while (line := self._err.get(timeout=SECONDS)) is not None:
            self._said.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no {pattern!r} in: {self.stderr()}")

    def stderr(self) -> str:
        """Return all that came on stderr so far."""
        self._said += [line for line in _drain(self._err) if line is not None]
        return "\n".join(self._said)

    def end(self, *numbers: signal.Signals) -> int:
        """Send SIGTERM, or these signals, and return the exit code."""
        for number in numbers or (signal.SIGTERM,):
            self._popen.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Wait for its end, and return the exit code."""
        code = self._popen.wait(SECONDS)
        self._join()
        return code

    def kill(self) -> None:
        """Make sure that nothing is left."""
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait(SECONDS)
        self._join()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream:
                stream.close()

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(SECONDS)


class Served(Process):
    """`ltx-mock serve` on a free port; made when it answers."""

    def __init__(
        self,
        *options: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        program: Sequence[str] = LTX_MOCK,
    ) -> None:
        super().__init__([*program, "serve", "--port", "0", *options], env=env, cwd=cwd)
        self.url = self.wait_for_error_line(r"answers at (\S+)")[1]
        self.wait_for_error_line("Ctrl-C")


@contextmanager
def serving(*options: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Iterator[Served]:
    """Run `ltx-mock serve` for a while."""
    served = Served(*options, env=env, cwd=cwd)
    try:
        yield served
    finally:
        served.kill()


def _read(stream: Iterator[str], into: queue.Queue[str | None]) -> None:
    for line in stream:
        into.put(line.rstrip("\n"))
    into.put(None)


def _drain(source: queue.Queue[str | None]) -> list[str | None]:
    drained = []
    while not source.empty():
        drained.append(source.get())
    return drained
