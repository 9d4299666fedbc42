"""A connection to one receiver that is kept open for its next callback.

Most responses are plain: one head of usual form and a body of known length. They are read by a pattern. h11 reads all
others, and takes ten times as long.
"""

from __future__ import annotations

import asyncio
import re
import select
import socket
from asyncio import open_connection
from collections.abc import Callable
from functools import lru_cache
from typing import Self

from ltx_mock.asgi.messages import BODYLESS

READ_BYTES = 64 * 1024
MAX_REST = 64 * 1024
"""The longest body of a response that is read to use its connection again."""
REST_SECONDS = 0.25
"""How long the end of that body may take, in real seconds."""
MAX_HEAD = 16 * 1024

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PLAIN = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [ -~]*)?\r\n((?:" + _TOKEN + rb":[\t -~]*\r\n)*)\r\n")
_LENGTHS = re.compile(rb"^content-length:[\t ]*(.*?)[\t ]*\r$", re.IGNORECASE | re.MULTILINE)
_UNUSUAL = re.compile(rb"^(?:transfer-encoding|connection|upgrade):", re.IGNORECASE | re.MULTILINE)
_KEEPS = re.compile(rb"^connection:[\t ]*keep-alive[\t ]*\r$", re.IGNORECASE | re.MULTILINE)


class StaleError(Exception):
    """The receiver had closed the connection before it read the request."""


class KeptConnection:
    """A connection without TLS; make it with `over`."""

    def __init__(self, sock: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._is_quiet = _quietness_of(sock)
        self._used = False
        self._rest: int | None = 0

    @classmethod
    async def over(cls, sock: socket.socket) -> Self:
        """Return a connection over a connected socket."""
        return cls(sock, *await open_connection(sock=sock))

    async def is_usable(self) -> bool:
        """Read the rest of the last response, and tell whether the receiver still keeps the connection open."""
        if self._rest is None or self._reader.at_eof():
            return False
        try:
            if self._rest:
                async with asyncio.timeout(REST_SECONDS):
                    await self._reader.readexactly(self._rest)
                self._rest = 0
        except (OSError, EOFError):
            return False
        return self._is_quiet()  # else it is closed, or says more than it was asked

    async def ask(self, request: bytes) -> tuple[int | None, bytes]:
        """Send a request, and return the status of a plain response, or None; and all that was read of it.

        After a plain response, `is_usable` tells whether the connection can be used again; after others it cannot.

        Raises:
            StaleError: the connection was closed before; only if it was used before.
            OSError: it is broken.
        """
        again, self._used, self._rest = self._used, True, None
        raw = b""
        try:
            self._writer.write(request)
            while b"\r\n\r\n" not in raw and len(raw) < MAX_HEAD:
                data = await self._reader.read(READ_BYTES)
                if not data:
                    break
                raw += data
        except ConnectionError:
            if again and not raw:
                raise StaleError from None
            raise
        plain = _PLAIN.match(raw)
        if plain is None:
            return None, raw
        length = _body_length(plain[1], plain[2])
        rest = -1 if length is None else length - len(raw) + plain.end()
        self._rest = rest if 0 <= rest <= MAX_REST else None
        return int(plain[1]), raw

    @property
    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection, to read the rest of a response that is not plain."""
        return self._reader, self._writer

    def close(self) -> None:
        """Close it."""
        self._writer.close()


def _quietness_of(sock: socket.socket) -> Callable[[], bool]:
    """Return what tells whether nothing comes from a socket, neither bytes nor its end.

    To peek at it would raise an exception each time, which takes longer than the question.
    """
    if not hasattr(select, "poll"):  # on Windows
        return lambda: not select.select((sock,), (), (), 0)[0]
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return lambda: not poll.poll(0)


@lru_cache(maxsize=64)
def _body_length(status: bytes, head: bytes) -> int | None:
    """Return the length of a body; None if it is unknown, or if the receiver will close the connection."""
    if _UNUSUAL.search(head) and (len(_UNUSUAL.findall(head)) > 1 or not _KEEPS.search(head)):
        return None
    if int(status) in BODYLESS:
        return 0
    lengths = _LENGTHS.findall(head)
    return int(lengths[0]) if len(lengths) == 1 and lengths[0].isdigit() and len(lengths[0]) < 10 else None
