"""The common part of HTTP connections of both parsers: size limits, time limits, and errors in the envelope."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal

from starlette.types import Send
from uvicorn.server import ServerState

from ltx_mock.asgi import connection as wire
from ltx_mock.engine import responses
from ltx_mock.server.write_batch import BatchingTransport, WriteBatch

HEAD_BYTES = 64 * 1024
"""The maximum size of a request's head: its request line and its header lines."""
HEAD_LINES = 128
"""The maximum number of header lines of a request, and of the trailer of a chunked body."""
TARGET_BYTES = 8 * 1024
"""The maximum length of a path with its query."""
REQUEST_BYTES = 8 * 1024 * 1024
"""The maximum bytes of one request on the connection: eight times the largest body, for chunks of one byte."""
HEAD_SECONDS = 30.0
"""The maximum time of a head from its first byte, in real seconds."""
BODY_SECONDS = 75.0
"""The maximum pause of a body, in real seconds."""
LINGER_SECONDS = 1.0
"""How long bytes are read and dropped after an error response; otherwise a reset could discard the response."""
WARNING_SECONDS = 60.0
"""The minimum interval of log records about too many connections."""

Phase = Literal["head", "body", "blank"]
"""The unfinished part of a request: a head, a body, or only line breaks."""

_log = logging.getLogger("ltx_mock")
_uvicorn_log = logging.getLogger("uvicorn.error")


class RefusedError(Exception):
    """The received bytes are not an acceptable request; status and text say why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def too_long(lines: int, target: int, size: int) -> RefusedError | None:
    """Return the refusal of a head that exceeds the limits, or None."""
    if target > TARGET_BYTES:
        return RefusedError(414, f"The URL is longer than {TARGET_BYTES} bytes")
    if lines > HEAD_LINES:
        return RefusedError(431, f"The request has more than {HEAD_LINES} header lines")
    if size > HEAD_BYTES:
        return RefusedError(431, f"The head of the request is longer than {HEAD_BYTES} bytes")
    return None


def too_large(size: int) -> RefusedError | None:
    """Return the refusal of an incomplete request with too many bytes, or None."""
    return RefusedError(413, f"The request is longer than {REQUEST_BYTES} bytes") if size > REQUEST_BYTES else None


def not_http(detail: str) -> RefusedError:
    """Return the refusal of bytes that are not HTTP."""
    return RefusedError(400, f"This is not an HTTP/1.1 request: {detail}")


def no_tunnel() -> RefusedError:
    """Return the refusal of `CONNECT`."""
    return RefusedError(405, "Method CONNECT is not allowed here; this is no proxy")


class Connections(ServerState):
    """uvicorn's state of a server, with a maximum of open connections."""

    def __init__(self) -> None:
        super().__init__()
        self.most = most_connections()
        self.batch = WriteBatch(self.tasks)
        self._warned = -WARNING_SECONDS
        self.restart: Callable[[int], None] = lambda _: None
        """Lets the server begin to restart; it is away for at least so many real milliseconds."""

    def make_room(self, new: HttpConnection) -> bool:
        """If there are too many connections, close the one that is idle longest; tell whether one was closed."""
        if len(self.connections) <= self.most:
            return True
        now = new.loop.time()
        if now - self._warned >= WARNING_SECONDS:
            self._warned = now
            _log.warning(
                "ltx-mock: %d connections are open, as many as the limit of open files (ulimit -n) allows; "
                "the longest idle ones are closed",
                self.most,
            )
        others: set[Any] = self.connections - {new}
        longest = min(others, key=lambda each: each.waits_since)
        if longest.waits_since == float("inf"):
            return False
        self.connections.discard(longest)
        longest.transport.abort()
        return True


