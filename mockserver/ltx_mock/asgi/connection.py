"""The connection of a request, and faults that break it as in WireMock.

ASGI has no message to break a connection. So the server adds a `Connection` to the state of the request's scope:
`ltx_mock.server.http` one for the socket, `ltx_mock.asgi.in_process` one without a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import Receive, Scope

from ltx_mock.scenarios.model import CONNECTION_RESET_BY_PEER, MALFORMED_RESPONSE_CHUNK, RANDOM_DATA_THEN_CLOSE

KEY = "ltx_mock.asgi.connection"
SMALL_BUFFER = 32 * 1024
CUT = "cut"
"""An additional fault: written data is sent, then the connection is closed."""

_GOOD_START = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
_BEFORE_NOISE = {MALFORMED_RESPONSE_CHUNK: _GOOD_START, RANDOM_DATA_THEN_CLOSE: b""}
# A socket closed with a linger time of 0 discards its data and sends a reset.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Connection(Protocol):
    """The interface of connections."""

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""

    def buffer_little(self) -> None:
        """Use small send buffers, so that the sent bytes are close to the received ones."""

    def hold(self) -> None:
        """Keep what is written from now on, to send all of it at once."""

    def release(self) -> None:
        """Send what was kept."""

    async def abort(self, fault: str, noise: bytes, receive: Receive) -> None:
        """Break the connection with a fault; `noise` are the random bytes of a fault that sends some."""

    def restart_server(self, away_ms: int) -> None:
        """Let the server begin to restart; it is away for at least so many real milliseconds."""


class HoldingTransport:
    """A transport that can keep what is written. uvicorn writes the head and the body of a response in two pieces.

    Sent at once, they are one packet and one system call.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        # What each request uses does not go through __getattr__.
        self.is_closing = transport.is_closing
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """See asyncio."""
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def write_eof(self) -> None:
        """See asyncio."""
        self.release()
        self._transport.write_eof()

    def close(self) -> None:
        """See asyncio."""
        self.release()
        self._transport.close()

    def hold(self) -> None:
        """Keep what is written from now on."""
        self._held = []

    def release(self) -> None:
        """Write what was kept, if anything was."""
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))


class SocketConnection:
    """A real connection. `restart` restarts the server."""

    def __init__(self, transport: HoldingTransport, restart: Callable[[int], None]) -> None:
        self._transport = transport
        self.hold, self.release = transport.hold, transport.release
        self.restart_server = restart

    @property
    def is_open(self) -> bool:
        """See `Connection.is_open`."""
        return not self._transport.is_closing()

    def buffer_little(self) -> None:
        """See `Connection.buffer_little`."""
        sock = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        self._transport.set_write_buffer_limits(high=SMALL_BUFFER)

    async def abort(self, fault: str, noise: bytes, receive: Receive) -> None:
        """See `Connection.abort`."""
        transport = self._transport
        if fault == CONNECTION_RESET_BY_PEER:
            reset(transport)
        else:
            if fault in _BEFORE_NOISE:
                transport.write(_BEFORE_NOISE[fault] + noise)
            transport.close()
        await wait_for_disconnect(receive)  # otherwise uvicorn would miss the response, and send one of its own


def reset(transport: asyncio.Transport | HoldingTransport) -> None:
    """Reset a connection."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection of a request; None under another server."""
    return scope.get("state", {}).get(KEY)  # type: ignore[no-any-return]


async def wait_for_disconnect(receive: Receive, within: float | None = None) -> bool:
    """Wait until the client disconnects, for at most so many real seconds; tell whether it did."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
    return False
