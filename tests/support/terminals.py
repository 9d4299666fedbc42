"""Commands on a real terminal (a pseudo-terminal) of a given size."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from support.processes import LTX_MOCK, clean_environment
from support.waiting import SECONDS

LINES = 24
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process whose stdout and stderr are a terminal, of no size if it has no columns."""

    def __init__(self, command: list[str], columns: int, env: Mapping[str, str]) -> None:
        import fcntl  # not everywhere
        import pty
        import termios

        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES if columns else 0, columns, 0, 0))
        environment = clean_environment(**({"TERM": "xterm-256color"} | dict(env)))
        if "CI" not in env:
            environment.pop("CI", None)
        self._popen = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self.output = ""

    def wait_for(self, text: str) -> None:
        """Read until the text is there, apart from colours."""
        while text not in CONTROL.sub("", self.output):
            assert self._read(), f"no {text!r} in {self.output!r}"

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._popen.send_signal(number)

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self._popen.wait(SECONDS)

    def close(self) -> None:
        """Make sure that nothing is left."""
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait(SECONDS)
        os.close(self._master)

    def _read(self) -> bool:
        read = b""
        assert select.select([self._master], [], [], SECONDS)[0], f"nothing came after {self.output!r}"
        with suppress(OSError):  # as Linux says that the other side is closed
            read = os.read(self._master, 65536)
        self.output += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)


@contextmanager
def terminal(*args: str, columns: int = 80, **env: str) -> Iterator[Terminal]:
    """Run `ltx-mock` on a terminal for a while."""
    shown = Terminal([*LTX_MOCK, *args], columns, env)
    try:
        yield shown
    finally:
        shown.close()


def on_terminal(*args: str, columns: int = 80, **env: str) -> tuple[int, str]:
    """Run `ltx-mock` on a terminal to its end; return exit code and output."""
    with terminal(*args, columns=columns, **env) as shown:
        code = shown.end()
        return code, shown.output
