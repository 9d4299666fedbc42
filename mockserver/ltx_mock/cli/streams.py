"""Output streams whose reader has closed the pipe, as after `ltx-mock rules | head -1`, or does not read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
from io import TextIOWrapper
from typing import TextIO

MAX_UNREAD_BYTES = 1024 * 1024
RETRY_SECONDS = 0.03
LAST_SECONDS = 0.2
STDERR = 2
PIECE_BYTES = 4096  # a writable pipe accepts so many bytes without blocking (PIPE_BUF)


def forget_stream(stream: TextIO) -> None:
    """Redirect a broken stream to /dev/null, so that the flush at interpreter exit does not raise."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def occupy_standard_streams() -> None:
    """Open /dev/null in place of each closed standard stream, so that no socket gets its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        pass
    os.close(number)


def reader_is_gone(stream: TextIO) -> bool:
    """Tell whether the reader of a pipe has closed it, before anything is written to it; on Windows never."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


class Outlet:
    """A text stream that never makes the server wait for its reader, since a program that does not read would block it.

    Text that cannot be written yet is buffered and written later, in the running event loop. Text beyond the buffer is
    dropped. A closed pipe does not stop the server.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = b""
        self._gone = False
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def has_room(self) -> bool:
        """Whether text would be written or buffered, not dropped."""
        return not self._gone and len(self._rest) < MAX_UNREAD_BYTES

    def write(self, text: str) -> None:
        """Write or buffer a text, or drop it as a whole."""
        if text and self.has_room:
            self._put(text, 0.0)
        if self._rest and self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._retry)

    def close(self, text: str = "") -> None:
        """Write what is buffered and a last text, as far as they are read."""
        if self._rest or text:
            self._put(text if self.has_room else "", LAST_SECONDS)

    def _retry(self) -> None:
        self._alarm = None
        self._put("", 0.0)
        self.write("")

    def _put(self, text: str, patience: float) -> None:
        """Write as much as possible; wait at most `patience` seconds for each chunk."""
        stream = self._stream
        try:
            if (
                not isinstance(stream, TextIOWrapper) or sys.platform == "win32"
            ):  # on Windows select supports only sockets
                stream.write(text)
                stream.flush()
                return
            self._rest += text.encode(stream.encoding, stream.errors or "strict")
            while self._rest and select.select((), (stream.fileno(),), (), patience)[1]:
                self._rest = self._rest[os.write(stream.fileno(), self._rest[:PIECE_BYTES]) :]
        except OSError:
            self._gone, self._rest = True, b""
            forget_stream(stream)
