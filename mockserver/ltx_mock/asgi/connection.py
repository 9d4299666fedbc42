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
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from starlette.types import Receive, Scope, Send

from ltx_mock.scenarios.model import CONNECTION_RESET_BY_PEER, MALFORMED_RESPONSE_CHUNK, RANDOM_DATA_THEN_CLOSE

KEY = "ltx_mock.asgi.connection"
SMALL_BUFFER = 32 * 1024
CUT = "cut"
"""An additional fault: written data is sent, then the connection is closed."""

_GOOD_START = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
_BEFORE_NOISE = {MALFORMED_RESPONSE_CHUNK: _GOOD_START, RANDOM_DATA_THEN_CLOSE: b""}
# A socket closed with a linger time of 0 discards its data and sends a reset.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Respond: TypeAlias = Callable[[Send, int, Headers, bytes], bool]


class Connection(Protocol):
    """The interface of connections."""

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""

    def buffer_little(self) -> None:
        """Use small send buffers, so that the sent bytes are close to the received ones."""

    def respond(self, send: Send, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole response in one piece, and tell whether this was possible; else it takes two messages.

        Args:
            send: that of the request. Only the server's own can be used: another one may change the response.
            status: the status code.
            headers: those besides type and length of the body, with lower-case names; none about the connection.
            body: the JSON.
        """

    async def abort(self, fault: str, noise: bytes, receive: Receive) -> None:
        """Break the connection with a fault; `noise` are the random bytes of a fault that sends some."""

    def restart_server(self, away_ms: int) -> None:
        """Let the server begin to restart; it is away for at least so many real milliseconds."""


class SocketConnection:
    """A real connection. `restart` restarts the server, `respond` is that of its parser; see `Connection`."""

    def __init__(self, transport: asyncio.Transport, restart: Callable[[int], None], respond: Respond) -> None:
        self._transport = transport
        self.restart_server, self.respond = restart, respond

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


def reset(transport: asyncio.Transport) -> None:
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
