"""Output streams whose reader has closed the pipe, as after `ltx-mock rules | head -1`, or does not read."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from io import TextIOWrapper
from typing import TextIO

PIECE_BYTES = 4096  # a writable pipe accepts so many bytes without blocking (PIPE_BUF)


def forget_stream(stream: TextIO) -> None:
    """Redirect a broken stream to /dev/null, so that the flush at interpreter exit does not raise."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Outlet:
    """A non-blocking text stream; text that cannot be written yet is buffered."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = b""

    @property
    def waiting(self) -> int:
        """The number of buffered bytes."""
        return len(self._rest)

    def write(self, text: str, patience: float = 0.0) -> None:
        """Write as much as possible; wait at most `patience` seconds for each chunk.

        Raises:
            OSError: the reader has closed the pipe.
        """
        stream = self._stream
        if not isinstance(stream, TextIOWrapper) or sys.platform == "win32":  # on Windows select supports only sockets
            stream.write(text)
            stream.flush()
            return
        self._rest += text.encode(stream.encoding, stream.errors or "strict")
        while self._rest and select.select((), (stream.fileno(),), (), patience)[1]:
            self._rest = self._rest[os.write(stream.fileno(), self._rest[:PIECE_BYTES]) :]