def most_connections() -> int:
    """Return the number of connections under the limit of open files, with a reserve for callbacks and files."""
    try:
        import resource  # noqa: PLC0415 - not on Windows

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except ImportError:
        return 10_000
    if limit == resource.RLIM_INFINITY:
        return 1_000_000
    opened = 32
    with contextlib.suppress(OSError):
        opened = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names are enough
    return max(4, limit - opened - min(64, limit // 4))


class HttpConnection:
    """A mixin for the protocols of both parsers.

    Attributes:
        refusal: The error response that is sent before the connection is closed; None if there is none.
    """

    access_log: bool
    logger: logging.Logger
    app_state: Any
    server_state: Any
    loop: Any
    transport: Any
    flow: Any
    cycle: Any
    pipeline: Any = ()
    timeout_keep_alive: Any
    timeout_keep_alive_task: Any
    refusal: bytes | None = None

    _counted: object = None
    """The incomplete request that `_bytes` are counted for."""
    _bytes = 0
    _timer: asyncio.TimerHandle | None = None
    _phase: tuple[Phase, object] | None = None
    _since = 0.0

    def connection_made(self, transport: Any) -> None:
        """See asyncio. uvicorn copies the state for each request anyway, so the wire costs each connection only."""
        transport = BatchingTransport(transport, self.server_state.batch)
        connection = wire.SocketConnection(transport, self.server_state.restart, self.respond)
        self.app_state = {**self.app_state, wire.KEY: connection}
        self.logger = _uvicorn_log  # a test may replace `logging.getLogger`
        self.access_log = False  # uvicorn's own setting would silence every other server of the process too
        super().connection_made(transport)  # type: ignore[misc]
        self.await_client("blank")
        if not self.server_state.make_room(self):
            self.refuse(RefusedError(503, "Too many connections are open, and all of them are busy"))

    @staticmethod
    def respond(send: Send, status: int, headers: wire.Headers, body: bytes) -> bool:  # noqa: ARG004
        """See `Connection.respond`; a parser without a way of its own needs the messages."""
        return False

    def eof_received(self) -> None:
        """See asyncio. The client sends no more, but still reads what it has asked for; the transport closes now."""
        self.transport.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.stop_waiting()
        super().connection_lost(exc)  # type: ignore[misc]

    def close_if_idle(self) -> None:
        """Close the connection unless a response is pending."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def break_off(self) -> None:
        """Break the connection as the end of the process does: a pending response is lost, a complete one is not."""
        self.close_if_idle()
        if not self.transport.is_closing():
            wire.reset(self.transport)

    @property
    def waits_since(self) -> float:
        """Since when the client has been silent, in the loop's time; infinity while it waits for a response."""
        if self._timer is not None:
            return self._since
        idle = self.timeout_keep_alive_task
        return float("inf") if idle is None else float(idle.when() - self.timeout_keep_alive)

    # ---- time limits

    def await_client(self, phase: Phase) -> None:
        """Start or continue the time limit of the current part; progress of a body restarts it."""
        found = (phase, self.cycle)
        if found == self._phase and phase == "head":
            return
        self.stop_waiting()
        self._phase, self._since = found, self.loop.time()
        seconds = {"head": HEAD_SECONDS, "body": BODY_SECONDS, "blank": self.timeout_keep_alive}[phase]
        self._timer = self.loop.call_later(seconds, self._lose_patience)

    def stop_waiting(self) -> None:
        """End the time limit: the request is complete."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._phase = None

    def _lose_patience(self) -> None:
        phase = self._phase[0] if self._phase else "blank"
        self._timer = self._phase = None
        if phase == "blank":
            self.transport.close()
        else:
            seconds = HEAD_SECONDS if phase == "head" else BODY_SECONDS
            self.refuse(RefusedError(408, f"The {phase} of the request did not come within {seconds:g} s"))

    # ---- refusals

    def count_bytes(self, request: object, size: int) -> None:
        """Count bytes of an incomplete request."""
        self._bytes = self._bytes + size if self._counted is request else size
        self._counted = request

    def refuse(self, problem: RefusedError) -> None:
        """Send an error response in the envelope, after pending responses, and close the connection."""
        if self.refusal is not None or self.transport.is_closing():
            return
        self.stop_waiting()
        self.refusal = _response(problem)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._hang_up()
        elif not cycle.more_body:
            cycle.on_response = self._hang_up
        elif self._is_queued(cycle):
            self.pipeline[0] = (cycle, self._in_its_turn)
        elif cycle.response_started:
            self.transport.close()
        else:
            self._give_up(cycle)
            self._hang_up()

    def _is_queued(self, cycle: Any) -> bool:
        return bool(self.pipeline) and self.pipeline[0][0] is cycle

    async def _in_its_turn(self, *_: object) -> None:
        self._give_up(self.cycle)
        self._hang_up()

    @staticmethod
    def _give_up(cycle: Any) -> None:
        """Notify the application that the rest of this request will not come."""
        cycle.disconnected = True
        cycle.message_event.set()

    def _hang_up(self) -> None:
        transport = self.transport
        if transport.is_closing():
            return
        transport.write(self.refusal or b"")
        if transport.can_write_eof():
            transport.write_eof()
            self.flow.resume_reading()
            self._timer = self.loop.call_later(LINGER_SECONDS, transport.close)
            self._since = self.loop.time()
        else:
            transport.close()


def _response(problem: RefusedError) -> bytes:
    body = responses.error(problem.status, str(problem)).body
    phrase = HTTPStatus(problem.status).phrase
    head = f"HTTP/1.1 {problem.status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
