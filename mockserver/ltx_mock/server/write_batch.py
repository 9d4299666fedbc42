"""Write the responses that are ready at the same time one right after the other.

A write wakes the client, which may take longer than the response itself. A client with many connections, or a proxy,
falls asleep between two responses that are made and written in turn; it stays awake during a batch.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ltx_mock.core import system_time

MOST_RESPONSES = 16
"""As soon as so many are held they are written, so that their clients go on meanwhile."""
MOST_SECONDS = 0.001
"""What has been held for longer, in real seconds, is written with the next response."""
LARGE_BYTES = 16 * 1024
"""Data of at least this size is not held."""

_log = logging.getLogger("ltx_mock")


class WriteBatch:
    """The transports of a server that hold bytes until the end of this round of the event loop.

    Args:
        requests: The tasks of the requests in progress. When as many writes are held, nothing is waited for.
    """

    def __init__(self, requests: set[asyncio.Task[None]]) -> None:
        self._requests = requests
        self._transports: list[BatchingTransport] = []
        self._since = 0.0

    def add(self, transport: BatchingTransport) -> None:
        """Flush a transport at the end of the round, or sooner."""
        transports = self._transports
        transports.append(transport)
        count = len(transports)
        if count >= MOST_RESPONSES or count >= len(self._requests):
            self._flush()
        elif count == 1:
            self._since = system_time.monotonic()
            asyncio.get_running_loop().call_soon(self._flush)
        elif system_time.monotonic() - self._since > MOST_SECONDS:
            self._flush()

    def _flush(self) -> None:
        transports, self._transports = self._transports, []
        for transport in transports:
            try:
                transport.flush()
            except Exception:  # noqa: BLE001 - it costs the others nothing
                _log.exception("ltx-mock: a response could not be written")
                transport.abort()


class BatchingTransport(asyncio.Transport):
    """A transport that holds the first write of a round; see asyncio.

    A second one, and each other call that sends something or closes the transport, comes after it. A transport that
    closes by itself, because the client sends no more, must be flushed before; it still sends what its buffer has, and
    what is written while it has some.
    """

    def __init__(self, transport: asyncio.Transport, batch: WriteBatch) -> None:
        super().__init__()
        self._transport, self._batch = transport, batch
        self._held = b""
        self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See asyncio."""
        if self._held or self._ended or len(data) >= LARGE_BYTES or self._transport.is_closing():
            self.flush()
            self._transport.write(data)
        else:
            self._held = bytes(data)
            self._batch.add(self)

    def flush(self) -> None:
        """Write what is held, unless the client is gone."""
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def write_eof(self) -> None:
        """See asyncio."""
        self.flush()
        self._ended = True  # from now on the error belongs to the writer
        self._transport.write_eof()

    def close(self) -> None:
        """See asyncio."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """See asyncio."""
        self.flush()
        self._transport.abort()

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._transport.is_closing()

    def can_write_eof(self) -> bool:
        """See asyncio."""
        return self._transport.can_write_eof()

    def pause_reading(self) -> None:
        """See asyncio."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See asyncio."""
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio."""
        self._transport.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio."""
        return self._transport.get_extra_info(name, default)
