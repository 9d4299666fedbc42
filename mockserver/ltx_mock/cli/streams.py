"""Streams whose reader has gone away, as after `ltx-mock rules | head -1`, or does not read."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from io import TextIOWrapper
from typing import TextIO

PIECE_BYTES = 4096  # a pipe that can be written to takes so many without a wait (PIPE_BUF)


def forget_stream(stream: TextIO) -> None:
    """Let a stream that nobody reads any more lead nowhere, so that its flush at the end of the program is no error."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Outlet:
    """A text stream that is written to without a wait for its reader; what it does not take is kept."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = b""

    @property
    def waiting(self) -> int:
        """How many bytes are kept."""
        return len(self._rest)

    def write(self, text: str, patience: float = 0.0) -> None:
        """Write what can be written; for each piece wait for at most `patience` seconds.

        Raises:
            OSError: the reader has gone away.
        """
        stream = self._stream
        if not isinstance(stream, TextIOWrapper) or sys.platform == "win32":  # there, select knows sockets only
            stream.write(text)
            stream.flush()
            return
        self._rest += text.encode(stream.encoding, stream.errors or "strict")
        while self._rest and select.select((), (stream.fileno(),), (), patience)[1]:
            self._rest = self._rest[os.write(stream.fileno(), self._rest[:PIECE_BYTES]) :]
